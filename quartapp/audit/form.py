"""The form of stored entries: what is hashed, and how entries are linked.

Each entry is a JSON object with the members of ``LINKED`` and ``OUTSIDE`` and its ``hash``. The
hash is the SHA-256 of the canonical JSON (RFC 8785) of the members in ``LINKED``, in UTF-8, as
hexadecimal digits. ``previous`` is the hash of the entry before, also across days. ``day`` is the
day, in UTC, on which the entry got its ``number``; the numbers of each day begin at 1.

The address of the client is outside the chain, so that it can be deleted after ``ADDRESS_DAYS``.
Until then ``seal`` protects it: the SHA-256 of the text ``salt``, a blank and ``address``.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import timedelta
from ipaddress import IPv4Address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from bson import ObjectId

from quartapp.encoding import timestamp
from quartapp.settings.reach import client_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime
    from ipaddress import IPv6Address

    from quartapp.audit.action import AuditEntry
    from quartapp.database.documents import Document

ENTRIES = "audit"
PENDING = "audit_pending"
END = "audit_end"
NEWEST_FIRST = [("day", -1), ("number", -1)]
"""Order of entries from the end of the chain."""

LINKED = (
    "_id",
    "about",
    "action",
    "after",
    "at",
    "before",
    "day",
    "network",
    "number",
    "previous",
    "seal",
    "way",
    "who",
)
OUTSIDE = ("address", "salt")
GENESIS = "0" * 64
"""The member ``previous`` of the first entry of all."""

ADDRESS_DAYS = 30
# A provider gives a customer a whole IPv6 network of this size (RFC 6177), and often more.
IPV6_BITS = 64
IPV4_BITS = 24
SALT_BYTES = 16


class Position(NamedTuple):
    """The place of an entry in the chain, and its hash.

    Attributes:
        day: Day of the entry.
        number: Number of the entry on its day.
        hash: Hash of the entry.
    """

    day: str
    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.day}/{self.number}/{self.hash}"


BEGINNING = Position("", 0, GENESIS)
"""The position before the first entry of all."""


def position(document: Document) -> Position:
    """Return the position of a stored entry, or of a stored position."""
    return Position(document["day"], document["number"], document["hash"])


def row(
    entry: AuditEntry, now: datetime, way: str, client: str | None, person: str | None = None
) -> Document:
    """Return an entry as it waits to be linked.

    Args:
        entry: The entry.
        now: Time of the action, in UTC.
        way: Who caused the action: ``client``, ``command`` or ``server``.
        client: Network address of the client; None if there is none.
        person: Id of the person who is signed in; the entry may name another.
    """
    address = client_address(client)
    salt = None if address is None else secrets.token_hex(SALT_BYTES)
    return {
        "_id": str(ObjectId()),
        "at": timestamp(now),
        "action": entry.action.name,
        "who": entry.by or person,
        "way": way,
        "network": None if address is None else network_name(address),
        "seal": None if salt is None else seal(salt, str(address)),
        "about": dict(entry.about),
        "before": dict(entry.before),
        "after": dict(entry.after),
        "address": None if address is None else str(address),
        "salt": salt,
    }


def linked(rows: Iterable[Document], end: Position, today: str) -> Iterator[Document]:
    """Yield rows as entries that follow the end of the chain.

    Args:
        rows: The rows, in their order.
        end: Position of the last entry.
        today: The day, in UTC. An entry is never of an earlier day than the entry before.
    """
    for one in rows:
        day = max(today, end.day)
        number = end.number + 1 if day == end.day else 1
        document = {**one, "day": day, "number": number, "previous": end.hash}
        document["hash"] = digest(document)
        yield document
        end = position(document)


def digest(document: Document) -> str:
    """Return the hash of an entry.

    Args:
        document: The entry; members outside the chain do not count.

    Raises:
        TypeError: A member has a type that JSON does not have.
        ValueError: A number is no number of JSON.
    """
    outside = (*OUTSIDE, "hash")
    chained = {name: value for name, value in document.items() if name not in outside}
    return hashlib.sha256(canonical(chained)).hexdigest()


def canonical(value: Document) -> bytes:
    """Return the canonical JSON of a document whose numbers are whole and whose names are ASCII."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode(errors="surrogatepass")


def seal(salt: str, address: str) -> str:
    """Return the seal of an address.

    Args:
        salt: Random text.
        address: The address.
    """
    return hashlib.sha256(f"{salt} {address}".encode()).hexdigest()


def network_name(address: IPv4Address | IPv6Address) -> str:
    """Return the network of an address, such as ``192.0.2.0/24``.

    Args:
        address: The address.
    """
    bits = IPV4_BITS if isinstance(address, IPv4Address) else IPV6_BITS
    return str(ip_network((int(address), bits), strict=False))


def first_day_with_addresses(today: date) -> str:
    """Return the first day whose entries have their clients' addresses still.

    Args:
        today: The day, in UTC.
    """
    return (today - timedelta(days=ADDRESS_DAYS)).isoformat()
