"""A headless Chromium, as far as tests of pages need one: pages are opened, asked, and photographed."""

import base64
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
PATIENCE = 60.0  # seconds


def find_browser() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """A page of the browser; it speaks the DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.said: list[str] = []  # errors and warnings of the console
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._hear(message)

    def _hear(self, message: Any) -> None:
        match message.get("method"):
            case "Log.entryAdded" if message["params"]["entry"]["level"] in ("error", "warning"):
                self.said.append(message["params"]["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.said.append(str(message["params"]["exceptionDetails"]))

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        self.call("Page.navigate", url=url)
        self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def ask(self, expression: str) -> Any:
        """Return what a JavaScript expression gives; a promise is awaited."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        return self.call("Runtime.evaluate", **asked)["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until a JavaScript condition holds, in whichever document there is; one that raises does not hold."""
        watch = f"""new Promise((answer) => {{
            const end = Date.now() + {PATIENCE * 500};
            const holds = () => {{ try {{ return Boolean({condition}); }} catch {{ return false; }} }};
            const look = () => {{
                const held = holds();
                if (held || Date.now() > end) answer(held);
                else setTimeout(look, 20);
            }};
            look();
        }})"""
        for _ in range(20):  # a document that is left takes its promises with it
            try:
                held = self.ask(watch)
            except AssertionError:
                continue
            if held is True:
                return
            if held is False:
                break
        raise AssertionError(f"it never held: {condition}; the page says: {self.ask('document.body.innerText')}")

    def look_like(self, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Show the page in a window of this size, to somebody who prefers dark pages or light ones."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def photograph(self, path: Path, *, width: int = 1100, height: int = 900) -> None:
        """Write a picture of the page."""
        self.look_like(width=width, height=height)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))


@contextmanager
def browsing(program: str, folder: Path) -> Iterator[Page]:
    """Start a browser with a profile of its own below *folder*, and end it."""
    command = [program, *QUIET, f"--user-data-dir={folder / 'profile'}", "--remote-debugging-port=0", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as browser:
        try:
            assert browser.stderr is not None
            listening = next((line for line in browser.stderr if "DevTools listening on" in line), "")
            assert listening, "the browser did not start"
            with connect(
                _page_address(urlsplit(listening.split()[-1]).netloc), max_size=None, compression=None, proxy=None
            ) as socket:
                yield Page(socket)
        finally:
            browser.terminate()
            browser.communicate()


def _page_address(place: str) -> str:
    with build_opener(ProxyHandler({})).open(f"http://{place}/json", timeout=PATIENCE) as answer:
        return next(it["webSocketDebuggerUrl"] for it in json.load(answer) if it["type"] == "page")
