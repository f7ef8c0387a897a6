"""The entries of the outbox, and their documents in MongoDB.

The entries of one plugin, kind and key form a lane, and ``place`` says which entry of a lane is
next. In a lane with a key, ``place`` is ``order``: nothing overtakes. The entries of a kind without
a key form a *loose* lane, where ``place`` is ``due``: an entry that waits for another try is
overtaken. A dead entry, which is not tried again by itself, has no lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bson import Timestamp
from mongoengine import DateTimeField, DynamicField, IntField, ObjectIdField, StringField

from quartapp.database.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from quartapp.database.documents import Document

COLLECTION = "outbox"
SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """What a plugin wants to deliver because of an event.

    Attributes:
        kind: Kind of delivery, such as ``mail`` or the name of another system.
        key: Entries of one kind and key are delivered in their order, one after another. An entry
            whose key is None waits for no other: when it has to be tried again, later entries of
            its kind overtake it.
        data: What ``deliver`` gets, as MongoDB can store it.
    """

    kind: str
    key: str | None
    data: Mapping[str, Any]

    def document(
        self,
        plugin: str,
        due: datetime,
        *,
        attempts: int = 0,
        reason: str | None = None,
        expires: datetime | None = None,
    ) -> Document:
        """Return the document of a new entry, which belongs into the collection ``outbox``.

        Plugins need this for a migration alone, which moves what waited elsewhere. MongoDB puts the
        order of the entry into the document when it is inserted.

        Args:
            plugin: Name of the plugin that delivers the entry.
            due: When the entry may be tried, in UTC.
            attempts: Tries that have failed already.
            reason: Why the last of them failed.
            expires: Makes the entry a dead one, and says when it is deleted.
        """
        parts = (plugin, self.kind) if self.key is None else (plugin, self.kind, self.key)
        # MongoDB puts its logical time here, which only ever grows.
        order = Timestamp(0, 0)
        document: Document = {
            "plugin": plugin,
            "kind": self.kind,
            "key": self.key,
            "data": dict(self.data),
            "order": order,
            "created": due,
            "attempts": attempts,
        }
        if reason is not None:
            document["reason"] = reason
        if expires is not None:
            return {**document, "expires": expires}
        place = due if self.key is None else order
        return {**document, "lane": SEPARATOR.join(parts), "place": place, "due": due}


class StoredEntry(Model):
    """The document of an entry; read and written by the outbox alone.

    ``due`` is when the entry may be tried next. A process that delivers an entry holds ``due`` in
    the future, so an entry whose process died becomes due by itself. ``expires`` is there in dead
    entries alone.
    """

    id = ObjectIdField(primary_key=True)
    plugin = StringField(required=True)
    kind = StringField(required=True)
    key = StringField()
    lane = StringField()
    data = DynamicField(required=True)
    order = DynamicField(required=True)
    place = DynamicField()
    created = DateTimeField(required=True)
    due = DateTimeField()
    attempts = IntField(required=True)
    claim = ObjectIdField()
    reason = StringField()
    expires = DateTimeField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": COLLECTION,
        "indexes": [
            ("lane", "place", "order"),
            {"fields": ["order"], "partialFilterExpression": {"lane": {"$exists": True}}},
            "claim",
            {"fields": ["expires"], "expireAfterSeconds": 0, "sparse": True},
        ],
    }
