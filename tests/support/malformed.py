"""A catalogue of deliveries that a review desk turns away: each a name, header fields and a body."""

import copy
import gzip
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from deliveries import SECRET, approved, encode, payload, repository, signed, user

Case = tuple[str, dict[str, str], bytes]

GOOD = encode(approved())
_RIGHT = signed(GOOD)["X-Gitea-Signature"]
_WRONG_TYPES: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", "   ", "x" * 300, [], ["a"], {}, {"a": 1}, [[]])
_FIELDS = {  # a path, and those of the values above that are right there
    "action": (),
    "number": (),
    "pull_request": (),
    "pull_request.number": (),
    "pull_request.merged": (True,),
    "pull_request.title": (),
    "pull_request.user": (),
    "pull_request.user.login": (),
    "pull_request.head": (),
    "pull_request.head.sha": (),
    "repository": (),
    "repository.full_name": (),
    "sender": (),
    "sender.login": (),
    "review": (),
    "review.type": (),
    "review.content": ("", "   ", "x" * 300),
}


def catalogue() -> Iterator[Case]:
    """Yield all of them."""
    yield from signatures()
    for name, body in [*texts(), *nested(), *numbers_and_keys(), *fields(), *events()]:
        yield name, signed(body), body


def signatures() -> Iterator[Case]:
    """Yield a good body with wrong signatures."""
    for name, value in wrong_signatures().items():
        yield f"signature: {name}", {"X-Gitea-Signature": value}, GOOD
    for name in ("X-Hub-Signature-256", "X-Gogs-Signature", "Authorization", "X-Gitea-Signature-256", ""):
        yield f"signature in {name!r}", {name: _RIGHT}, GOOD
    yield "no header", {}, GOOD
    changed = {
        "one byte more": GOOD + b"\n",
        "one byte less": GOOD[:-1],
        "another person": GOOD.replace(b"bob", b"eve"),
    }
    for name, body in changed.items():
        yield f"signed before: {name}", {"X-Gitea-Signature": _RIGHT}, body


def wrong_signatures() -> dict[str, str]:
    """Return values that are no signature of the good body."""
    sha1 = hmac.new(SECRET.encode(), GOOD, hashlib.sha1).hexdigest()
    plain = hashlib.sha256(GOOD).hexdigest()
    flipped = ("0" if _RIGHT[0] != "0" else "1") + _RIGHT[1:]
    return {
        "empty": "",
        "blank": " " * 64,
        "prefixed": f"sha256={_RIGHT}",
        "upper case": _RIGHT.upper(),
        "padded": f" {_RIGHT}",
        "line break": f"{_RIGHT}\n",
        "short": _RIGHT[:-1],
        "long": f"{_RIGHT}0",
        "twice": f"{_RIGHT},{_RIGHT}",
        "first digit": flipped,
        "last digit": _RIGHT[:-1] + ("0" if _RIGHT[-1] != "0" else "1"),
        "reversed": _RIGHT[::-1],
        "sha1": sha1,
        "without a secret": plain,
        "of another secret": signed(GOOD, secret="another secret, as long")["X-Gitea-Signature"],
        "of an empty secret": signed(GOOD, secret="")["X-Gitea-Signature"],
        "of another body": signed(GOOD + b" ")["X-Gitea-Signature"],
        "of no body": signed(b"")["X-Gitea-Signature"],
        "not hexadecimal": "g" * 64,
        "full-width digits": "０" * 64,
        "letters with marks": "é" * 64,
        "zeros": "0" * 64,
        "the secret": SECRET,
        "half a character": "\ud800" * 64,
    }


