"""Is no Python: it parses, but does not compile."""

return  # noqa: F706 - the mistake
