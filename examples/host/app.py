"""The application: what can be asked of the host over HTTP and WebSocket."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl, quote

import anyio
import pages
import tree
from doors import Doors
from feed import Wanted
from host import Host
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

import orket
from orket.errors import (
    EffectUnknownError,
    StoreConflictError,
    TransitionError,
)

WEBHOOK: Final = 2**20 + 1  # bytes that are read of a delivery; the desk turns away what has more than 1 MiB
FORM: Final = 16 * 1024  # bytes of any other body
STATUSES: Final = (  # the first that fits
    (orket.UnknownCardError, 404),
    ((TransitionError, EffectUnknownError, StoreConflictError, orket.RunError, orket.GovernanceError), 409),
    (orket.ConfigError, 422),
    (orket.StoreError, 503),
    (orket.OrketError, 500),
)


def make_app(opening: Callable[[], AbstractAsyncContextManager[Host]]) -> Starlette:
    """Return the application; the host is opened when the server starts, and closed when it has let go of everybody."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opening() as app.state.host:
            yield

    routes = [
        Route("/heartbeat", heartbeat),
        Route("/webhooks/gitea", Webhook(), methods=["POST"]),
        Route("/", board_page),
        Route("/board", board_part),
        Route("/portfolio", portfolio_page),
        Route("/portfolio/part", portfolio_part),
        Route("/runs/{run}", run_page),
        Route("/runs/{run}/board", run_part),
        Route("/runs/{run}/halt", halt, methods=["POST"]),
        Route("/cards/{path:path}", act_on_card, methods=["POST"]),
        Route("/cards/{path:path}", card_page),
        Route("/epics/{name}", start, methods=["POST"]),
        WebSocketRoute("/events", events),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Doors)],
        exception_handlers={orket.OrketError: explain_error},
        lifespan=lifespan,
    )


def host_of(asked: Request | WebSocket) -> Host:
    """Return the open host."""
    host: Host = asked.app.state.host
    return host


async def heartbeat(request: Request) -> Response:
    """Say whether the host is well: 503 while it cannot read its record."""
    host = host_of(request)
    status = "out of order" if host.feed.fault else "up"
    said = {"status": status, "fault": host.feed.fault, "runs": len(host.runs), "seq": host.feed.seq}
    return JSONResponse(said, status_code=503 if host.feed.fault else 200, headers={"cache-control": "no-store"})


async def start(request: Request) -> Response:
    """Start an epic; a form is led to the run's page, everybody else is told where it is."""
    form = await read_form(request)
    run = await host_of(request).start(request.path_params["name"], build=form.get("build") or None)
    if is_form(request):
        return RedirectResponse(f"/runs/{quote(run)}", status_code=303)
    where = {"run": run, "page": f"/runs/{run}", "events": f"/events?run={run}"}
    return JSONResponse(where, status_code=202, headers={"location": where["page"]})


async def halt(request: Request) -> Response:
    """Let a run finish its running turns and start no further one."""
    host, run = host_of(request), request.path_params["run"]
    if run not in host.runs:
        raise orket.RunError(f"no run {run!r} is going on here", run=run)
    host.crew.halt(run)
    return done(request, f"/runs/{quote(run)}")


async def act_on_card(request: Request) -> Response:
    """Answer a card that waits for a person, and let its build go on."""
    host, form = host_of(request), await read_form(request)
    card = card_of(request, form.get("issue"))
    build = form.get("build") or None
    actor = form.get("actor") or "somebody at the page"
    await host.crew.unblock(card, build=build, actor=actor, reason=form.get("reason", ""))
    await host.go_on(build or (await host.crew.explain(card)).build)  # unblocked without one: only one board has it
    return done(request, "/")


def done(request: Request, page: str) -> Response:
    """Answer that it is done: lead a form to a page."""
    return RedirectResponse(page, status_code=303) if is_form(request) else JSONResponse({"done": True})


class Webhook:
    """Hand a delivery to the review desk, bytes as they came; an ASGI application: nothing else is needed for that."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what the desk answers."""
        host: Host = scope["app"].state.host
        if host.desk is None:
            refusal = JSONResponse({"outcome": "refused", "reason": "this host was given no secret"}, status_code=503)
            await refusal(scope, receive, send)
            return
        answer = await host.desk.handle(scope["headers"], await read_body(receive, WEBHOOK))
        await Response(answer.body, answer.status, dict(answer.headers))(scope, receive, send)


async def events(ws: WebSocket) -> None:
    """Send what is on record after ``since``, and then what is committed, as JSON arrays of entries, for ever."""
    try:
        since = int(ws.query_params.get("since", "0"))
    except ValueError:
        since = -1
    if since < 0:
        await ws.close(1008, "since is no number of an entry")
        return
    wanted = Wanted(**{name: ws.query_params.get(name) for name in ("run", "build", "card")})
    await ws.accept()
    async with anyio.create_task_group() as group:
        group.start_soon(until_gone, ws, group.cancel_scope)
        try:
            async with aclosing(host_of(ws).feed.follow(since, wanted)) as frames:  # type: ignore[type-var]
                async for frame in frames:
                    await ws.send_text(frame)
        except WebSocketDisconnect:
            pass
        except orket.StoreError:
            await ws.close(1011, "the record cannot be read")
        group.cancel_scope.cancel()


