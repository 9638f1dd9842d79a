"""The examples of the README give what it says they give."""

import doctest
import os
from pathlib import Path

README = Path(os.environ["ORKET_WORKSPACE"], "agent_output", "README.md")


def verify_examples(_):
    """Return how many examples failed, and whether there are any."""
    result = doctest.testfile(str(README), module_relative=False, encoding="utf-8")
    return [result.failed, result.attempted > 0]


def verify_command(command):
    """Return whether the README says how to run the command."""
    return command in README.read_text("utf-8")
