"""Recurses until the stack is used up."""


def again() -> None:
    """Call itself."""
    again()


again()
