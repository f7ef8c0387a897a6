"""Events: what clients may send over the socket, what they get, and how both look as frames."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from quartapp.core import core
from quartapp.realtime.messages import INVALID_FORMAT, EventError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from quartapp.realtime.connection import Connection


class EventData(BaseModel):
    """Base of what clients send under ``data``. Fields beyond it are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMessage:
    """An event that the server sends.

    Attributes:
        name: Its ``event``.
        data: Model of its ``data``.
        to_all: Whether everybody concerned gets it, or the sender alone.
        summary: One sentence for the AsyncAPI document.
    """

    name: str
    data: type[BaseModel]
    to_all: bool
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """An event that clients may send.

    Attributes:
        name: Its ``event``, unique in the app.
        data: Model of its ``data``.
        handler: Called with the connection and the validated data, one frame at a time; raises
            :class:`EventError` to refuse.
        role: The one role that may send it; None for any.
        secret: Fields of its data that ``authorize`` does not get to see.
        answers: What it can lead to.
        errors: Messages that the handler refuses with.
        summary: One sentence for the AsyncAPI document.
    """

    name: str
    data: type[BaseModel]
    handler: Callable[[Connection, Any], Awaitable[None]]
    role: str | None = None
    secret: frozenset[str] = frozenset()
    answers: tuple[ServerMessage, ...] = ()
    errors: tuple[str, ...] = ()
    summary: str = ""

    @property
    def wrong_role(self) -> str:
        """The message for a sender of another role."""
        return f"Forbidden, {self.role} event only"

    async def receive(self, connection: Connection, data: Mapping[str, object]) -> None:
        """Check ``data`` and the sender, then handle.

        Raises:
            EventError: The frame is refused.
        """
        if self.role is not None and connection.principal.role != self.role:
            raise EventError(self.wrong_role)
        try:
            payload = self.data.model_validate(data)
        except ValidationError as error:
            raise EventError(INVALID_FORMAT) from error
        shown = {name: value for name, value in data.items() if name not in self.secret}
        denied = await core().plugins.authorize(connection.principal, self.name, shown)
        if denied is not None:
            raise EventError(denied.reason)
        await self.handler(connection, payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketParameter:
    """A query parameter that a client may add to the address of the socket.

    Attributes:
        name: Its name.
        pattern: What its value looks like, a regular expression for all of it; another one is
            answered with an ``ERROR``, ``Invalid message format``.
        greet: Called with the connection, which does not take part in broadcasts yet, and the
            value. It returns what is to be done, without any waiting, in the moment in which the
            connection joins; raises :class:`EventError` for an ``ERROR`` then.
        answers: What the client gets for it.
        errors: Messages that ``greet`` raises.
        summary: One sentence for the AsyncAPI document.
    """

    name: str
    pattern: str
    greet: Callable[[Connection, str], Awaitable[Callable[[], None]]]
    answers: tuple[ServerMessage, ...] = ()
    errors: tuple[str, ...] = ()
    summary: str = ""

    async def receive(self, connection: Connection, value: str) -> Callable[[], None]:
        """Check ``value``, and find out what is to be done as the connection joins.

        Raises:
            EventError: It is refused.
        """
        if re.fullmatch(self.pattern, value, re.ASCII) is None:
            raise EventError(INVALID_FORMAT)
        return await self.greet(connection, value)
