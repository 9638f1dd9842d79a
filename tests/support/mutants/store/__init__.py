"""Stores that are wrong in one way each."""

from mutants.store import batching, following, holding, keeping, lasting, serving

MUTANTS = (
    *keeping.MUTANTS,
    *holding.MUTANTS,
    *batching.MUTANTS,
    *serving.MUTANTS,
    *following.MUTANTS,
    *lasting.MUTANTS,
)
