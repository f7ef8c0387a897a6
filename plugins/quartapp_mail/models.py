from __future__ import annotations

from mongoengine import DateTimeField, ObjectIdField

from quartapp import Model

COLLECTION = "resetMails"


class ResetMailDocument(Model):
    """The collection of accounts that were mailed a code a moment ago.

    The id is that of the account; ``until`` is when somebody may ask for the next mail.
    """

    id = ObjectIdField(primary_key=True)
    until = DateTimeField(required=True)

    meta = {  # noqa: RUF012 - a declaration of MongoEngine
        "collection": COLLECTION,
        "indexes": [{"fields": ["until"], "expireAfterSeconds": 0}],
    }
