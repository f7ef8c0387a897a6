"""From an event, as plugins hear of it, to the message that is sent."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pydantic_core import to_jsonable_python

from quartapp import timestamp
from quartapp_attendance import SessionDone, SessionStarted, SessionSuperseded

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# What happens to a session once only. Its message has an id that follows from it, so an event that
# is found again in the database is known to be the same one.
_ONCE = (SessionStarted, SessionDone, SessionSuperseded)
_ID_DIGITS = 24
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, to whichever endpoint.

    Attributes:
        id: The same for every attempt, and for every endpoint.
        type: Such as ``attendance.marked``.
        body: JSON; stored as it is, since its bytes are what is signed.
    """

    id: str
    type: str
    body: str


def message_of(event: DataclassInstance, at: datetime) -> Message:
    """The message that tells of ``event``.

    Args:
        event: Any dataclass instance.
        at: When it happened.

    Raises:
        TypeError: A dictionary in it has keys that JSON does not.
    """
    kind = type_of(type(event))
    payload = {"type": kind, "timestamp": timestamp(at), "data": event}
    body = json.dumps(payload, default=_plain, separators=(",", ":"), ensure_ascii=False)
    return Message(_id_of(event, kind), kind, body)


def type_of(event_class: type) -> str:
    """The dotted type of a class of events: ``AttendanceMarked`` is ``attendance.marked``.

    The last word says what happened, those before it to what: ``LibraryCardLent`` is
    ``library_card.lent``.
    """
    words = [word.lower() for word in _WORDS.findall(event_class.__name__)]
    subject = "_".join(words[:-1])
    return f"{subject}.{words[-1]}" if subject else "".join(words)


def _id_of(event: object, kind: str) -> str:
    if isinstance(event, _ONCE):
        seed = f"{kind}:{event.session_id}".encode()
        return f"msg_{hashlib.sha256(seed).hexdigest()[:_ID_DIGITS]}"
    return f"msg_{ObjectId()}"


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(field.name): getattr(value, field.name) for field in fields(value)}
    if isinstance(value, datetime):
        return timestamp(value)
    # Other things of plugin authors: dates, UUIDs, enums, sets; what nobody knows, as text.
    return to_jsonable_python(value, fallback=str)


def _camel(name: str) -> str:
    """``class_id`` as ``classId``: the name that the API has for it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
