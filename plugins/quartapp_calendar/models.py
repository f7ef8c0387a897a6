from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import (
    DateTimeField,
    DictField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
)

from quartapp import Model

TERMS = "calendar_terms"
HOLIDAYS = "calendar_holidays"
MEETINGS = "calendar_meetings"


class TermsDocument(Model):
    """All terms, in one document, so that one update can refuse a term that overlaps another."""

    id = StringField(primary_key=True)
    terms = ListField(DictField())

    meta: ClassVar[dict[str, Any]] = {"collection": TERMS}


class HolidaysDocument(Model):
    """All holidays of one source, in one document, so that an import replaces all of them or none.

    The id is the name of the source, and empty for holidays that people enter by hand.
    """

    id = StringField(primary_key=True)
    holidays = ListField(DictField())
    imported_at = DateTimeField(db_field="importedAt")

    meta: ClassVar[dict[str, Any]] = {"collection": HOLIDAYS}


class MeetingDocument(Model):
    """A weekly meeting of a class; ``starts`` and ``ends`` are local times such as 09:45."""

    class_id = ObjectIdField(required=True, db_field="classId")
    weekday = IntField(required=True, min_value=1, max_value=7)
    starts = StringField(required=True, db_field="from")
    ends = StringField(required=True, db_field="to")
    room = StringField()
    term_id = ObjectIdField(db_field="termId")
    created_at = DateTimeField(required=True, db_field="createdAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": MEETINGS,
        "indexes": [
            ("class_id", "weekday", "starts"),
            # The classes of a day are answered by the index alone.
            ("weekday", "term_id", "class_id"),
            {"fields": ["term_id"], "sparse": True},
        ],
    }
