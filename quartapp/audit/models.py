"""The collections of the audit, declared for their indexes; the chain reads and writes them."""

from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DynamicField, IntField, StringField

from quartapp.audit.form import ENTRIES, PENDING
from quartapp.database.model import Model


class AuditDocument(Model):
    """A linked entry. The unique index lets one entry alone follow another."""

    id = StringField(primary_key=True)
    day = StringField(required=True)
    number = IntField(required=True)
    at = StringField(required=True)
    action = StringField(required=True)
    who = StringField()
    way = StringField(required=True)
    network = StringField()
    seal = StringField()
    about = DynamicField(required=True)
    before = DynamicField(required=True)
    after = DynamicField(required=True)
    previous = StringField(required=True)
    hash = StringField(required=True)
    address = StringField()
    salt = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": ENTRIES,
        "indexes": [
            {"fields": ["day", "number"], "unique": True},
            {"fields": ["day"], "partialFilterExpression": {"salt": {"$type": "string"}}},
            ("who", "day", "number"),
            ("action", "day", "number"),
        ],
    }


class PendingAuditDocument(Model):
    """An entry that was stored with its change, and is to be linked."""

    id = StringField(primary_key=True)
    at = StringField(required=True)

    meta: ClassVar[dict[str, Any]] = {"collection": PENDING, "indexes": ["at"], "strict": False}
