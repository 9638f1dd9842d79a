"""Which builds the record has."""

from orket.contracts import Store


async def builds_of(store: Store, only: str | None = None) -> list[str]:
    """Return the builds that runs have worked on, the oldest first; *only* one of them, where it is named."""
    return [only] if only is not None else list(dict.fromkeys([row.build for row in await store.runs()]))
