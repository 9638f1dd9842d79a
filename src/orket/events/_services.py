"""Records of services: of pull requests, and of sandboxes."""

from typing import TypeAlias

from attrs import frozen

from orket._value import Value

Digest: TypeAlias = str  # lower-case hex SHA-256


@frozen(kw_only=True, repr=False, eq=False)
class SandboxMoved(Value):
    """A sandbox came into another state, or is about to be brought there; ``before`` is "" for a new one.

    ``reason`` says why, without secrets; ``version`` is the sandbox's after it.
    """

    sandbox: str
    before: str
    after: str
    reason: str
    version: int


@frozen(kw_only=True, repr=False, eq=False)
class DeliveryAccepted(Value):
    """The review desk took in a signed delivery about a pull request, the record's ``card``; why it acts, or does not.

    ``delivery`` is the digest of the signed bytes, ``cycles`` how often changes were requested by now.
    """

    delivery: Digest
    event: str
    by: str
    head: str
    cycles: int
    reason: str
