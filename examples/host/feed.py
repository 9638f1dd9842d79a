"""One reader of the journal for all who watch it.

Everybody who follows has a cursor, the ``seq`` of the last entry seen, and no buffer: who is slow, or comes back later,
reads on from there, the last entries from memory and older ones from the store. Nothing is missed and nothing comes
twice.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

import anyio
from attrs import define, field, frozen
from cattrs.preconf.json import JsonConverter, make_converter
from telling import refusal, tell

from orket.contracts import Store
from orket.errors import StoreError
from orket.events import JournalEntry

KEPT: Final = 4096  # entries in memory, at least, when there were as many
PAGE: Final = 256  # entries in a message, at most
GLANCE: Final = 1.0  # seconds between two looks at what other processes may have written


@frozen(kw_only=True)
class Wanted:
    """Whose entries: of a run, of a build, about a card; None: of all."""

    run: str | None = None
    build: str | None = None
    card: str | None = None

    def fits(self, line: "Line") -> bool:
        """Return whether an entry is wanted."""
        return (
            (self.run is None or self.run == line.run)
            and (self.build is None or self.build == line.build)
            and (self.card is None or self.card == line.card)
        )


@frozen(kw_only=True)
class Line:
    """An entry as it is sent."""

    seq: int
    run: str
    build: str
    card: str | None
    text: str


@define
class Feed:
    """The journal as it grows: JSON arrays of entries for everybody who follows."""

    _store: Store
    seq: int = field(default=0, init=False)  # of the last entry that is known of, for a second while nobody follows
    fault: str = field(default="", init=False)  # why the record cannot be read now
    _recent: list[Line] = field(factory=list, init=False)
    _news: anyio.Event = field(factory=anyio.Event, init=False)
    _filling: anyio.Lock = field(factory=anyio.Lock, init=False)
    _followers: int = field(default=0, init=False)
    _came: anyio.Event = field(factory=anyio.Event, init=False)  # somebody follows
    _converter: JsonConverter = field(factory=make_converter, init=False)

    async def open(self) -> None:
        """Find the end of the journal."""
        self.seq = await self._store.last_seq()

    async def watch(self) -> None:
        """Read what is committed, here and by other processes, until cancelled."""
        while True:
            try:
                if self._followers:
                    await self._read()
                else:
                    await self._skip()
                self.fault = ""
            except StoreError as error:
                self.fault = str(error)
                await anyio.sleep(GLANCE)

    async def _read(self) -> None:
        async for entry in self._store.events(self.seq):
            self._recent.append(self._line(entry))
            self.seq = entry.seq
        self._tell()
        with anyio.move_on_after(GLANCE):
            await self._store.wait(self.seq)

    async def _skip(self) -> None:
        """Look where the journal ends, while nobody follows; what was skipped is read when it is asked for."""
        end = await self._store.last_seq()
        if end > self.seq:
            self.seq, self._recent = end, []
        self._tell()
        with anyio.move_on_after(GLANCE):
            await self._came.wait()

    async def follow(self, since: int, wanted: Wanted) -> AsyncIterator[str]:
        """Yield JSON arrays of the wanted entries with ``seq`` > *since*, for ever.

        Raises:
            StoreError: older entries cannot be read.
        """
        self._followers += 1
        self._came.set()
        try:
            while True:
                news = self._news
                if since >= self.seq:
                    await news.wait()
                    continue
                found = self._remembered(since)
                if found is None and self.seq - since <= KEPT:
                    await self._fill(since)
                    found = self._remembered(since)
                lines, since = found or await self._stored(since, wanted)
                texts = [line.text for line in lines if wanted.fits(line)]
                if texts:
                    yield f"[{','.join(texts)}]"
        finally:
            self._followers -= 1
            if not self._followers:
                self._came = anyio.Event()

    def _remembered(self, since: int) -> tuple[list[Line], int] | None:
        """Return the next entries from memory, and the cursor after them; None where they are older than that."""
        if not self._recent or since + 1 < self._recent[0].seq:
            return None
        start = since + 1 - self._recent[0].seq
        lines = self._recent[start : start + PAGE]
        return lines, lines[-1].seq

    async def _fill(self, since: int) -> None:
        """Read what is missing in memory, once for all who come back at the same time."""
        async with self._filling:
            end = self._recent[0].seq if self._recent else self.seq + 1
            if since + 1 >= end:
                return
            lines = []
            entries = self._store.events(since)
            async with aclosing(entries):  # type: ignore[type-var]
                async for entry in entries:
                    if entry.seq == end:
                        break
                    lines.append(self._line(entry))
            if end == (self._recent[0].seq if self._recent else self.seq + 1):  # else the watcher has moved on
                self._recent[:0] = lines

    async def _stored(self, since: int, wanted: Wanted) -> tuple[list[Line], int]:
        end, lines = self.seq, list[Line]()
        entries = self._store.events(since, run=wanted.run, build=wanted.build, card=wanted.card)
        async with aclosing(entries):  # type: ignore[type-var]
            async for entry in entries:
                if entry.seq > end:
                    break
                lines.append(self._line(entry))
                if len(lines) == PAGE:
                    return lines, entry.seq
        return lines, end

    def _tell(self) -> None:
        if len(self._recent) > 2 * KEPT:
            del self._recent[:-KEPT]
        news, self._news = self._news, anyio.Event()
        news.set()

    def _line(self, entry: JournalEntry) -> Line:
        kind = type(entry.record).__name__
        said = {"kind": kind, "told": tell(entry), "refusal": bool(refusal(entry))}
        data = {**self._converter.unstructure(entry), **said}
        return Line(
            seq=entry.seq, run=entry.run, build=entry.build, card=entry.card, text=self._converter.dumps(data, dict)
        )
