"""The command: ``python -m textstats FILE``, or a text on standard input."""

import argparse
import sys
from pathlib import Path

from textstats import __version__, analyse, render


def main(arguments: list[str] | None = None) -> int:
    """Print the statistics of a file, or of standard input; return the exit code."""
    parser = argparse.ArgumentParser(prog="textstats", description="Statistics of a text.")
    parser.add_argument("file", nargs="?", help="a UTF-8 text file; standard input when left out")
    parser.add_argument("--top", type=int, default=5, help="how many common words to show")
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args(arguments)
    try:
        text = Path(options.file).read_text("utf-8") if options.file else sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        print(f"textstats: {error}", file=sys.stderr)
        return 1
    print(render(analyse(text, options.top)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
