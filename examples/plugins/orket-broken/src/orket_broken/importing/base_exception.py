"""Raises what ``except Exception`` does not catch."""


class Catastrophe(BaseException):
    """Is no Exception."""


raise Catastrophe("at import")
