from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, ListField, ObjectIdField, StringField

from quartapp import Model


class ClassRoom(Model):
    """A class with its teacher and its roll.

    ``roll_version`` grows with every change of the roll, so that a process can tell whether its
    copy is current. ``name_key`` makes the name unique among the classes of the teacher, without
    regard to case and Unicode's forms. ``sourced_id`` is the identifier of the class in the system
    it was imported from.
    """

    class_name = StringField(required=True, db_field="className")
    name_key = StringField(required=True, db_field="nameKey")
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
            {"fields": ["teacher_id", "name_key"], "unique": True},
            {"fields": ["sourced_id"], "unique": True, "sparse": True},
            "students_ids",
        ],
    }
