"""The message that is sent for an event, and its body.

The time and the number of a change are known when the change is stored, and the message is made
before. So the body gets both when it is sent; every attempt makes the same bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pydantic_core import to_jsonable_python

from quartapp import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Message:
    """The message that is sent to every endpoint.

    Attributes:
        id: Id of the message, the same for every attempt and every endpoint.
        type: Type of the event, such as ``attendance.marked``.
        data: JSON text of the event.
    """

    id: str
    type: str
    data: str


def message_of(event: DataclassInstance) -> Message:
    """Return the message for an event.

    Args:
        event: The event; any dataclass instance.

    Raises:
        TypeError: A dictionary in the event has keys that JSON does not allow.
        ValueError: The event contains itself, or text that UTF-8 does not allow.
    """
    data = _text(event)
    data.encode()  # fails now, and not in the transaction of a change
    return Message(f"msg_{ObjectId()}", type_of(type(event)), data)


def body_of(stored: Mapping[str, Any], at: datetime, seq: int | None) -> bytes:
    """Return the body of a message, whose bytes are signed.

    Args:
        stored: The message as the outbox has it: ``type`` and ``data`` as in :class:`Message`.
        at: Time at which the change was stored, in UTC.
        seq: Number of the change in its session; None for a change without a number.
    """
    if "body" in stored:  # from an earlier version, which knew no numbers
        return str(stored["body"]).encode()
    data = json.loads(stored["data"])
    if seq is not None:
        data["seq"] = seq
    return _text({"type": stored["type"], "timestamp": timestamp(at), "data": data}).encode()


def type_of(event_class: type) -> str:
    """Return the dotted type of an event's class: ``attendance.marked`` for ``AttendanceMarked``.

    The last word names what happened, the words before it name the thing: ``LibraryCardLent``
    becomes ``library_card.lent``.
    """
    words = [word.lower() for word in _WORDS.findall(event_class.__name__)]
    subject = "_".join(words[:-1])
    return f"{subject}.{words[-1]}" if subject else "".join(words)


def _text(value: object) -> str:
    return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(field.name): getattr(value, field.name) for field in fields(value)}
    if isinstance(value, datetime):
        return timestamp(value)
    # Values that JSON does not have: dates, UUIDs, enums and sets; unknown types become text.
    return to_jsonable_python(value, fallback=str)


def _camel(name: str) -> str:
    """Return a field's name as the API writes it: ``classId`` for ``class_id``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
