"""What happens in a roll call, one class for each event of the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Frame: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """An event of a session.

    Attributes:
        class_id: ``_id`` of the class.
        seq: Number of the change that the event shows, which grows within a session.
    """

    class_id: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(_Event):
    """A student has another mark; ``status`` is None when a mark was taken back."""

    student_id: str
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollMarked(_Event):
    """Several students were marked at once."""

    student_ids: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(_Event):
    """Numbers of the students marked so far; ``statuses`` only from servers with more statuses."""

    present: int
    absent: int
    total: int
    statuses: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Summary):
    """The session has ended with records of everybody on the roll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(_Event):
    """A session has begun."""

    class_name: str
    started_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(_Event):
    """The session has ended without ``DONE``: superseded, expired, or as a later server says."""

    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State(_Event):
    """All marks of the session, in place of everything that was known before."""

    started_at: str
    marks: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(_Event):
    """An event that this version of the client does not know, as of a plugin."""

    event: str
    data: dict[str, Any]


Event: TypeAlias = Marked | RollMarked | Summary | Done | Started | Ended | State | Unknown


def event_of(frame: Frame) -> Event:
    """Return the event of a frame of version 1 that has ``classId`` and ``seq``.

    Args:
        frame: The frame.
    """
    name, data = str(frame["event"]), frame.get("data", {})
    of: dict[str, Any] = {"class_id": str(frame["classId"]), "seq": int(frame["seq"])}
    match name:
        case "ATTENDANCE_MARKED":
            return Marked(student_id=data["studentId"], status=data["status"], **of)
        case "ROLL_MARKED":
            return RollMarked(student_ids=tuple(data["studentIds"]), status=data["status"], **of)
        case "TODAY_SUMMARY":
            return Summary(**_counts(data), **of)
        case "DONE":
            return Done(**_counts(data), **of)
        case "SESSION_STARTED":
            return Started(class_name=data["className"], started_at=data["startedAt"], **of)
        case "SESSION_ENDED":
            return Ended(outcome=data["outcome"], **of)
        case "SESSION_STATE":
            return State(started_at=data["startedAt"], marks=dict(data["attendance"]), **of)
    return Unknown(event=name, data=data, **of)


def _counts(data: dict[str, Any]) -> dict[str, Any]:
    counts = {name: data[name] for name in ("present", "absent", "total")}
    return {**counts, "statuses": dict(data.get("statuses", {}))}


def done_of(frame: Frame) -> Done:
    """Return the numbers of a frame that answers ``DONE``.

    Args:
        frame: The frame.
    """
    return Done(class_id=frame["classId"], seq=frame["seq"], **_counts(frame["data"]))