async def until_gone(ws: WebSocket, scope: anyio.CancelScope) -> None:
    """Cancel when the client, or the server, has closed; what a client says is not listened to."""
    while (await ws.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


async def board_page(request: Request) -> Response:
    """Show all boards."""
    return pages.page("Boards", await boards(host_of(request)), live="/board", since=host_of(request).feed.seq)


async def board_part(request: Request) -> Response:
    """Return the part of the page that changes."""
    return pages.part(await boards(host_of(request)))


async def boards(host: Host) -> pages.Html:
    """Return all boards, the newest first."""
    view = await host.crew.board()
    newest = {row.build: row for row in await host.crew.store.runs()}
    shown = [pages.build(it, newest[it.build], host.runs) for it in reversed(view.builds)]
    return pages.boards(shown, host.epics, getattr(host.gitea, "done", None) if host.desk else None)


async def portfolio_page(request: Request) -> Response:
    """Show every rock, epic and issue, with alerts."""
    host, since = host_of(request), host_of(request).feed.seq
    return pages.page("Portfolio", tree.portfolio(await host.crew.portfolio()), live="/portfolio/part", since=since)


async def portfolio_part(request: Request) -> Response:
    """Return the part of the portfolio's page that changes."""
    return pages.part(tree.portfolio(await host_of(request).crew.portfolio()))


async def run_page(request: Request) -> Response:
    """Show a run: its board, what was refused, and what has happened."""
    host, run = host_of(request), request.path_params["run"]
    since = host.feed.seq
    shown = await run_of(host, run)
    return pages.page(f"Run {run[:8]}", shown, live=f"/runs/{quote(run)}/board", since=since, run=run)


async def run_part(request: Request) -> Response:
    """Return the part of a run's page that changes."""
    return pages.part(await run_of(host_of(request), request.path_params["run"]))


async def run_of(host: Host, run: str) -> pages.Html:
    """Return what there is to show of a run."""
    row = await host.crew.store.load_run(run)
    if row is None:
        trouble = await host.trouble_of(run)
        if trouble is None:
            raise orket.UnknownCardError(f"the record has no run {run!r}", card=run)
        return pages.not_begun(trouble)
    rows = await host.crew.store.runs(row.build)
    later = rows[-1].id if rows[-1].id != run else None
    view = (await host.crew.board(row.build)).builds[0]
    entries = [entry async for entry in host.crew.store.events(run=run)]
    return pages.run(view, row, host.runs, entries, later)


async def card_page(request: Request) -> Response:
    """Show why a card stands where it stands; ``.json`` gives it as JSON."""
    host = host_of(request)
    card = card_of(request, request.query_params.get("issue"))
    why = await host.crew.explain(card, build=request.query_params.get("build"))
    if request.url.path.endswith(".json"):
        return JSONResponse(pages.card_data(why))
    return pages.page(f"{card}", pages.card(why))


def card_of(request: Request, issue: str | None) -> str:
    """Return the card that a request means."""
    found = host_of(request).asset_id(request.url.path, issue)
    if found is None:
        raise orket.UnknownCardError(f"{request.url.path!r} names no card", card="")
    return found


async def explain_error(request: Request, error: Exception) -> Response:
    """Say what is wrong, in the words of orket's own errors."""
    status = next(code for kinds, code in STATUSES if isinstance(error, kinds))
    if is_form(request) or "text/html" in request.headers.get("accept", ""):
        return pages.page("That did not work", pages.problem(str(error)), status=status)
    return JSONResponse({"error": type(error).__name__, "message": str(error)}, status_code=status)


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return the body, cut off at *limit* bytes."""
    body, more = bytearray(), True
    while more and len(body) < limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body[:limit])


def is_form(request: Request) -> bool:
    """Return whether a browser sent a form."""
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


async def read_form(request: Request) -> dict[str, str]:
    """Return the texts of a form, or of a JSON object; no body says nothing."""
    body = await read_body(request.receive, FORM + 1)
    if len(body) > FORM:
        raise orket.RunError(f"the body has more than {FORM} bytes")
    try:
        data = read_pairs(body.decode()) if is_form(request) else json.loads(body or b"{}")
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        said = request.headers.get("content-type", "none")
        raise orket.RunError(f"the body is no form and no JSON object of texts; its content-type is {said}")
    return data


def read_pairs(body: str) -> dict[str, str]:
    """Return the texts of a form.

    Raises:
        ValueError: it is something else, such as JSON that ``curl`` calls a form.
    """
    return dict(parse_qsl(body, keep_blank_values=True, strict_parsing=True)) if body else {}
