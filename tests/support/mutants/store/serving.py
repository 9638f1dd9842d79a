"""Stores that lose or mix up documents, payloads and runs."""

import hashlib

from attrs import evolve

from mutants.store._twin import Twin, before, broken
from orket.contracts import Batch, Document, Receipt, RunRow
from orket.errors import StoreError


def keeps_what_is_not_empty(store: Twin, batch: Batch) -> Batch:
    there = store.core._documents
    documents = [it for it in batch.documents if it.body is None or it.body or (it.kind, it.key) not in there]
    return evolve(batch, documents=tuple(documents))


def deletes_all_kinds(store: Twin, batch: Batch) -> Batch:
    gone = {it.key for it in batch.documents if it.body is None}
    more = [Document(kind=kind, key=key, body=None) for kind, key in store.core._documents if key in gone]
    return evolve(batch, documents=(*batch.documents, *more))


class FindsAnyCase(Twin):
    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        found = await super().find(kind)
        return tuple([it for it in found if it.key.lower().startswith(prefix.lower())])


class FindsByAlphabet(Twin):
    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        return tuple(sorted(await super().find(kind, prefix=prefix), key=lambda it: it.key.casefold()))


class RefusesKnownPayloads(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        if not self.knows(batch):
            for digest in batch.payloads or ():
                if bytes.fromhex(digest) in self.core._payloads:
                    raise StoreError("there is such a payload")
        return await super().commit(batch)


def digests_itself(_: Twin, batch: Batch) -> Batch:
    found = (batch.payloads or {}).values()
    return evolve(batch, payloads={hashlib.sha256(it.encode("utf-8", "surrogatepass")).hexdigest(): it for it in found})


class ListsAll(Twin):
    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        return await super().runs(build) or await super().runs()


class ListsByPrefix(Twin):
    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        return tuple([it for it in await super().runs() if it.build.startswith(build or "")])


class ListsByName(Twin):
    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        return tuple(sorted(await super().runs(build), key=lambda it: it.id))


def replaces_in_part(store: Twin, batch: Batch) -> Batch:
    if batch.run_row is None or batch.run not in store.core._runs:
        return batch
    return evolve(batch, run_row=evolve(batch.run_row, wiring=None))


def charges_the_row(_: Twin, batch: Batch) -> Batch:
    return batch if batch.run_row is None else evolve(batch, turns=batch.turns + batch.run_row.turns)


MUTANTS = (
    broken("61", before(keeps_what_is_not_empty), "does not replace a document by an empty one"),
    broken("62", before(deletes_all_kinds), "deletes the key of every kind"),
    broken("63", FindsAnyCase, "finds prefixes without regard to case"),
    broken("64", FindsByAlphabet, "sorts keys without regard to case"),
    broken("65", RefusesKnownPayloads, "refuses a payload that it has"),
    broken("66", before(digests_itself), "stores payloads under the digest that they should have"),
    broken("67", ListsAll, "lists all runs of a build that has none"),
    broken("68", before(replaces_in_part), "drops a field when a run is replaced"),
    broken("69", before(lambda _, it: evolve(it, tokens=it.tokens % 2**32)), "counts tokens in 32 bits"),
    broken("70", before(charges_the_row), "charges what a row names"),
    broken("71", ListsByPrefix, "finds builds by the beginning of their name"),
    broken("72", ListsByName, "sorts runs by id"),
)
