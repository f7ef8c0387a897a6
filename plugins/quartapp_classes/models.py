from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, ListField, ObjectIdField, StringField
from pymongo.collation import Collation, CollationStrength

from quartapp import Model

IGNORING_CASE = Collation("en", strength=CollationStrength.SECONDARY)


class ClassRoom(Model):
    """A class with its teacher and its roll.

    ``roll_version`` grows with every change of the roll, so that a process can tell whether its
    copy is current. ``sourced_id`` is the identifier of the class in the system it was imported
    from.
    """

    class_name = StringField(required=True, db_field="className")
    teacher_id = ObjectIdField(required=True, db_field="teacherId")
    students_ids = ListField(ObjectIdField(), db_field="studentsIds")
    roll_version = IntField(default=0, db_field="rollVersion")
    sourced_id = StringField(db_field="sourcedId")
    created_at = DateTimeField(required=True, db_field="createdAt")
    updated_at = DateTimeField(required=True, db_field="updatedAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": "classes",
        "strict": False,
        "indexes": [
            {
                "fields": ["teacher_id", "class_name"],
                "unique": True,
                "collation": IGNORING_CASE.document,
            },
            {"fields": ["sourced_id"], "unique": True, "sparse": True},
            "students_ids",
        ],
    }
