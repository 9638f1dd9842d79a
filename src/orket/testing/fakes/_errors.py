"""What a scripted model raises when it is asked something that its script does not have."""

from orket.errors import ModelError


class ScriptError(ModelError):
    """The script of a scripted model has no reply to this request; nothing is asked of anybody instead."""

    permanent = True  # asking again does not write the script
