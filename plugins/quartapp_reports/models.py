from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, IntField, ListField, ObjectIdField, StringField

from quartapp import Model


class OpenWarnings(Model):
    """The warnings that hold of the students of a class; ``id`` is that of the class.

    ``open`` has a ``studentId``, a ``warning`` and ``raisedAt`` for each. One document has all of
    them, so one conditional write changes them: ``v`` counts the writes. ``rules`` tells the
    settings by which they were found.
    """

    id = ObjectIdField(primary_key=True)
    v = IntField(required=True)
    rules = StringField(required=True)
    open = ListField(DictField())

    meta: ClassVar[dict[str, Any]] = {"collection": "attendance_warnings", "indexes": ["rules"]}


class WarningDigest(Model):
    """The last day on which a teacher was mailed about warnings; ``id`` is that of the teacher.

    ``at`` is the moment up to which warnings were told.
    """

    id = StringField(primary_key=True)
    day = StringField(required=True)
    at = DateTimeField(required=True)

    meta: ClassVar[dict[str, Any]] = {"collection": "warning_digests"}
