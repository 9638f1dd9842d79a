"""The pages of the example host in a real browser, served by a real process."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_world import issue, organization

MISSING = [name for name in ("starlette", "uvicorn", "websockets") if importlib.util.find_spec(name) is None]
if MISSING:
    pytest.skip(f"the host needs {', '.join(MISSING)}: install the dependency group 'host'", allow_module_level=True)

from browser import Page, browsing, find_browser  # noqa: E402
from host_server import serving  # noqa: E402


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of a real browser."""
    program = find_browser()
    if program is None:
        pytest.skip("pages are looked at with Chromium: install the packages chromium and chromium-driver")
    with browsing(program, tmp_path_factory.mktemp("browser")) as page:
        yield page


LIVE = "document.querySelector('.live.on')"
CHIP = "(document.querySelector('.chip') || {}).textContent"


@pytest.mark.thorough
def test_a_person_drives_an_epic_in_a_browser(page: Page, tmp_path: Path) -> None:
    """The board starts empty, a click starts an epic, progress comes by itself, and an answer takes it to its end."""
    page.said.clear()
    with serving(tmp_path, "--pace", "0.02") as server:
        page.open(f"{server.url}/")
        page.until(LIVE)
        assert "Start an epic" in page.ask("document.body.innerText")
        page.ask("[...document.querySelectorAll('button')].find(it => it.innerText === 'Start tea-shop').click()")
        page.until(f"location.pathname.startsWith('/runs/') && {CHIP} === 'stalled'")
        text = page.ask("document.body.innerText")
        assert "refused write_file by rule workspace-boundary" in text
        assert "Which colour shall the front have?" in text
        page.until("(log => log.scrollTop + log.clientHeight >= log.scrollHeight - 1)(document.querySelector('#log'))")
        answer = "it.querySelector('input[name=reason]').value = 'Green <b>'; it.querySelector('button').click()"
        page.ask(f"(it => {{ {answer} }})(document.querySelector('.answer'))")
        page.until(f"location.pathname === '/' && {CHIP} === 'done'")
        assert page.ask("document.querySelector('progress').value") == 8
        page.ask("[...document.querySelectorAll('.name a')].find(it => it.innerText === 'front').click()")
        page.until("document.body.innerText.includes('somebody at the page says: Green <b>')")
        page.photograph(tmp_path / "card.png")
        assert page.said == []


@pytest.mark.thorough
def test_a_page_finds_its_host_again(page: Page, tmp_path: Path) -> None:
    """A page whose host is stopped says so, and is live again when the host is back, with what happened meanwhile."""
    with serving(tmp_path, "--pace", "600") as server:
        server.start("market-stall")
        page.open(f"{server.url}/")
        page.until(f"{LIVE} && {CHIP} === 'running'")
        server.stop()
        page.until("document.querySelector('.live.off')")
    with serving(tmp_path, "--pace", "0", "--port", server.port):
        page.until(f"{LIVE} && {CHIP} === 'done'")


@pytest.mark.thorough
def test_what_comes_while_somebody_answers_is_shown_afterwards(page: Page, tmp_path: Path) -> None:
    """A page that was fetched while a person began to write is not put over the answer, and is fetched again."""
    with serving(tmp_path, "--pace", "0") as server:
        page.open(f"{server.url}/")
        page.until(LIVE)
        server.start("tea-shop")
        page.until(f"{CHIP} === 'stalled'")
        server.stop()
        page.until("document.querySelector('.live.off')")
    page.ask("document.querySelector('#part').append('as it was')")
    page.ask(
        "window.real = fetch; fetch = async (what) => { const found = await real(what); fetch = real;"
        " const box = document.querySelector('.answer input[name=reason]'); box.value = 'Gre'; box.focus();"
        " window.begun = true; return found; }; 0"
    )
    with serving(tmp_path, "--pace", "0", "--port", server.port):
        page.until("window.begun")
        assert "as it was" in page.ask("document.body.innerText")
        page.ask("document.activeElement.value = ''; document.activeElement.blur()")
        page.until("!document.body.innerText.includes('as it was')")


@pytest.mark.thorough
def test_what_an_asset_says_is_text(page: Page, tmp_path: Path) -> None:
    """Markup in names, ids and seats is shown, not obeyed, on every page, also when it comes over the WebSocket."""
    evil = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"
    root = organization(tmp_path / "org", [issue("one", summary=evil), issue("two", "one", summary="\u202eevil")])
    with serving(tmp_path / "state", "--config", root, "--pace", "0") as server:
        page.open(f"{server.url}/")
        page.until(LIVE)
        run = server.start("launch")
        page.until(f"{CHIP} === 'done'")
        for path in ("/", f"/runs/{run}", "/cards/one", "/portfolio"):
            page.open(f"{server.url}{path}")
            page.ask("document.querySelectorAll('details').forEach(it => it.open = true)")
            assert evil in page.ask("document.body.innerText")
            assert "\u202e" not in page.ask("document.body.innerText")
            assert page.ask("window.pwned === undefined && document.querySelector('img') === null")


# Words that are cut off, or broken: what stands beyond the box that it is in, and a name on several lines.
CUT = """[...document.querySelectorAll('button, .name a, .issues li a, .home')].filter(it => {
    const box = it.closest('.wide, section, header, main').getBoundingClientRect();
    const { right, height } = it.getBoundingClientRect();
    return right > box.right + 0.5 || (it.localName === 'a' && height > 30);
}).map(it => it.innerText)"""

# How far the faintest text is from what is behind it, as WCAG counts contrast.
FAINTEST = """(() => {
    const parts = colour => colour.match(/[0-9.]+/g).map(Number);
    const linear = part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
    const light = colour => {
        const [r, g, b] = parts(colour).map(it => linear(it / 255));
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const behind = it => {
        const own = getComputedStyle(it).backgroundColor;
        return parts(own)[3] === 0 ? behind(it.parentElement) : own;
    };
    const texts = [...document.querySelectorAll('li, td, th, p, dt, dd, h1, h2, a, span, button, time')];
    return Math.min(...texts.map(it => {
        const [low, high] = [light(getComputedStyle(it).color), light(behind(it))].sort((a, b) => a - b);
        return (high + .05) / (low + .05);
    }));
})()"""


@pytest.mark.thorough
def test_pages_are_read_in_the_dark_and_on_a_telephone(page: Page, tmp_path: Path) -> None:
    """Wide or narrow, light or dark, no word of a page is cut off or broken, and none is too faint."""
    with serving(tmp_path, "--pace", "0") as server:
        run = server.start("tea-shop")
        page.open(f"{server.url}/runs/{run}")
        page.until(f"{CHIP} === 'stalled'")
        for path in ("/", f"/runs/{run}", "/cards/front", "/portfolio"):
            page.open(f"{server.url}{path}")
            for width, dark in ((1280, False), (1280, True), (375, False), (375, True)):
                page.look_like(width=width, dark=dark)
                assert page.ask("document.documentElement.scrollWidth") == width
                assert (path, width, page.ask(CUT)) == (path, width, [])
                assert page.ask(FAINTEST) >= 4.5, (path, width, dark)
