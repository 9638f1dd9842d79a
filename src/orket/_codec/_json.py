"""The spellings of JSON: a compact one for texts that are stored, and a canonical one for digests."""

import json
from collections.abc import Callable

from orket.cards import JsonValue


def _encoder(*, ascii_only: bool = True, sort_keys: bool = False) -> Callable[[JsonValue], str]:
    """Return what ``JSONEncoder.encode`` does, set up once instead of at every call."""
    encoder = json.JSONEncoder(
        ensure_ascii=ascii_only, sort_keys=sort_keys, separators=(",", ":"), allow_nan=False, check_circular=False
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without the C accelerator
        return encoder.encode
    quote = json.encoder.encode_basestring_ascii if ascii_only else json.encoder.encode_basestring
    parts = make(None, encoder.default, quote, None, ":", ",", sort_keys, False, False)
    return lambda value: "".join(parts(value, 0))


compact = _encoder(ascii_only=False)
_in_ascii = _encoder()
_canonical = _encoder(sort_keys=True)
quote: Callable[[str], str] = json.encoder.encode_basestring


def to_json(value: JsonValue) -> str:
    """Return compact JSON that any UTF-8 sink accepts: lone surrogates stay escaped.

    Raises:
        ValueError: NaN or infinity.
        TypeError: something that JSON does not have.
    """
    return checked(compact(value))


def checked(text: str) -> str:
    """Return a compact JSON text as it is, or in ASCII where UTF-8 has no place for all of it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _in_ascii(json.loads(text))
    return text


def canonical_json(value: JsonValue) -> str:
    """Return the one spelling of a JSON value (sorted keys, ASCII) that digests and effect keys are made of."""
    return _canonical(value)
