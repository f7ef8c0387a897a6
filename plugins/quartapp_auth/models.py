from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, StringField

from quartapp import Model


class User(Model):
    """An account.

    ``name`` is lower-cased, as the API has always answered it; ``display_name`` is what was typed.
    ``sourced_id`` is the person's identifier in the system they were imported from. Whoever is
    ``disabled`` keeps the account and its records, and cannot sign in.
    """

    name = StringField(required=True)
    display_name = StringField(required=True, db_field="displayName")
    email = StringField(required=True)
    password = StringField()
    role = StringField(required=True)
    sourced_id = StringField(db_field="sourcedId")
    disabled = BooleanField()
    created_at = DateTimeField(required=True, db_field="createdAt")
    updated_at = DateTimeField(required=True, db_field="updatedAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": "users",
        "strict": False,
        "indexes": [
            {"fields": ["email"], "unique": True},
            {"fields": ["sourced_id"], "unique": True, "sparse": True},
            ("role", "_id"),
            ("role", "name"),
        ],
    }
