"""The pages, as plain HTML: everything that came from an asset, a model or a person is escaped."""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response
from telling import cut, goes_on, refusal, tell

from orket import BuildView, CardStatus, Explanation, WaitReason
from orket.cards import Issue
from orket.contracts import RunRow
from orket.events import JournalEntry

HERE: Final = Path(__file__).parent
STYLE: Final = (HERE / "page.css").read_text("utf-8")
SCRIPT: Final = (HERE / "live.js").read_text("utf-8")
SHOWN: Final = 300  # lines of what has happened, the latest
POLICY: Final = (
    "default-src 'none'; style-src 'nonce-{0}'; script-src 'nonce-{0}'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Html(str):
    """Text that is markup; all other text is escaped where it is put in."""

    __slots__ = ()


def html(markup: str, **values: object) -> Html:
    """Return markup with values put in, escaped unless they are markup."""
    return Html(markup.format(**{name: _safe(value) for name, value in values.items()}))


def _safe(value: object) -> str:
    if isinstance(value, Html):
        return value
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "".join(map(_safe, value))
    return escape(str(value))


def page(title: str, body: Html, *, live: str = "", since: int = 0, run: str = "", status: int = 200) -> Response:
    """Return a whole page.

    Args:
        title: what it is about.
        body: what it shows.
        live: where the part that changes can be fetched; "" for a page that stays as it is.
        since: the entry up to which it is true.
        run: the run whose entries it follows; "" for all.
        status: of the response.
    """
    nonce = secrets.token_urlsafe(12)
    script = html('<script nonce="{nonce}">{script}</script>', nonce=nonce, script=Html(SCRIPT)) if live else ""
    light = Html('<span id="live" class="live">connecting</span>') if live else ""
    text = html(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · orket host</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        '<style nonce="{nonce}">{style}</style></head><body data-live="{live}" data-since="{since}" data-run="{run}">'
        '<header><a class="home" href="/">orket host</a><a class="home" href="/portfolio">portfolio</a>'
        "<h1>{title}</h1>{light}</header>"
        '<main id="part">{body}</main>{script}</body></html>',
        title=title,
        nonce=nonce,
        style=Html(STYLE),
        live=live,
        since=since,
        run=run,
        light=light,
        body=body,
        script=script,
    )
    return _response(text, nonce, status)


def part(body: Html) -> Response:
    """Return the part of a page that changes."""
    return _response(body, "none", 200)


def _response(text: Html, nonce: str, status: int) -> Response:
    headers = {"content-security-policy": POLICY.format(nonce), "cache-control": "no-store"}
    headers |= {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
    return HTMLResponse(text, status, headers)


def boards(shown: Sequence[Html], epics: Sequence[str], gitea: Sequence[str] | None) -> Html:
    """Return all boards, what can be started, and what Gitea was asked for."""
    buttons = [
        html(
            '<form method="post" action="/epics/{path}"><button>Start {name}</button></form>',
            path=quote(name),
            name=name,
        )
        for name in epics
    ]
    nothing = Html('<p class="empty">No run has worked on anything yet. Start an epic.</p>')
    asked = html("<ul>{lines}</ul>", lines=[html("<li>{line}</li>", line=cut(line)) for line in reversed(gitea or ())])
    desk = html('<section class="desk"><h2>Review desk</h2>{asked}</section>', asked=asked) if gitea else ""
    return html(
        '<nav class="start">{buttons}</nav>{shown}{desk}', buttons=buttons, shown=list(shown) or nothing, desk=desk
    )


def build(view: BuildView, newest: RunRow, active: Collection[str]) -> Html:
    """Return the board of one build."""
    done = sum(issue.status is CardStatus.DONE for issue in view.issues)
    rows = [_row(view, issue) for issue in view.issues]
    return html(
        '<section class="build"><div class="top"><h2>{card}</h2><span class="id">{build}</span>{state}'
        '<span class="count">{done} of {total} done</span><progress max="{total}" value="{done}"></progress></div>'
        '<div class="wide"><table><thead><tr><th>Status</th><th>Issue</th><th></th><th>Seat</th><th>Waits for</th>'
        "</tr></thead><tbody>{rows}</tbody></table></div></section>",
        card=view.card,
        build=view.build,
        state=state(newest, active, link=True),
        done=done,
        total=len(view.issues),
        rows=rows,
    )


def state(row: RunRow, active: Collection[str], *, link: bool = False) -> Html:
    """Return how a run is doing."""
    word = row.outcome.value if row.outcome else ("running" if row.id in active else "cut off")
    chip = html('<span class="chip {kind}">{word}</span>', kind=word.replace(" ", "-"), word=word)
    return html('<a href="/runs/{path}">{chip}</a>', path=quote(row.id), chip=chip) if link else chip


def _row(view: BuildView, issue: Issue) -> Html:
    wait = view.waits.get(issue.id)
    why = html('<b class="reason">{reason}</b> {detail}', reason=wait[0].value, detail=cut(wait[1])) if wait else ""
    ask = _question(view.build, issue, wait)
    return html(
        '<tr><td>{badge}</td><td class="name"><a href="/cards/{path}?build={build}">{id}</a></td><td>{summary}</td>'
        '<td class="seat">{seat}</td><td class="waits">{why}{ask}</td></tr>',
        badge=badge(issue.status),
        path=quote(issue.id),
        build=quote(view.build),
        id=issue.id,
        summary=cut(issue.name),
        seat=cut(issue.seat),
        why=why,
        ask=ask,
    )


def _question(build: str, issue: Issue, wait: tuple[WaitReason, str] | None) -> Html | str:
    if wait is None or wait[0] is not WaitReason.INPUT or issue.status is not CardStatus.BLOCKED:
        return ""
    return html(
        '<form class="answer" method="post" action="/cards/{path}"><input type="hidden" name="build" value="{build}">'
        '<input name="reason" required maxlength="500" aria-label="Your answer" placeholder="Your answer">'
        "<button>Answer</button></form>",
        path=quote(issue.id),
        build=build,
    )


def badge(status: CardStatus) -> Html:
    """Return a status, coloured."""
    return html('<span class="badge {kind}">{word}</span>', kind=status.value, word=status.value.replace("_", " "))


def run(
    view: BuildView, row: RunRow, active: Collection[str], entries: Sequence[JournalEntry], later: str | None
) -> Html:
    """Return what there is to show of a run."""
    refused = [_happened(entry, tell(entry)) for entry in entries if refusal(entry)]
    told = [(entry, tell(entry)) for entry in entries if tell(entry)]
    lines = [_happened(entry, said) for entry, said in told[-SHOWN:]]
    halting = html('<form method="post" action="/runs/{run}/halt"><button>Halt</button></form>', run=quote(row.id))
    return html(
        '<section class="facts"><dl>{facts}</dl>{halting}</section>{build}{refused}'
        '<section class="log"><h2>What happened</h2>{left}<ol id="log">{lines}</ol></section>',
        facts=[html("<div><dt>{name}</dt><dd>{value}</dd></div>", name=n, value=v) for n, v in _facts(row, later)],
        halting=halting if row.id in active else "",
        build=build(view, row, active),
        refused=html('<section class="refused"><h2>Refused</h2><ol>{it}</ol></section>', it=refused) if refused else "",
        left=html("<p>the last {n} of {all}</p>", n=SHOWN, all=len(told)) if len(told) > SHOWN else "",
        lines=lines,
    )


def not_begun(trouble: str) -> Html:
    """Return what there is to show of a run that has not begun, and why it cannot, if that is known."""
    said = f"It could not begin: {trouble}" if trouble else "It is about to begin."
    return html('<section class="problem"><p>{said}</p></section>', said=said)


def _facts(row: RunRow, later: str | None) -> Iterable[tuple[str, object]]:
    yield "run", row.id
    yield "started", moment(row.started_at)
    if row.finished_at:
        yield "at rest after", f"{row.finished_at - row.started_at:.1f} s"
        yield "because", cut(row.reason)
    yield "turns", row.turns
    if row.tokens:
        yield "tokens", row.tokens
    if later:
        yield "went on as", html('<a href="/runs/{path}">{short}</a>', path=quote(later), short=later[:8])


def _happened(entry: JournalEntry, said: str) -> Html:
    kind = "bad" if refusal(entry) else ""
    return html(
        '<li class="{kind}"><time>{at}</time><span>{said}</span></li>',
        kind=kind,
        at=moment(entry.at, date=False),
        said=said,
    )


def card(why: Explanation) -> Html:
    """Return why a card stands where it stands."""
    wait = (
        html("<p>It waits: <b>{reason}</b> {detail}</p>", reason=why.wait[0].value, detail=cut(why.wait[1]))
        if why.wait
        else ""
    )
    wake = html("<p>{said}</p>", said=goes_on(why.wake)) if why.wake else ""
    ask = _question(why.build, why.issue, why.wait)
    decisions = [
        html(
            "<tr><td>{kind}</td><td>{node}</td><td>{reason}</td></tr>",
            kind=it.kind,
            node=it.node,
            reason=cut(it.reason),
        )
        for it in why.decisions
    ]
    told = [_happened(entry, tell(entry)) for entry in why.chain if tell(entry)]
    return html(
        '<section class="what"><p>{badge} {name}</p>{wait}{wake}{ask}</section>'
        '<section class="log"><h2>What led there</h2><ol>{told}</ol></section>'
        '<section><h2>Decisions</h2><div class="wide"><table><thead><tr><th>Kind</th><th>Node</th><th>Because</th></tr>'
        "</thead><tbody>{decisions}</tbody></table></div></section>",
        badge=badge(why.issue.status),
        name=cut(why.issue.name),
        wait=wait,
        wake=wake,
        ask=ask,
        told=told,
        decisions=decisions,
    )


def card_data(why: Explanation) -> Mapping[str, Any]:
    """Return the explanation of a card as JSON has it."""
    return {
        "id": why.issue.id,
        "build": why.build,
        "status": why.issue.status.value,
        "wait": why.wait and {"reason": why.wait[0].value, "detail": why.wait[1]},
        "wake": why.wake and {"when": why.wake.when, "on": list(why.wake.on)},
        "told": [tell(entry) for entry in why.chain if tell(entry)],
    }


def problem(message: str) -> Html:
    """Return what went wrong."""
    return html(
        '<section class="problem"><p>{message}</p><p><a href="/">Back to the boards</a></p></section>', message=message
    )


def moment(at: float, *, date: bool = True) -> str:
    """Return a moment for people, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC" if date else "%H:%M:%S")
