"""Who may knock: pages of other origins are let in by name, and nobody acts through somebody else's browser.

Browsers send ``Origin`` with every request that acts and with every WebSocket. This host has no login, so that is what
keeps a page that somebody happens to read from starting epics; the ``Host`` field is checked, too, because a name that
a stranger owns may point to this machine.
"""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HERE = ["127.0.0.1", "localhost"]  # a real deployment names its own
READS = ("GET", "HEAD", "OPTIONS")


class Doors:
    """Middleware around the application; which origins it allows is known when the crew is open."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._here = TrustedHostMiddleware(app, allowed_hosts=HERE)
        self._abroad: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        origins: tuple[str, ...] = scope["app"].state.host.origins
        if self._abroad is None:
            self._abroad = _abroad(self._here, origins)
        checked = self._abroad
        if acts(scope):
            headers = Headers(scope=scope)
            if not may_act(headers, origins):
                refusal = PlainTextResponse("this origin may not act here", status_code=403)
                await refusal(scope, receive, send)
                return
            if "origin" not in headers:  # no page asks, and nobody keeps the answer for one: Gitea, say
                checked = self._here
        await checked(scope, receive, send)


def _abroad(here: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    return CORSMiddleware(here, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["content-type"])


def acts(scope: Scope) -> bool:
    """Return whether a request changes something, or opens a WebSocket, to which CORS does not apply."""
    return scope["type"] == "websocket" or (scope["method"] not in READS)


def may_act(headers: Headers, origins: tuple[str, ...]) -> bool:
    """Return whether a request comes from no browser, from a page of this host, or from an allowed origin."""
    origin = headers.get("origin")
    own = f"http://{headers.get('host', '')}"
    return origin is None or origin.lower() in (own, *origins) or origins == ("*",)
