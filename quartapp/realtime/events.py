"""Events: what clients may send over the socket, and what they get."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from quartapp.errors import DatabaseUnavailableError, DomainError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from quartapp.realtime.connection import Connection

PATH = "/ws"
UNAVAILABLE = "Service Unavailable"


class _OwnMessage(Enum):
    OWN_MESSAGE = "own message"


OWN_MESSAGE = _OwnMessage.OWN_MESSAGE
"""The sender is told the text of the error itself, which a plugin has written."""

Messages = str | tuple[str, ...] | Literal[_OwnMessage.OWN_MESSAGE]
"""What the sender of an event is told of a domain error."""


class EventData(BaseModel):
    """Base of what clients send under ``data``. Fields beyond it are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMessage:
    """An event that the server sends.

    Attributes:
        name: Value of ``event``.
        data: Model of ``data``.
        to_all: Whether everybody concerned gets the message, or the sender alone.
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
        name: Value of ``event``, unique in the app.
        data: Model of ``data``.
        handler: Called with the connection and the validated data, one frame at a time.
        role: The role that the refusal names; without a permission, the only one that may send
            the event. None for any.
        permission: What the sender must be allowed to do, by role or by a plugin's ``Grant``.
        secret: Fields of the data that ``authorize`` does not get to see.
        answers: Messages that the event can lead to.
        errors: Domain errors of the handler, with what the sender is told: one message, or
            several of which the error carries one as its text, or :data:`OWN_MESSAGE`. The first
            class of the error's method resolution order that is named here decides.
        database: Whether the handler needs the database, and can answer ``Service Unavailable``.
        summary: One sentence for the AsyncAPI document.
    """

    name: str
    data: type[BaseModel]
    handler: Callable[[Connection, Any], Awaitable[None]]
    role: str | None = None
    permission: str | None = None
    secret: frozenset[str] = frozenset()
    answers: tuple[ServerMessage, ...] = ()
    errors: Mapping[type[DomainError], Messages] = field(default_factory=dict, hash=False)
    database: bool = True
    summary: str = ""

    @property
    def wrong_role(self) -> str:
        """The message for a sender of another role."""
        return f"Forbidden, {self.role} event only"

    @property
    def messages(self) -> list[str]:
        """Every message that the handler can refuse with, in the order of declaration."""
        return _messages(self.errors, database=self.database)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketParameter:
    """A query parameter that a client may add to the address of the socket.

    Attributes:
        name: Name of the parameter.
        pattern: Regular expression for the whole value; any other value is answered with an
            ``ERROR``, ``Invalid message format``.
        greet: Called with the connection, which does not take part in broadcasts yet, and the
            value. Returns the function to call, which must not wait, in the moment in which the
            connection joins.
        answers: Messages that the parameter can lead to.
        errors: Domain errors of ``greet``, as those of an :class:`EventType`.
        database: Whether ``greet`` needs the database, and can answer ``Service Unavailable``.
        summary: One sentence for the AsyncAPI document.
    """

    name: str
    pattern: str
    greet: Callable[[Connection, str], Awaitable[Callable[[], None]]]
    answers: tuple[ServerMessage, ...] = ()
    errors: Mapping[type[DomainError], Messages] = field(default_factory=dict, hash=False)
    database: bool = True
    summary: str = ""

    @property
    def messages(self) -> list[str]:
        """Every message that ``greet`` can refuse with, in the order of declaration."""
        return _messages(self.errors, database=self.database)


def message_for(declared: Mapping[type[DomainError], Messages], error: DomainError) -> str | None:
    """Find what the sender is told of ``error``.

    Args:
        declared: The errors of an event or of a socket parameter.
        error: The error that was raised.

    Returns:
        The message; None when the error, or its text, is not declared.
    """
    for kind in type(error).__mro__:
        messages = declared.get(kind)
        if messages is None:
            continue
        if isinstance(messages, str):
            return messages
        # One error with several messages carries its own: only declared ones are told.
        if messages is OWN_MESSAGE or str(error) in messages:
            return str(error)
    return UNAVAILABLE if isinstance(error, DatabaseUnavailableError) else None


def _messages(declared: Mapping[type[DomainError], Messages], *, database: bool) -> list[str]:
    found: list[str] = []
    for messages in declared.values():
        if isinstance(messages, str):
            found.append(messages)
        elif messages is not OWN_MESSAGE:
            found.extend(messages)
    return [*found, UNAVAILABLE] if database else found
