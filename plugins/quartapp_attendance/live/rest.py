"""The marks of everybody on the roll who has no mark, in one update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.live.batch import stored_mark
from quartapp_attendance.live.change import Change
from quartapp_attendance.live.references import (
    REFERENCES_PREFIX,
    check_applied,
    counted,
    unapplied,
)
from quartapp_attendance.live.states import SessionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from quartapp import Changes, Clock, Document, OutboxEntry
    from quartapp_attendance.live.references import Reference
    from quartapp_attendance.live.roll_seen import Basis
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_attendance.live.store import SessionStore
    from quartapp_attendance.metrics import AttendanceMetrics
    from quartapp_attendance.statuses import Mark


class RestWriter:
    """The writer of marks for those who have none.

    Args:
        store: The stored sessions.
        metrics: Metrics of roll calls.
        clock: Clock for the times that are stored.
        changes: Store for what plugins want delivered, with each change.
    """

    def __init__(
        self, store: SessionStore, metrics: AttendanceMetrics, clock: Clock, changes: Changes
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._changes = changes

    async def mark(
        self,
        session: ActiveSession,
        marks: Mapping[str, Mark],
        reference: Reference | None,
        event: Callable[[str], object],
    ) -> tuple[list[str], int]:
        """Mark those students who have no mark, and wait until that is shown.

        Args:
            session: The session.
            marks: The mark for each student who may have none, by student id.
            reference: Reference of the frame; None without one.
            event: Function that returns the event of a student's mark.

        Returns:
            Ids of the students who got their marks, in the order of the numbers; and the last
            number, which is that of the change before when nobody got a mark.

        Raises:
            AppliedError: The frame was applied before.
            TooManyReferencesError: The session keeps as many references as it may.
            NoActiveSessionError: The session is over.
            HookFailedError: A plugin failed in the hook ``outbox_entries``.
            DatabaseUnavailableError: The marks could not be stored.
        """
        now = self._clock.now()
        refused = False
        while True:
            basis = await self._store.basis(session, fresh=refused)
            stored = {
                student_id: stored_mark(mark, now)
                for student_id, mark in marks.items()
                if student_id in basis.roll.student_ids
            }
            query: Document = {"_id": session.id, "state": SessionState.ACTIVE, **basis.terms}
            if reference is not None:
                query |= unapplied([reference])
            update = rest_update(stored, basis, reference)
            wanted: list[tuple[str, OutboxEntry]] = []
            numbers: list[int] = []
            if self._changes.asked:
                # What plugins want delivered is about these students: no mark may come between.
                query["seq"] = session.seq
                unmarked = told_in_order(stored, stored.keys() - session.marks.keys())
                for number, student_id in enumerate(unmarked, query["seq"] + 1):
                    entries = await self._changes.entries([event(student_id)])
                    wanted += entries
                    numbers += [number] * len(entries)
            async with self._store.writing():
                with self._metrics.commit.time():
                    before = await self._written(query, update, wanted, numbers)
                if before is not None:
                    session.roll_seen = basis.roll.class_version
                    marked = sorted(stored.keys() - before["attendance"].keys())
                    last = before["seq"] + len(marked)
                    if self._store.echo is not None and marked:
                        new = {student_id: stored[student_id] for student_id in marked}
                        fields = {"seq": last, "rest": f":{len(marked)}", "attendance": new}
                        await self._store.echo.apply(Change.from_fields(session.id, fields))
                    break
            refused = True
            document = await self._present(session, reference)
            await session.reached(document["seq"])
        self._metrics.marks.inc(len(marked))
        await session.reached(last)
        return marked, last

    async def _written(
        self,
        query: Document,
        update: list[Document],
        wanted: list[tuple[str, OutboxEntry]],
        numbers: list[int],
    ) -> Document | None:
        """Make the update; return the session before it, or None when no session fits."""
        return await self._changes.together(
            wanted,
            lambda: self._store.sessions.find_one_and_update(
                query, update, {"seq": 1, "attendance": 1}
            ),
            lambda _: numbers,
        )

    async def _present(self, session: ActiveSession, reference: Reference | None) -> Document:
        """Return the number of a session that did not take an update.

        Raises:
            AppliedError: The frame was applied before.
            TooManyReferencesError: The session keeps as many references as it may.
            NoActiveSessionError: The session is over.
        """
        fields = {"state": 1, "seq": 1, "refCount": 1}
        if reference is not None:
            fields[REFERENCES_PREFIX + reference.key] = 1
        async with self._store.operation():
            document = await self._store.sessions.find_one({"_id": session.id}, fields)
        if document is None or document["state"] != SessionState.ACTIVE:
            session.state = SessionState.CLOSING
            raise NoActiveSessionError
        if reference is not None:
            check_applied(reference, document)
        return document


def told_in_order(marks: Mapping[str, Document], student_ids: Iterable[str]) -> list[str]:
    """Return students in the order of the numbers that their marks of one update have.

    Marks of one status are told together.

    Args:
        marks: Marks by student id.
        student_ids: Ids of the students who get their marks by the update.
    """
    by_status: dict[str, list[str]] = {}
    for student_id in sorted(student_ids):
        by_status.setdefault(marks[student_id]["status"], []).append(student_id)
    return [student_id for together in by_status.values() for student_id in together]


def rest_update(
    marks: Mapping[str, Document], basis: Basis, reference: Reference | None
) -> list[Document]:
    """Return the update that stores marks for those students who have none.

    Args:
        marks: The marks to store, by student id.
        basis: The roll that has the students.
        reference: Reference of the frame; None without one.
    """
    # MongoDB adds to the marks those of unmarked students, and counts them, in the update itself.
    # The change stream reports the new marks; a text is reported as a whole.
    taken = {"$map": {"input": {"$objectToArray": "$attendance"}, "in": "$$this.k"}}
    fresh = {"$size": {"$setDifference": [{"$literal": list(marks)}, taken]}}
    fields: Document = {
        "seq": {"$add": ["$seq", "$fresh"]},
        "attendance": {"$mergeObjects": [{"$literal": dict(marks)}, "$attendance"]},
        "rest": {"$concat": [f"{ObjectId()}:", {"$toString": "$fresh"}]},
        "rollVersion": {"$literal": basis.roll.version},
        **{name: {"$literal": value} for name, value in basis.seen.items()},
    }
    if reference is not None:
        fields[REFERENCES_PREFIX + reference.key] = {
            "seq": {"$add": ["$seq", "$fresh"]},
            "entry": {"kind": "rest", "marked": "$fresh"},
        }
        fields["refCount"] = counted(1)
    return [{"$set": {"fresh": fresh}}, {"$set": fields}, {"$unset": "fresh"}]
