"""Notes that seats of a build leave for one another; shown in the prompts of later turns, and nothing else."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from attrs import define, field, frozen

from orket._value import Value
from orket.contracts import Document, Store
from orket.errors import StoreError

ALL: Final = "all"  # the addressee of a note for everybody
_KIND: Final = "note"  # of the documents


@frozen(kw_only=True, repr=False, eq=False)
class Note(Value):
    """What a seat has left for a seat, a role or all; ``card`` is the issue that it worked on."""

    key: str
    author: str
    to: str
    text: str
    card: str
    at: float

    @property
    def line(self) -> str:
        """How it is told: who wrote it, for whom, and about which issue."""
        return f"note by {self.author} for {self.to}, on {self.card}: {self.text}"


def as_document(note: Note) -> Document:
    """Return how a note is kept in the store; its key is ``build/card/run/turn.place``."""
    body = {"author": note.author, "to": note.to, "text": note.text, "card": note.card, "at": note.at}
    return Document(kind=_KIND, key=note.key, body=body)


def _as_note(document: Document) -> Note:
    match document.body:
        case {"author": str() as author, "to": str() as to, "text": str() as text, "card": str() as card, "at": at}:
            return Note(key=document.key, author=author, to=to, text=text, card=card, at=at)
        case _:
            raise StoreError(f"document {document.key!r} of kind {_KIND!r} holds no note")


@define(repr=False, eq=False)
class Notes:
    """The newest notes of a build, by addressee; ``window`` is how many of each are kept."""

    window: int
    _kept: dict[str, deque[tuple[int, Note]]] = field(factory=dict)
    _known: set[str] = field(factory=set)  # keys

    def add(self, notes: Iterable[Note]) -> None:
        """Take over notes that are committed, in the order they were left."""
        for note in notes:
            if note.key not in self._known:
                self._known.add(note.key)
                kept = self._kept.setdefault(note.to, deque(maxlen=self.window))
                kept.append((len(self._known), note))

    async def load(self, store: Store, build: str) -> None:
        """Take over what the store has of a build: of the runs before, and of others that work on it now.

        Raises:
            StoreError: it could not be read, or a document of the kind holds no note.
        """
        notes = [_as_note(document) for document in await store.find(_KIND, prefix=f"{build}/")]
        self.add(sorted(notes, key=lambda note: (note.at, note.key)))

    def addressed_to(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the newest notes for any of *names* or for all, as lines, the newest last."""
        if not self._kept:
            return ()
        found = [placed for name in {*names, ALL} for placed in self._kept.get(name, ())]
        found.sort(key=lambda placed: placed[0])
        return tuple([note.line for _, note in found[-self.window :]])
