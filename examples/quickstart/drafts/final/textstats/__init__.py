"""Statistics of a text: how many words and sentences, how long to read, which words are common."""

from textstats.analyse import analyse
from textstats.report import render
from textstats.stats import Stats

__all__ = ["Stats", "analyse", "render"]
__version__ = "1.0.0"
