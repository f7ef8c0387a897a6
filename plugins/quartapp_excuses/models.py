from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
)

from quartapp import Model

EXCUSES = "excuses"
FILES = "excuse_files"


class ExcuseState(StrEnum):
    """The stages of an excuse; only an open one can be decided or withdrawn."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class ExcuseDocument(Model):
    """An excuse of a student, for local days.

    ``pending`` is there while records still have to become excused: ``all`` for those of every
    session in the range, else of ``sessions``; ``since`` is the time of the order. ``office`` tells
    whether the office decided, whose word counts more than a teacher's.
    """

    student_id = ObjectIdField(required=True, db_field="studentId")
    first = StringField(required=True, db_field="from")
    last = StringField(required=True, db_field="to")
    reason = StringField(required=True)
    state = StringField(required=True, choices=tuple(ExcuseState))
    handed_in_at = DateTimeField(required=True, db_field="handedInAt")
    handed_in_by = ObjectIdField(required=True, db_field="handedInBy")
    decided_at = DateTimeField(db_field="decidedAt")
    decided_by = ObjectIdField(db_field="decidedBy")
    office = BooleanField()
    word = StringField()
    file = DictField()
    pending = DictField()
    excused = IntField()
    unchanged = ListField(DictField())

    meta: ClassVar[dict[str, Any]] = {
        "collection": EXCUSES,
        "strict": False,
        "indexes": [
            ("student_id", "state", "first"),
            ("state", "last", "first"),
            "handed_in_by",
            {"fields": ["pending.since"], "sparse": True},
        ],
    }


class FileDocument(Model):
    """A file in GridFS; its ``_id`` is that of its excuse."""

    id = ObjectIdField(primary_key=True)
    length = IntField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": f"{FILES}.files",
        "strict": False,
        "indexes": [],
    }


class ChunkDocument(Model):
    """A piece of a file in GridFS."""

    files_id = ObjectIdField()
    n = IntField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": f"{FILES}.chunks",
        "strict": False,
        "indexes": [{"fields": ["files_id", "n"], "unique": True}, ("n", "id")],
    }
