from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, IntField, ListField, ObjectIdField, StringField

from quartapp import Model
from quartapp_classes.teachers import CO_TEACHERS, Teachers


class ClassRoom(Model):
    """A class with its teachers and its roll.

    ``teacher_id`` is the primary teacher; ``co_teachers`` has a document with ``userId`` and
    ``until`` for each co-teacher. ``roll_version`` grows with every change of the roll and of the
    teachers, so that a process can tell whether its copy is current. ``name_key`` makes the name
    unique among the classes of the primary teacher, without regard to case and Unicode's forms.
    ``sourced_id`` is the identifier of the class in the system it was imported from.
    """

    class_name = StringField(required=True, db_field="className")
    name_key = StringField(required=True, db_field="nameKey")
    teacher_id = ObjectIdField(required=True, db_field="teacherId")
    co_teachers = ListField(DictField(), db_field=CO_TEACHERS)
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
            {"fields": ["co_teachers.userId"], "sparse": True},
        ],
    }

    @property
    def teachers(self) -> Teachers:
        """The teachers of the class."""
        return Teachers.of({"teacherId": self.teacher_id, CO_TEACHERS: self.co_teachers})
