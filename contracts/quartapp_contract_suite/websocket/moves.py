"""The people and the frames of the WebSocket fuzz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from quartapp_contract_suite.websocket.frames import Frames

if TYPE_CHECKING:
    from quartapp_contract_suite.websocket.document import Document

    Strategy = st.SearchStrategy[Any]

SOCKETS = {
    "first teacher": "first",
    "first teacher again": "first",
    "first teacher in version 1": "first",
    "second teacher": "second",
    "student of one": "one",
    "student of the other": "other",
    "student of both": "both",
    "student of both in version 1": "both",
    "student of none": "none",
}
IN_VERSION_1 = tuple(name for name in SOCKETS if "version 1" in name)
CLASSES = {"maths": "first", "physics": "first", "music": "second"}
CO_TEACHERS = {"maths": (), "physics": ("second",), "music": ()}
ROLLS = {"maths": ("one", "both"), "physics": (), "music": ("other", "both")}
STUDENTS = ("one", "both", "other", "none")
STRANGERS = {"nobody": "f" * 24}

EVENTS = ("ATTENDANCE_MARKED", "MARK_REST", "TODAY_SUMMARY", "MY_ATTENDANCE", "DONE", "AUTH")


class Moves:
    """The frames that a state machine chooses from, made from one server's document.

    Args:
        document: The server's document, with its events and statuses.
    """

    def __init__(self, document: Document) -> None:
        frames = Frames(
            document,
            {
                "studentId": (*STUDENTS, *STUDENTS[:2], "first", *STRANGERS),
                "classId": (*CLASSES, *STRANGERS),
                "token": tuple(token_of(name) for name in ("first", *STUDENTS)),
            },
        )
        self.mark = frames.valid("ATTENDANCE_MARKED")
        self.rest = frames.valid("MARK_REST")
        self.summary = frames.valid("TODAY_SUMMARY")
        self.own = frames.valid("MY_ATTENDANCE")
        self.done = frames.valid("DONE")
        self.renewal = frames.valid("AUTH")
        self.valid = _one_of(self.mark, self.rest, self.summary, self.own, self.done, self.renewal)
        marks, rest, summary, own, done, renewal = map(frames.valid_v1, EVENTS)
        self.version_1 = _one_of(marks, marks, marks, rest, rest, summary, own, done, renewal)
        self.changes_1 = _one_of(marks, marks, marks, rest, summary)
        self.nearly_valid = frames.nearly_valid()
        self.hostile = frames.hostile()
        self.anything = _one_of(self.valid, self.nearly_valid, self.hostile, frames.unknown_event())
        self.teachers = st.one_of(
            self.mark, self.mark, self.mark, self.rest, self.summary, self.done
        )


def token_of(name: str) -> str:
    """Return the name that stands for a person's token in a frame."""
    return f"token of {name}"


def move(kind: str) -> Strategy:
    """Return a strategy for frames of a ``kind``, an attribute of :class:`Moves`.

    Rules are written before the server and its document are known, so the strategy looks up the
    moves of the running machine.
    """
    return st.runner().flatmap(lambda machine: getattr(machine.moves, kind))


def _one_of(*kinds: Strategy) -> Strategy:
    # The choice has two steps, since one_of would prefer kinds with more branches.
    return st.sampled_from(kinds).flatmap(lambda frames: frames)