def texts() -> Iterator[tuple[str, bytes]]:
    """Yield bodies that are no JSON objects."""
    for cut in range(0, len(GOOD), len(GOOD) // 30):
        yield f"cut at {cut}", GOOD[:cut]
    for value in (None, True, 1, "text", [], [approved()], "x" * 1000):
        yield f"no object: {value!r:.20}", json.dumps(value).encode()
    text = GOOD.decode()
    yield "form", urlencode({"payload": text}).encode()
    yield "UTF-16", text.encode("utf-16")
    yield "UTF-32", text.encode("utf-32-le")
    yield "byte order mark", b"\xef\xbb\xbf" + GOOD
    yield "latin-1", encode(approved()).replace(b"socks", "söcks".encode("latin-1"))
    yield "overlong", GOOD.replace(b"socks", b"s\xc0\xafks")
    yield "surrogate bytes", GOOD.replace(b"socks", b"s\xed\xa0\x80ks")
    yield "gzip", gzip.compress(GOOD)
    yield "NUL before", b"\x00" + GOOD
    yield "NUL after", GOOD + b"\x00"
    yield "NUL within", GOOD.replace(b"socks", b"so\x00ks")
    yield "two objects", GOOD + GOOD
    yield "trailing comma", GOOD.rstrip(b"}\n ") + b",}"
    yield "comment", b"/* hello */" + GOOD
    yield "single quotes", text.replace('"', "'").encode()
    yield "line break in a text", GOOD.replace(b"socks", b"so\ncks")
    yield "bad escape", GOOD.replace(b"socks", b"so\\qcks")
    yield "open string", GOOD.replace(b'socks"', b"socks", 1)
    yield "too large", GOOD + b" " * 1024 * 1024
    yield "XML", b"<pull_request/>"
    yield "binary", bytes(range(256))


def nested() -> Iterator[tuple[str, bytes]]:
    """Yield bodies that are nested too deep."""
    for depth in (65, 1_000, 140_000):
        yield f"arrays {depth} deep", b'{"a":' + b"[" * depth + b"]" * depth + b"}"
        yield f"objects {depth} deep", b'{"a":' * depth + b"1" + b"}" * depth
        yield f"open arrays {depth} deep", b"[" * depth
    deep = approved()
    deep["extra"] = json.loads("[" * 65 + "]" * 65)
    yield "deep beside what matters", encode(deep)


def numbers_and_keys() -> Iterator[tuple[str, bytes]]:
    """Yield objects that two readers could read in two ways."""
    for literal in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 641, "-" + "9" * 641, "1" * 100_000):
        yield f"number {literal:.12}", GOOD.replace(b'"comments": 0', f'"comments": {literal}'.encode())
    for literal in ("+1", "01", "0x10", ".5", "1.", "1_000", "--1", "1e"):
        yield f"no number {literal}", GOOD.replace(b'"comments": 0', f'"comments": {literal}'.encode())
    for literal in ("7.0", "7e0", "9007199254740992", "9" * 40, "-7", "0"):
        yield f"pull request {literal:.18}", GOOD.replace(b'"number": 7', f'"number": {literal}'.encode())
    for key in (b"action", b"number", b"pull_request", b"repository", b"sender", b"review"):
        yield f"key twice: {key.decode()}", GOOD.replace(b"{", b'{"' + key + b'": 1,', 1)
    yield "key twice, within", GOOD.replace(b'"login": "bob"', b'"login": "eve", "login": "bob"')
    yield "key twice, escaped", GOOD.replace(b"{", b'{"\\u0061ction": "opened",', 1)
    yield "empty key twice", GOOD.replace(b"{", b'{"": 1, "": 2,', 1)
    for half in ("\\ud800", "\\udfff", "\\udfff\\ud800"):
        yield f"half a character: {half}", GOOD.replace(b"socks", half.encode())
        yield f"half a character in a key: {half}", GOOD.replace(b"{", b'{"' + half.encode() + b'": 1,', 1)


def fields() -> Iterator[tuple[str, bytes]]:
    """Yield events with a field that is missing or of another type."""
    for path, right in _FIELDS.items():
        yield f"{path} is missing", _without(path)
        for value in _WRONG_TYPES:
            if not any(value == known and type(value) is type(known) for known in right):
                yield f"{path} is {value!r:.20}", _with(path, value)
    for sha in ("c0ffee", "C" * 40, "g" * 40, "c" * 41, "c" * 40 + "\n", "../" * 20, "refs/heads/main"):
        yield f"commit {sha!r:.12}", _with("pull_request.head.sha", sha)
    yield "another number within", _with("pull_request.number", 8)


def events() -> Iterator[tuple[str, bytes]]:
    """Yield what Gitea, or somebody with its secret, sends and no pull request of this desk has."""
    for action in ("created", "submitted", "approve", "merged", "APPROVED", "Opened", "opened ", "__class__"):
        yield f"action {action}", encode(payload(action))
    for kind in ("approved", "pull_request_approved", "pull_request_review_APPROVED", "pull_request_review_", "push"):
        yield f"review {kind}", encode(payload("reviewed", review={"type": kind, "content": ""}))
    for name in (
        "acme/shoe",
        "evil/shop",
        "ACME/SHOP",
        "acme/shop.git",
        "acme/shop/",
        "shop",
        "acme//shop",
        " acme/shop",
    ):
        yield f"repository {name}", encode({**approved(), "repository": repository(name)})
    yield "merged and opened", encode(payload("opened", merged=True))
    yield "merged and synchronized", encode(payload("synchronized", merged=True))
    push = {"ref": "refs/heads/main", "before": "0" * 40, "after": "1" * 40, "commits": [], "pusher": user("ann")}
    yield "push", encode({**push, "repository": repository(), "sender": user("ann")})
    issue = {"action": "opened", "number": 7, "issue": {"number": 7, "title": "ISSUE-1"}}
    yield "issue", encode({**issue, "repository": repository(), "sender": user("ann")})
    comment = {"action": "created", "issue": {"number": 7}, "comment": {"body": "approved"}, "is_pull": True}
    yield "comment", encode({**comment, "repository": repository(), "sender": user("ann")})
    release = {"action": "published", "release": {"id": 1}}
    yield "release", encode({**release, "repository": repository(), "sender": user("ann")})
    yield "empty object", b"{}"
    yield "test delivery", encode({"secret": SECRET, "repository": repository()})
    yield "wrapped", encode({"payload": approved()})
    yield "listed", encode({**approved(), "pull_request": [approved()["pull_request"]]})
    yield "as text", encode({**approved(), "pull_request": json.dumps(approved()["pull_request"])})


def _with(path: str, value: Any) -> bytes:
    data = copy.deepcopy(approved())
    *parents, last = path.split(".")
    place = data
    for parent in parents:
        place = place[parent]
    place[last] = value
    return encode(data)


def _without(path: str) -> bytes:
    data = copy.deepcopy(approved())
    *parents, last = path.split(".")
    place = data
    for parent in parents:
        place = place[parent]
    del place[last]
    return encode(data)
