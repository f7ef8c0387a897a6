from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, IntField, ListField, ObjectIdField, StringField

from quartapp import Model
from quartapp_attendance.live.states import OUTCOMES, SessionState


class Session(Model):
    """A roll call, live or over; only the log in ``quartapp_attendance.live`` writes it.

    ``slot`` is ``global`` or a class's id; a slot has at most one live session. The unique index
    covers active sessions only, so the database itself decides which session is live.

    ``date`` is the local date of the start, as ``2026-12-31``. ``roll`` has those who were on
    the roll when the session ended as superseded or expired: they need not all have a record.
    """

    class_id = ObjectIdField(required=True, db_field="classId")
    teacher_id = ObjectIdField(required=True, db_field="teacherId")
    slot = StringField(required=True)
    state = StringField(required=True, choices=tuple(SessionState))
    outcome = StringField(choices=OUTCOMES)
    seq = IntField(required=True)
    started_at = DateTimeField(required=True, db_field="startedAt")
    ended_at = DateTimeField(db_field="endedAt")
    date = StringField()
    ended_by = ObjectIdField(db_field="endedBy")
    note = StringField()
    roll = ListField(ObjectIdField())
    roll_version = IntField(db_field="rollVersion")
    attendance = DictField()
    summary = DictField()
    signal = DictField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "sessions",
        "strict": False,
        "indexes": [
            {
                "fields": ["slot"],
                "unique": True,
                "partialFilterExpression": {"state": SessionState.ACTIVE.value},
            },
            "-seq",
            ("state", "ended_at"),
            ("class_id", "state"),
            ("teacher_id", "state"),
            ("class_id", "date", "started_at", "id", "state"),
            ("date", "class_id"),
        ],
    }


class AttendanceRecord(Model):
    """The attendance of one student in an ended session.

    ``v`` is 1 for the record that the end of a session made, and grows with each correction.
    """

    session_id = ObjectIdField(required=True, db_field="sessionId")
    class_id = ObjectIdField(required=True, db_field="classId")
    student_id = ObjectIdField(required=True, db_field="studentId")
    status = StringField(required=True)
    marked_at = DateTimeField(db_field="markedAt")
    marked_by = ObjectIdField(db_field="markedBy")
    via = StringField()
    seq = IntField()
    v = IntField()
    created_at = DateTimeField(required=True, db_field="createdAt")
    updated_at = DateTimeField(required=True, db_field="updatedAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": "attendance",
        "strict": False,
        "indexes": [
            {"fields": ["session_id", "student_id"], "unique": True},
            ("student_id", "class_id", "-seq", "-created_at", "-id"),
            "class_id",
        ],
    }
