"""A web application that embeds orket: boards and runs in the browser, events over WebSocket, webhooks of Gitea.

    python examples/host

It needs starlette, uvicorn and websockets, and listens on the loopback only. SIGTERM or Ctrl-C stop it cleanly; the
same command goes on with what was running.
"""

import argparse
import os
import socket
import sys
from pathlib import Path

import uvicorn
from app import make_app
from host import HOME, Options, open_host

import orket


def main() -> int:
    """Serve until a signal says to stop."""
    given, options = read_options()
    try:
        listening = socket.create_server(("127.0.0.1", given.port), backlog=2048)
    except OSError as error:
        print(f"host: port {given.port}: {error.strerror}", file=sys.stderr)
        return 2
    app = make_app(lambda: open_host(options))
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level=given.log,
        lifespan="on",
        timeout_graceful_shutdown=5,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
    )
    print(f"host: http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    server = uvicorn.Server(config)
    with listening:
        server.run(sockets=[listening])  # ends by the signal that stopped it, when everything is closed
    return 0 if server.started else 2


def read_options() -> tuple[argparse.Namespace, Options]:
    """Read the command line; secrets come from the environment, where ``ps`` does not show them."""
    parser = argparse.ArgumentParser(prog="python examples/host", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=8700, help="0 for a free one; default: 8700")
    parser.add_argument("--state", type=Path, metavar="DIR", default=Options().state, help="default: .orket/host")
    parser.add_argument("--config", type=Path, metavar="DIR", default=HOME, help="another organization")
    parser.add_argument("--pace", type=float, metavar="SECONDS", default=1.0, help="how long an agent thinks")
    parser.add_argument("--origins", default=os.environ.get("HOST_ORIGINS", ""), help="other origins to allow: a, b")
    parser.add_argument("--repository", action="append", metavar="OWNER/NAME", help="whose deliveries are taken in")
    parser.add_argument("--gitea", default="", metavar="URL", help="a real Gitea; its token is read from GITEA_TOKEN")
    parser.add_argument("--log", default="info", choices=["debug", "info", "warning", "error"])
    given = parser.parse_args()
    return given, Options(
        config=given.config,
        state=given.state,
        pace=given.pace,
        origins=given.origins,
        secret=os.environ.get("HOST_WEBHOOK_SECRET", ""),
        repositories=tuple(given.repository or ["acme/shop"]),
        gitea_url=given.gitea,
        gitea_token=os.environ.get("GITEA_TOKEN", ""),
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except orket.OrketError as error:
        print(f"host: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
