"""``AUTH``: the event by which an open socket gets a fresh token before its token runs out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from quartapp.http.fields import Timestamp
from quartapp.http.models import Closed
from quartapp.identity.tokens import InvalidTokenError
from quartapp.parts import core
from quartapp.realtime.events import EventData, EventType, ServerMessage
from quartapp.realtime.messages import UNAUTHORIZED

if TYPE_CHECKING:
    from quartapp.realtime.connection import Connection

AUTH = "AUTH"
# What a token in a header can have at most, with many claims of plugins.
LONGEST_TOKEN = 8192


class AuthEvent(EventData):
    """A fresh token of the same person."""

    token: str = Field(max_length=LONGEST_TOKEN)


class AuthMessage(Closed):
    """The time until which the socket may stay open."""

    expires_at: Timestamp = Field(alias="expiresAt")


async def renew(connection: Connection, data: AuthEvent) -> None:
    """Let the socket stay open until the fresh token expires.

    Args:
        connection: The socket's connection.
        data: The data of the frame.

    Raises:
        InvalidTokenError: The token is invalid, or belongs to another person or role.
        DatabaseUnavailableError: The account cannot be looked up now.
    """
    before = connection.principal
    fresh = await core().authenticate.token(data.token)
    if (fresh.id, fresh.role) != (before.id, before.role):
        raise InvalidTokenError("the token of somebody else")
    connection.renew(fresh)
    expires_at = datetime.fromtimestamp(fresh.expires_at, UTC)
    connection.answer(AUTH, {"expiresAt": expires_at})


def renewal() -> EventType:
    """Return the declaration of the event."""
    renewed = ServerMessage(
        name=AUTH, data=AuthMessage, to_all=False, summary="The socket stays open until then."
    )
    return EventType(
        name=AUTH,
        data=AuthEvent,
        handler=renew,
        secret=frozenset({"token"}),
        answers=(renewed,),
        errors={InvalidTokenError: UNAUTHORIZED},
        database=False,
        summary="Renew the token of an open socket.",
    )
