"""The answer to a frame that was applied before: the one that the frame got the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import answering, core, earlier_frames
from quartapp_attendance.live.counting import counted
from quartapp_attendance.live.telling import beside
from quartapp_attendance.statuses import StatusRegistry
from quartapp_attendance.words import MARKED, MARKED_REST, SUMMARY
from quartapp_classes import Rolls

if TYPE_CHECKING:
    from quartapp_attendance.live.references import AppliedError
    from quartapp_attendance.live.session import ActiveSession


async def answer_again(session: ActiveSession, applied: AppliedError) -> None:
    """Answer the frame that is being handled, which comes only from sockets of version 1.

    Args:
        session: The session in which the frame was applied.
        applied: What was applied.
    """
    frame = answering()
    if frame is None:
        return
    await earlier_frames()
    # The frame may have come by another process, whose change this one is about to show.
    await session.reached(applied.seq)
    entry = applied.entry
    if entry["kind"] == "mark":
        name, data = MARKED, {"studentId": entry["studentId"], "status": entry["status"]}
    elif entry["kind"] == "rest":
        name, data = MARKED_REST, {"marked": entry["marked"]}
    else:
        kept = session.broadcasts.at(applied.seq)
        if kept is not None:
            frame.connection.post_all([kept.answering(frame.connection.id, frame.ref)])
            return
        # What was sent is no longer kept, so the marks are counted anew.
        services = core().services
        roll = await services.get(Rolls).now(session.class_id)
        gone = session.attendance.keys() - roll.student_ids
        tally = services.get(StatusRegistry).tally
        name, data = SUMMARY, tally(counted(session.attendance, gone))
    frame.connection.answer(name, data, beside(session, applied.seq))
