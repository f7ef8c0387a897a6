"""What the outbox looks like in MongoDB. It is read and written by ``outbox.py`` alone."""

from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, ObjectIdField, StringField

from quartapp import Model

OUTBOX = "webhook_outbox"
ENDPOINTS = "webhook_endpoints"


class Delivery(Model):
    """One message on its way to one endpoint.

    ``due`` is when it may be tried next. A claim moves it behind the end of the lease, so that a
    delivery whose process died becomes due again by itself. ``order`` grows with time; it decides
    between deliveries that are due at the same millisecond.
    """

    id = StringField(primary_key=True)
    message = StringField(required=True)
    endpoint = StringField(required=True)
    type = StringField(required=True)
    body = StringField()
    state = StringField(required=True, choices=("waiting", "delivered", "dead"))
    order = ObjectIdField(required=True)
    created = DateTimeField(required=True)
    due = DateTimeField(required=True)
    attempts = IntField(required=True)
    claim = ObjectIdField()
    reason = StringField()
    expires = DateTimeField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": OUTBOX,
        "indexes": [
            ("endpoint", "state", "due", "order"),
            {"fields": ["expires"], "expireAfterSeconds": 0},
        ],
    }
