"""The encoding of JSON, identifiers, timestamps and names."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

JsonObject = dict[str, Any]
"""A JSON object: names with values of any JSON type."""


def utc_now() -> datetime:
    """Return the current time in UTC, cut to the milliseconds that MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def timestamp(moment: datetime) -> str:
    """Return a time in the format of the contract, such as ``2026-01-08T10:30:00.000Z``.

    Args:
        moment: A time; a time without a zone, as from MongoDB, is in UTC.
    """
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def object_id(text: str) -> ObjectId | None:
    """Convert text to an ObjectId; return None for text that is no valid ObjectId."""
    return ObjectId(text) if ObjectId.is_valid(text) else None


def name_key(name: str) -> str:
    """Return the key of a name, which is the same for names that differ only in case or form.

    A document that keeps its name's key, with a unique index, has a name that no other document
    has. The key is the compatibility caseless match of the Unicode Standard (definition D146), so
    ``ß`` is ``ss``, and full width is half width. Scripts, accents and blanks count: Hiragana and
    Katakana are two names. Unicode promises that the key of assigned characters never changes.

    Args:
        name: The name as it was typed, trimmed.
    """
    once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", name).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


# Control characters, which steer a terminal, and characters that turn the direction of a line.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return a text that a terminal shows and does not obey.

    Use the function for names, reasons and other texts from outside that a command prints. Control
    characters, line ends included, become escapes such as ``\x1b``.

    Args:
        text: Any text.
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def _default(value: object) -> str:
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, datetime):
        return timestamp(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")


# One encoder for all values: json.dumps would make an encoder for each frame and each answer.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_default)


def to_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return ``value`` as compact JSON; ObjectIds and datetimes become strings."""
    return _ENCODER.encode(value)
