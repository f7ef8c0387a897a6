"""How values leave the server: JSON, identifiers and timestamps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

JsonObject = dict[str, Any]
"""An object as JSON has it; its values are whatever JSON has."""


def utc_now() -> datetime:
    """The time now in UTC, cut to the milliseconds that MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def timestamp(moment: datetime) -> str:
    """``moment`` as the contract writes it: ``2026-01-08T10:30:00.000Z``.

    Args:
        moment: A time; one without a zone, as MongoEngine returns it, is UTC.
    """
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def object_id(text: str) -> ObjectId | None:
    """``text`` as an ObjectId, or None when it is none (and so names nothing)."""
    return ObjectId(text) if ObjectId.is_valid(text) else None


def _default(value: object) -> str:
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, datetime):
        return timestamp(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")


# One for all: json.dumps would make one for each frame and each answer.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_default)


def to_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """``value`` as compact JSON; ObjectIds and datetimes included."""
    return _ENCODER.encode(value)
