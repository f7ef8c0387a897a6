from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, ObjectIdField, StringField

from quartapp import Model


class OlderEntry(Model):
    """An entry of a record's history that the record itself has no longer.

    ``from_status`` is None in the first entry.
    """

    session_id = ObjectIdField(required=True, db_field="sessionId")
    student_id = ObjectIdField(required=True, db_field="studentId")
    class_id = ObjectIdField(required=True, db_field="classId")
    v = IntField(required=True)
    at = DateTimeField()
    by = ObjectIdField()
    from_status = StringField(db_field="from")
    to_status = StringField(db_field="to")
    reason = StringField()
    via = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "attendance_history",
        "strict": False,
        "indexes": [
            {"fields": ["session_id", "student_id", "v"], "unique": True},
            "class_id",
        ],
    }


class RecordLock(Model):
    """The day up to which records are locked; there is one document at most."""

    id = StringField(primary_key=True)
    through = StringField()
    at = DateTimeField()
    by = ObjectIdField()

    meta: ClassVar[dict[str, Any]] = {"collection": "record_lock"}
