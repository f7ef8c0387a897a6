"""The documents of the outbox in MongoDB. Only ``outbox.py`` reads and writes them."""

from __future__ import annotations

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, ObjectIdField, StringField

from quartapp import Model

OUTBOX = "webhook_outbox"
ENDPOINTS = "webhook_endpoints"


class Delivery(Model):
    """A message on its way to one endpoint.

    ``due`` is the time of the next attempt. A claim moves it to the end of the lease, so that the
    delivery of a process that died becomes due again by itself. ``order`` grows with time, and
    sorts deliveries that are due in the same millisecond.
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
