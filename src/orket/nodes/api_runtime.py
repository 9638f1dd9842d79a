"""Stock answers for hosts that have an API of their own."""

import re

from orket.contracts import AssetQuestion

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)
_ASSET = re.compile(r"\w[\w .@-]{0,127}")  # what a file of an asset may be called; "@": a card that goes on elsewhere


class DefaultApiRuntimeStrategyNode:
    """Read what a request says, without ever failing: what cannot be understood allows and names nothing."""

    contract_version = 1

    def parse_allowed_origins(self, value: str, /) -> tuple[str, ...]:
        """Return the origins of a comma-separated list (RFC 6454: scheme, host, port), each once.

        What is no origin allows nothing and is left out. ``*`` counts only when it is the whole value: one stray star
        in a list must not open it to everybody.
        """
        if value.strip() == "*":
            return ("*",)
        origins = [part.strip().rstrip("/").lower() for part in value.split(",")]
        return tuple(dict.fromkeys(origin for origin in origins if _ORIGIN.fullmatch(origin)))

    def resolve_asset_id(self, question: AssetQuestion, /) -> str | None:
        """Return the issue's id if given and safe, else the path's last segment without ``.json``, else None."""
        given = (question.issue_id or "").strip()
        if _ASSET.fullmatch(given):
            return given
        path = re.split(r"[?#]", question.path, maxsplit=1)[0]
        segment = path.rstrip("/").rpartition("/")[2].removesuffix(".json")
        return segment if _ASSET.fullmatch(segment) else None

    def create_session_id(self, token: str, /) -> str:
        """Return the whole token: a session id that a stranger cannot guess."""
        return token
