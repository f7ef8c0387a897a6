"""Tickets for one handshake each, so that no token has to stand in the address of a socket."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from mongoengine import DateTimeField, StringField

from quartapp.database.model import Model
from quartapp.identity.principal import Principal
from quartapp.identity.tokens import InvalidTokenError

if TYPE_CHECKING:
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp.clock import Clock
    from quartapp.database.database import Database

TICKET = "ticket"
"""Query parameter of the socket's address."""
LIFETIME = timedelta(seconds=30)
COLLECTION = "socketTickets"
_BYTES = 16


class StoredTicket(Model):
    """A ticket that nobody has used: whose it is, under the SHA-256 of its text."""

    id = StringField(primary_key=True)
    expires = DateTimeField(required=True)

    meta: ClassVar[dict[str, Any]] = {
        "collection": COLLECTION,
        "strict": False,
        "indexes": [{"fields": ["expires"], "expireAfterSeconds": 0}],
    }


class Tickets:
    """Issues tickets, and takes each one once, in whichever process of whichever server.

    Args:
        database: The app's database.
        clock: The app's clock, which all servers share.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def issue(self, principal: Principal) -> str:
        """Return a new ticket, which opens one socket of a principal within ``LIFETIME``.

        Args:
            principal: The caller, with the claims that the socket will have.

        Raises:
            InvalidTokenError: The claims, which a plugin gave the principal, are no JSON.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        ticket = secrets.token_urlsafe(_BYTES)
        try:
            # As text, since BSON has no integers of more than 64 bits.
            claims = json.dumps(dict(principal.claims))
        except (TypeError, ValueError) as error:
            raise InvalidTokenError("the claims are no JSON") from error
        kept = {
            "_id": _hash(ticket),
            "user": principal.id,
            "role": principal.role,
            "claims": claims,
            "credentialsExpire": principal.expires_at,
            "expires": self._clock.now() + LIFETIME,
        }
        async with self._database.operation():
            await self._stored.insert_one(kept)
        return ticket

    async def take(self, ticket: str) -> Principal:
        """Use a ticket up, and return its principal, whose credentials may have ended meanwhile.

        Args:
            ticket: Text that a client shows.

        Raises:
            InvalidTokenError: There is no such ticket, it was used before, or it or the credentials
                that it was issued for have run out.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        # MongoDB removes a ticket some time after its end; until then, the query looks at the time.
        query = {"_id": _hash(ticket), "expires": {"$gt": self._clock.now()}}
        async with self._database.operation():
            found = await self._stored.find_one_and_delete(query)
        if found is None:
            raise InvalidTokenError("the ticket is unknown, used or past")
        if found["credentialsExpire"] <= self._clock.time():
            raise InvalidTokenError("the token of the ticket has run out")
        claims = MappingProxyType(json.loads(found["claims"]))
        return Principal(found["user"], found["role"], found["credentialsExpire"], claims)

    @property
    def _stored(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents[COLLECTION]


def _hash(ticket: str) -> str:
    # 128 random bits need neither a salt nor a slow hash.
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()
