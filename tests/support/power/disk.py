"""What a disk may hold after a power cut, given all that was done to it before.

What was synced is there. Of what was not,

* each sector of a file shows one of the states that it had since the file was last synced, chosen for each on its own:
  so writes are lost, torn at the bounds of sectors, and overtake each other;
* the size of a file is one of those it had since then; what lies between data that came and a size that came is zeros,
  or anything;
* a name in the folder is there or gone, as it was at some moment since the folder was last synced; a file whose name
  is gone is gone.

Bytes that nobody wrote never change: SQLite relies on it where a disk says so (its SQLITE_IOCAP_POWERSAFE_OVERWRITE),
and takes it for granted of all disks unless told otherwise.
"""

import random
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from attrs import define, field, frozen

SECTORS: Final = (512, 4096)


@frozen
class Written:
    """Bytes were written into a file."""

    file: int
    offset: int
    data: bytes


@frozen
class Cut:
    """A file was cut, or made longer."""

    file: int
    size: int


@frozen
class Synced:
    """What was written into a file has reached the disk."""

    file: int


@frozen
class Named:
    """A name was given to a file, or (None) taken away."""

    name: str
    file: int | None


@frozen
class FolderSynced:
    """The names have reached the disk."""


@frozen
class Told:
    """Something became known outside of the disk: it cannot be taken back."""

    what: object


Event: TypeAlias = Written | Cut | Synced | Named | FolderSynced | Told
Version: TypeAlias = Callable[[], int]  # how many of the changes since the last sync a sector has seen


class Disk:
    """A log of all that was done, in order; any thread may add to it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._files: dict[str, int] = {}
        self._lock = threading.Lock()
        self._count = 0

    def add(self, event: Event) -> None:
        """Add what happened."""
        with self._lock:
            self.events.append(event)

    def file(self, name: str) -> int:
        """Return which file has a name; one that nobody knows is new."""
        with self._lock:
            if name not in self._files:
                self._count += 1
                self._files[name] = self._count
                self.events.append(Named(name, self._count))
            return self._files[name]

    def delete(self, name: str) -> None:
        """Take a name away."""
        with self._lock:
            if self._files.pop(name, None) is not None:
                self.events.append(Named(name, None))

    def told(self, at: int) -> list[object]:
        """Return what was known outside before the event *at*."""
        return [event.what for event in self.events[:at] if isinstance(event, Told)]

    def image(self, at: int, dice: random.Random) -> dict[str, bytes]:
        """Return the files that a cut before the event *at* may leave; the dice say which of the possible ones."""
        state = _State()
        for event in self.events[:at]:
            state.add(event)
        return state.after_cut(dice)


@define
class _File:
    durable: bytes = b""
    changes: list[Written | Cut] = field(factory=list)

    def sync(self) -> None:
        content = bytearray(self.durable)
        for change in self.changes:
            end = change.size if isinstance(change, Cut) else change.offset + len(change.data)
            content += bytes(max(end - len(content), 0))
            if isinstance(change, Cut):
                del content[end:]
            else:
                content[change.offset : end] = change.data
        self.durable = bytes(content)
        self.changes.clear()

    def after_cut(self, dice: random.Random) -> bytes:
        count = len(self.changes)
        version = _versions(count, dice)
        filler = dice.choice((bytes, dice.randbytes))
        sizes = dice.choice((0, count, dice.randint(0, count)))
        return self._at(version, sizes, dice.choice(SECTORS), filler)

    def _at(self, version: Version, sizes: int, sector: int, filler: Callable[[int], bytes]) -> bytes:
        """Return the content, when *sizes* changes have changed the size and each sector has its own version."""
        versions: dict[int, int] = {}
        content, size = bytearray(self.durable), len(self.durable)
        for number, change in enumerate(self.changes):
            if isinstance(change, Cut):
                if number < sizes:
                    size = change.size
                    del content[size:]
                continue
            if number < sizes:
                size = max(size, change.offset + len(change.data))
            for start, piece in _pieces(change, sector):
                if (place := start // sector) not in versions:
                    versions[place] = version()
                if number < versions[place]:
                    if start > len(content):
                        content += filler(start - len(content))
                    content[start : start + len(piece)] = piece
        return bytes(content[:size]) + filler(max(size - len(content), 0))


@define
class _State:
    files: dict[int, _File] = field(factory=dict)
    names: dict[str, int | None] = field(factory=dict)  # those that are on the disk
    renames: dict[str, list[int | None]] = field(factory=dict)  # what happened to a name since

    def add(self, event: Event) -> None:
        match event:
            case Written(file) | Cut(file):
                self._file(file).changes.append(event)
            case Synced(file):
                self._file(file).sync()
            case Named(name, file):
                self.renames.setdefault(name, []).append(file)
            case FolderSynced():
                self.names |= {name: files[-1] for name, files in self.renames.items()}
                self.renames.clear()

    def after_cut(self, dice: random.Random) -> dict[str, bytes]:
        names = dict(self.names)
        for name, files in self.renames.items():
            names[name] = dice.choice((self.names.get(name), files[-1], dice.choice(files)))
        return {name: self._file(file).after_cut(dice) for name, file in names.items() if file is not None}

    def _file(self, number: int) -> _File:
        return self.files.setdefault(number, _File())


def _versions(count: int, dice: random.Random) -> Version:
    """Return what says of each sector how many changes it has seen: a disk may be lazy in several ways."""
    common, few = dice.randint(0, count), dice.random() / 2
    return dice.choice(
        (
            lambda: 0,  # nothing came
            lambda: count,  # all of it did
            lambda: common,  # in order, up to some moment
            lambda: dice.randint(0, count),  # each as it likes
            lambda: dice.randint(0, count) if dice.random() < few else count,  # few are late
            lambda: count if dice.random() < few else 0,  # few are early
        )
    )


def _pieces(change: Written, sector: int) -> list[tuple[int, bytes]]:
    """Split what was written at the bounds of sectors."""
    end = change.offset + len(change.data)
    starts = [change.offset, *range((change.offset // sector + 1) * sector, end, sector)]
    return [
        (start, change.data[start - change.offset : stop - change.offset])
        for start, stop in zip(starts, [*starts[1:], end], strict=True)
    ]
