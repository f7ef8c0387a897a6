from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, ListField, ObjectIdField, StringField

from quartapp import Model

ENTRIES = "office_entries"


class EntryDocument(Model):
    """A status that the office has entered for students on a local day.

    ``first`` and ``last`` are local times; without them, the entry is for the whole day.
    ``pending`` is there while records still have to change: ``all`` for those of every session of
    the day, else of ``sessions``; ``seen`` has the versions that the office has seen, and ``since``
    the time of the order.
    """

    date = StringField(required=True)
    first = StringField(db_field="from")
    last = StringField(db_field="to")
    students = ListField(ObjectIdField())
    status = StringField(required=True)
    reason = StringField(required=True)
    by = ObjectIdField(required=True)
    at = DateTimeField(required=True)
    pending = DictField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": ENTRIES,
        "strict": False,
        "indexes": [
            ("date", "id"),
            ("students", "date"),
            {"fields": ["pending.since"], "sparse": True},
        ],
    }
