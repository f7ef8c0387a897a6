"""The live sessions of a process."""

from __future__ import annotations

from datetime import UTC, datetime

from bson import ObjectId

from quartapp.clock import SYSTEM_CLOCK
from quartapp_attendance.live.session import ActiveSession
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_attendance.live.states import SessionState

SEQ = 1_767_868_200_000_000


def ended_session(sessions):
    session = ActiveSession.from_document(
        {
            "_id": ObjectId(),
            "classId": ObjectId(),
            "teacherId": ObjectId(),
            "state": SessionState.ACTIVE,
            "seq": SEQ,
            "startedAt": datetime.now(UTC),
            "attendance": {},
        },
        begun=True,
    )
    sessions.add(session)
    session.state = SessionState.CLOSED
    sessions.remove(session)
    return session


def test_number_that_two_classes_share_is_of_the_class_that_is_named():
    sessions = LiveSessions(SYSTEM_CLOCK)
    ended = [ended_session(sessions) for _ in range(3)]
    for session in ended:
        class_id = str(session.class_id)
        assert sessions.left("somebody", SEQ, class_id) is session
        assert sessions.left("somebody", SEQ, class_id.upper()) is session
    assert sessions.left("somebody", SEQ, str(ObjectId())) is None
    assert sessions.left("somebody", SEQ, None) is ended[-1]
