"""The command works, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

PRODUCT = Path(os.environ["ORKET_WORKSPACE"], "agent_output")


def run(*arguments, text=""):
    """Run the command as a user would."""
    command = [sys.executable, "-B", "-m", "textstats", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(PRODUCT)}
    return subprocess.run(command, input=text, env=environment, capture_output=True, text=True, timeout=20)


def verify_stdin(text):
    """Return the exit code and the first line for a text on standard input."""
    done = run(text=text)
    return [done.returncode, done.stdout.splitlines()[0].split()]


def verify_missing(name):
    """Return the exit code for a file that is not there, and whether a traceback is shown."""
    done = run(name)
    return [done.returncode, "Traceback" in done.stderr]
