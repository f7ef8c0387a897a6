"""The frames of a session, in the forms of both versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import Broadcast, encode
from quartapp_attendance.words import DONE, ENDED, MARKED, ROLL_MARKED, STARTED, Told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quartapp import Connection, Document
    from quartapp_attendance.live.session import ActiveSession


class Telling:
    """The maker of a session's frames.

    Args:
        by_class: Whether each class can have a session. Then the frames for sockets that do not ask
            for a version name the class and the number too.
    """

    def __init__(self, *, by_class: bool) -> None:
        self._by_class = by_class

    def one(
        self,
        session: ActiveSession,
        seq: int,
        name: str,
        data: Mapping[str, object],
        answered: Document | None = None,
    ) -> Broadcast:
        """Return the broadcast of one event.

        Args:
            session: The session.
            seq: Number of the broadcast.
            name: Name of the event.
            data: Content of ``data``.
            answered: Document with the members ``from`` and ``ref`` of the frame that led to the
                broadcast; they may be missing.
        """
        given = answered or {}
        return Broadcast.of(
            name,
            data,
            beside(session, seq),
            always=self._by_class,
            sender=given.get("from"),
            ref=given.get("ref"),
        )

    def rest(
        self, session: ActiveSession, first: int, status: str, student_ids: Sequence[str]
    ) -> Broadcast:
        """Return the broadcast of marks that were made together.

        Args:
            session: The session.
            first: Number of the first mark.
            status: Status of all marks.
            student_ids: Ids of the marked students, in the order of the numbers.
        """

        def each() -> list[str]:
            return [
                encode(
                    MARKED,
                    {"studentId": student_id, "status": status},
                    beside(session, seq) if self._by_class else {},
                )
                for seq, student_id in enumerate(student_ids, first)
            ]

        def together() -> tuple[str]:
            data = {"status": status, "studentIds": list(student_ids)}
            return (encode(ROLL_MARKED, data, beside(session, first + len(student_ids) - 1)),)

        return Broadcast(each, together)

    def done(
        self, session: ActiveSession, summary: Document, answered: Document | None
    ) -> Broadcast:
        """Return the broadcast of the end of a session whose records are stored."""
        data = {"message": Told.PERSISTED, **summary}
        return self.one(session, session.seq, DONE, data, answered)

    def answer(
        self,
        connection: Connection,
        session: ActiveSession,
        name: str,
        data: Mapping[str, object],
        *,
        seq: int | None = None,
    ) -> None:
        """Answer the frame of a connection that is being handled, about a session.

        Args:
            connection: The connection.
            session: The session.
            name: Name of the event.
            data: Content of ``data``.
            seq: Number of the change that the answer is about; None for the last one that this
                process has shown.
        """
        members = beside(session, session.seq if seq is None else seq)
        connection.answer(name, data, members, always=self._by_class)


def beside(session: ActiveSession, seq: int) -> dict[str, object]:
    """Return what stands beside ``event`` and ``data`` in a frame about a session.

    Args:
        session: The session.
        seq: Number of the change that the frame shows.
    """
    return {"classId": session.class_id, "seq": seq}


def started(session: ActiveSession, class_name: str) -> Broadcast:
    """Return the broadcast of a start, for sockets of version 1."""
    data = {
        "classId": session.class_id,
        "className": class_name,
        "startedAt": session.started_at,
    }
    return _new(STARTED, data, session)


def ended(session: ActiveSession, outcome: str) -> Broadcast:
    """Return the broadcast of an end without ``DONE``, for sockets of version 1."""
    return _new(ENDED, {"outcome": outcome}, session)


def _new(name: str, data: Mapping[str, object], session: ActiveSession) -> Broadcast:
    members = beside(session, session.seq)
    return Broadcast(tuple, lambda: (encode(name, data, members),))
