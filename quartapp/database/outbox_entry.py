"""The entries of the outbox, and their documents in MongoDB.

The entries of one plugin, kind and key form a lane, and the entry with the lowest ``place`` is the
next of its lane. In a lane with a key, ``place`` is ``order``, so no entry overtakes another. The
entries of a kind without a key form a *loose* lane, where ``place`` is ``due``, so later entries
overtake one that waits for another try. A dead entry, which is not tried again by itself, has no
lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bson import Timestamp
from mongoengine import DateTimeField, DynamicField, IntField, ObjectIdField, StringField

from quartapp.database.model import Model
from quartapp.kinds import MAPPING, TEXT, check_all, optional

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from quartapp.database.documents import Document

COLLECTION = "outbox"
SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A delivery to another system because of an event.

    Attributes:
        kind: Kind of delivery, such as ``mail`` or the name of another system.
        key: Key for the order of deliveries: the entries of one kind and key are delivered one
            after another, in their order. An entry without a key (None) waits for no other entry,
            and later entries of its kind overtake it while it waits for another try.
        data: Data for ``deliver``, of types that MongoDB can store.
    """

    kind: str
    key: str | None
    data: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(self, kind=TEXT, key=optional(TEXT), data=MAPPING)

    def document(
        self,
        plugin: str,
        due: datetime,
        *,
        attempts: int = 0,
        reason: str | None = None,
        expires: datetime | None = None,
        seq: int | None = None,
    ) -> Document:
        """Return the document of a new entry, for the collection ``outbox``.

        Plugins need the document only in a migration that moves entries of another queue into the
        outbox. MongoDB sets the order of the entry when the document is inserted.

        Args:
            plugin: Name of the plugin that delivers the entry.
            due: Time of the first try, in UTC.
            attempts: Number of tries that have failed already.
            reason: Why the last try failed; None without a failed try.
            expires: When the entry is deleted, in UTC, if the entry is dead; None for an entry that
                waits.
            seq: Number of the change among the changes of one thing; None for a change without.
        """
        parts = (plugin, self.kind) if self.key is None else (plugin, self.kind, self.key)
        # MongoDB replaces an empty timestamp by its logical time, which never goes back.
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
        if seq is not None:
            document["seq"] = seq
        if reason is not None:
            document["reason"] = reason
        if expires is not None:
            return {**document, "expires": expires}
        place = due if self.key is None else order
        waits = {"lane": SEPARATOR.join(parts), "place": place, "due": due, "since": due}
        return {**document, **waits}


class StoredEntry(Model):
    """The document of an entry; only the outbox reads and writes it.

    ``due`` is the time of the next try. A process that delivers an entry keeps ``due`` in the
    future, so an entry becomes due by itself when its process dies. ``since`` is the time at which
    ``due`` was set, by which a clock that was set back is noticed. Only dead entries have
    ``expires``.
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
    seq = IntField()
    due = DateTimeField()
    since = DateTimeField()
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
