from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, ListField, StringField

from quartapp import Model
from quartapp_auth.credentials.codes import COLLECTION as ONE_TIME_CODES
from quartapp_auth.registering.setup import COLLECTION as SETUP
from quartapp_auth.signing_in.failure_counts import COLLECTION as FAILED_SIGN_INS


class UserDocument(Model):
    """The collection of accounts, declared with its indexes and the fields that they need."""

    email = StringField()
    name = StringField()
    role = StringField()
    name_keys = ListField(StringField(), db_field="nameKeys")
    username_key = StringField(db_field="usernameKey")
    issuer = StringField()
    subject = StringField()
    other_sourced_ids = ListField(StringField(), db_field="otherSourcedIds")
    sourced_id = StringField(db_field="sourcedId")

    meta: ClassVar[dict[str, Any]] = {
        "collection": "users",
        "strict": False,
        "indexes": [
            {"fields": ["email"], "unique": True, "sparse": True},
            {"fields": ["username_key"], "unique": True, "sparse": True},
            {"fields": ["sourced_id"], "unique": True, "sparse": True},
            {"fields": ["other_sourced_ids"], "unique": True, "sparse": True},
            {"fields": ["issuer", "subject"], "unique": True, "sparse": True},
            ("role", "_id"),
            ("role", "name_keys"),
        ],
    }


class FailedSignInDocument(Model):
    """The collection of counters of failed sign-ins, declared with its index."""

    id = StringField(primary_key=True)
    expires = DateTimeField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": FAILED_SIGN_INS,
        "strict": False,
        "indexes": [{"fields": ["expires"], "expireAfterSeconds": 0}],
    }


class OneTimeCodeDocument(Model):
    """The collection of one-time codes, declared with its indexes and the fields that they need."""

    hash = StringField()
    expires_at = DateTimeField(db_field="expiresAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": ONE_TIME_CODES,
        "strict": False,
        "indexes": [
            {"fields": ["hash"], "unique": True},
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
        ],
    }


class SetupDocument(Model):
    """The collection with the one document of an open set-up."""

    id = StringField(primary_key=True)

    meta: ClassVar[dict[str, Any]] = {"collection": SETUP, "strict": False}


class InvitationDocument(Model):
    """The collection of invitations, declared with its indexes and the fields that they need."""

    hash = StringField()
    expires_at = DateTimeField(db_field="expiresAt")

    meta: ClassVar[dict[str, Any]] = {
        "collection": "invitations",
        "strict": False,
        "indexes": [
            {"fields": ["hash"], "unique": True},
            # Past invitations can be listed for another month.
            {"fields": ["expires_at"], "expireAfterSeconds": 30 * 24 * 3600},
        ],
    }
