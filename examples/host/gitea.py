"""A Gitea that is none: it says yes to everything and remembers it, so that the review desk has somebody to talk to."""

from attrs import define, field

from orket.contracts import GiteaPull

REMEMBERED = 50


@define
class PretendGitea:
    """A ``GiteaClient`` without a network; a real one is ``orket.review.GiteaHttpClient``."""

    done: list[str] = field(factory=list)  # what it was asked to do, the oldest first

    async def pull(self, repository: str, number: int, /) -> GiteaPull:
        """Return a pull request that is open."""
        return GiteaPull(number=number, is_open=True, is_merged=False, head="")

    async def merge(self, repository: str, number: int, head: str, /) -> None:
        """Merge a pull request."""
        self._note(f"merged {repository}#{number} at {head[:8]}")

    async def close(self, repository: str, number: int, /) -> None:
        """Close a pull request."""
        self._note(f"closed {repository}#{number}")

    async def comment(self, repository: str, number: int, text: str, /) -> None:
        """Comment on a pull request."""
        self._note(f"commented on {repository}#{number}: {text.splitlines()[0] if text else ''}")

    async def has_comment(self, repository: str, number: int, marker: str, /) -> bool:
        """Return that there is no such comment: what this object has seen is gone with its process."""
        return False

    async def open_issue(self, repository: str, title: str, text: str, /) -> int:
        """Open an issue."""
        self._note(f"opened an issue in {repository}: {title}")
        return 1

    async def find_issue(self, repository: str, marker: str, since: float, /) -> int | None:
        """Return that there is no such issue."""
        return None

    def _note(self, line: str) -> None:
        self.done.append(line)
        del self.done[:-REMEMBERED]
