"""Versions of classes, and the condition that a write puts on them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from quartapp_classes.models import ClassRoom

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FORM = re.compile(r"(\d{1,18})-(\d{1,14})", re.ASCII)


def version_of(class_room: ClassRoom) -> str:
    """Return the version of a class: a text that differs between any two states of the class."""
    moment: datetime = class_room.updated_at
    if moment.tzinfo is None:  # MongoEngine returns UTC without a zone
        moment = moment.replace(tzinfo=UTC)
    return f"{class_room.roll_version or 0}-{(moment - _EPOCH) // _MILLISECOND}"


def in_version(expected: Collection[str] | None) -> dict[str, Any]:
    """Return the query that matches a class in one of the versions.

    Args:
        expected: The versions; None for any. A text that is no version matches no class.
    """
    if expected is None:
        return {}
    states: list[dict[str, Any]] = [{"_id": None}]
    for text in expected:
        if (found := _FORM.fullmatch(text)) is not None:
            number = int(found[1])
            # A class from an earlier release has no number, which counts as 0.
            numbers = [number, None] if number == 0 else [number]
            changed = _EPOCH + int(found[2]) * _MILLISECOND
            states.append({"rollVersion": {"$in": numbers}, "updatedAt": changed})
    return {"$or": states}
