"""Needs what is not there."""

raise ImportError("needs a library that nobody has")
