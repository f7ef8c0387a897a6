from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, StringField

from quartapp.database import Model


class User(Model):
    """An account.

    ``name`` is lower-cased, as the API has always answered it; ``display_name`` is what was typed.
    """

    name = StringField(required=True)
    display_name = StringField(required=True, db_field="displayName")
    email = StringField(required=True)
    password = StringField()
    role = StringField(required=True)
    created_at = DateTimeField(required=True, db_field="createdAt")
    updated_at = DateTimeField(required=True, db_field="updatedAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": "users",
        "indexes": [{"fields": ["email"], "unique": True}, ("role", "_id"), ("role", "name")],
    }
