from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
)

from quartapp import Model

GUARDIANS = "guardians"
NOTICES = "absence_notices"
# How long it is known what was sent, in seconds: a school year, and some weeks.
KEPT_SECONDS = 400 * 86_400


class NoticeState(StrEnum):
    """The stages of a notice; one that failed is sent when its delivery is tried again."""

    ORDERED = "ordered"
    SENT = "sent"
    DROPPED = "dropped"
    FAILED = "failed"


class GuardianDocument(Model):
    """A guardian of a student; ``v`` grows with each change.

    ``place`` is the lowest number that no other guardian of the student has, so that requests at
    once add no more guardians than a student may have.
    """

    student_id = ObjectIdField(required=True, db_field="studentId")
    place = IntField(required=True)
    name = StringField(required=True)
    email = StringField(required=True)
    language = StringField(required=True)
    v = IntField(required=True)
    created_at = DateTimeField(required=True, db_field="createdAt")
    updated_at = DateTimeField(required=True, db_field="updatedAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": GUARDIANS,
        "indexes": [
            {"fields": ["student_id", "email"], "unique": True},
            {"fields": ["student_id", "place"], "unique": True},
        ],
    }


class NoticeDocument(Model):
    """A notice of absence for one guardian, of one student and local day.

    A guardian has one notice ``once`` for a student and day, by the unique index. A dropped notice
    is none, so that an absence later in the day is told. ``sessions`` has those that the mail
    names, and ``to`` the address it went to.
    """

    student_id = ObjectIdField(required=True, db_field="studentId")
    guardian_id = ObjectIdField(required=True, db_field="guardianId")
    date = StringField(required=True)
    once = BooleanField()
    sessions = ListField(ObjectIdField())
    state = StringField(required=True, choices=tuple(NoticeState))
    to = StringField()
    why = StringField()
    ordered_at = DateTimeField(required=True, db_field="orderedAt")
    ended_at = DateTimeField(db_field="endedAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": NOTICES,
        "indexes": [
            {
                "fields": ["guardian_id", "date"],
                "unique": True,
                "partialFilterExpression": {"once": True},
            },
            ("date", "id"),
            ("student_id", "date"),
            {"fields": ["ordered_at"], "expireAfterSeconds": KEPT_SECONDS},
        ],
    }
