from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, IntField, ListField, ObjectIdField, StringField

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


class RegisterIndex(Model):
    """The positions of a class's students in its columns; ``id`` is that of the class.

    Both lists only grow, so a column stays readable.
    """

    id = ObjectIdField(primary_key=True)
    students = ListField(ObjectIdField())
    codes = ListField(StringField())

    meta: ClassVar[dict[str, Any]] = {"collection": "register_index"}


class Column(Model):
    """The column of a session; ``id`` is that of the session.

    ``cells`` and ``startedAt``, the start of the session, are missing until the column is built.
    ``pending`` has a token and a time for each change of records that is under way, and ``n``
    counts tokens and builds. ``unread`` names the readers of changes who have yet to see one; an
    empty list is left out.
    """

    id = ObjectIdField(primary_key=True)
    class_id = ObjectIdField(required=True, db_field="classId")
    date = StringField(required=True)
    started_at = DateTimeField(db_field="startedAt")
    cells = StringField()
    n = IntField(required=True)
    pending = ListField(DictField())
    unread = ListField(StringField())

    meta: ClassVar[dict[str, Any]] = {
        "collection": "register_columns",
        "indexes": [
            ("class_id", "date", "started_at", "id"),
            {"fields": ["unread"], "sparse": True},
        ],
    }


class ColumnsBuilt(Model):
    """Up to when the columns of ended sessions are known to exist; there is one document at most.

    ``through`` is compared with the ends of sessions.
    """

    id = StringField(primary_key=True)
    through = DateTimeField(required=True)

    meta: ClassVar[dict[str, Any]] = {"collection": "columns_built"}
