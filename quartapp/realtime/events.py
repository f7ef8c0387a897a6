"""Declarations of the events that clients and the server send over the socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from quartapp.errors import DatabaseUnavailableError, DomainError
from quartapp.kinds import (
    ASYNC,
    MAPPING,
    MODEL,
    TEXT,
    TRUTH,
    Kind,
    a,
    check,
    check_all,
    optional,
    several,
    subclass,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from quartapp.realtime.connection import Connection

PATH = "/ws"
# Name of the query parameter that asks for a version of frames.
FRAMES = "frames"
UNAVAILABLE = "Service Unavailable"


class _OwnMessage(Enum):
    OWN_MESSAGE = "own message"


OWN_MESSAGE = _OwnMessage.OWN_MESSAGE
"""Marker for a domain error whose own text, written by a plugin, goes to the sender."""

_ERROR = subclass(DomainError, "a subclass of DomainError")

Messages = str | tuple[str, ...] | Literal[_OwnMessage.OWN_MESSAGE]
"""Error messages for the sender of an event: the declaration for one domain error."""


class EventData(BaseModel):
    """Base class for models of a client's ``data``; validation ignores undeclared fields."""

    # What clients send may be a token, and errors are logged.
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMessage:
    """An event that the server sends.

    Attributes:
        name: Value of ``event``.
        data: Model of ``data``.
        to_all: Whether everybody concerned gets the message; otherwise only the sender does.
        beside: Model of the members that may stand beside ``event`` and ``data``; None for none.
        summary: One sentence for the AsyncAPI document.
    """

    name: str
    data: type[BaseModel]
    to_all: bool
    beside: type[BaseModel] | None = None
    summary: str

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(self, name=TEXT, data=MODEL, to_all=TRUTH, beside=optional(MODEL), summary=TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """An event that clients may send.

    Attributes:
        name: Value of ``event``, unique in the app.
        data: Model of ``data``.
        handler: Coroutine function, called with the connection and the validated data. A
            connection's frames are handled one after another, unless the event overlaps.
        role: Role that the refusal names. Without a permission, only this role may send the event;
            None admits all roles.
        permission: Permission that the sender needs, from a role or from a plugin's ``Grant``.
        data_v1: Model of ``data`` from sockets of version 1; None for the same model.
        refusal: Model of what ``data`` of an ``ERROR`` may have beside ``message``; None for
            nothing.
        secret: Names of fields of the data that the hook ``authorize`` does not receive.
        answers: Messages that the event can lead to.
        errors: Domain errors of the handler, with the message for the sender. Several messages
            mean that the error's text is one of them; :data:`OWN_MESSAGE` means any text. The
            first declared class in the error's method resolution order decides.
        database: Whether the handler needs the database, and can answer ``Service Unavailable``.
        overlaps: Whether the connection's next frame of the same event begins when this one has
            left its block :func:`quartapp.in_order`, before its handler has ended. A handler
            without that block ends first. A frame with a reference waits for those before it.
        summary: One sentence for the AsyncAPI document.
    """

    name: str
    data: type[BaseModel]
    handler: Callable[[Connection, Any], Awaitable[None]]
    role: str | None = None
    permission: str | None = None
    data_v1: type[BaseModel] | None = None
    refusal: type[BaseModel] | None = None
    secret: frozenset[str] = frozenset()
    answers: tuple[ServerMessage, ...] = ()
    errors: Mapping[type[DomainError], Messages] = field(default_factory=dict, hash=False)
    database: bool = True
    overlaps: bool = False
    summary: str = ""

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(
            self,
            name=TEXT,
            data=MODEL,
            handler=ASYNC,
            role=optional(TEXT),
            permission=optional(TEXT),
            data_v1=optional(MODEL),
            refusal=optional(MODEL),
            secret=several(TEXT),
            answers=several(a(ServerMessage, "a ServerMessage")),
            errors=MAPPING,
            database=TRUTH,
            overlaps=TRUTH,
            summary=TEXT,
        )
        _check_errors(self.name, self.errors)

    @property
    def wrong_role(self) -> str:
        """Error message for a sender with another role."""
        return f"Forbidden, {self.role} event only"

    @property
    def messages(self) -> list[str]:
        """All error messages of the handler, in the order of declaration."""
        return _messages(self.errors, database=self.database)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketParameter:
    """A query parameter that a client may add to the address of the socket.

    Attributes:
        name: Name of the parameter.
        pattern: Regular expression for the whole value; any other value is answered with an
            ``ERROR``, ``Invalid message format``.
        greet: Coroutine function, called with the connection and the value before the connection
            takes part in broadcasts. Returns a function that is called at the moment when the
            connection joins; this function must not wait.
        answers: Messages that the parameter can lead to.
        errors: Domain errors of ``greet``, declared like those of an :class:`EventType`.
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

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(
            self,
            name=TEXT,
            pattern=TEXT,
            greet=ASYNC,
            answers=several(a(ServerMessage, "a ServerMessage")),
            errors=MAPPING,
            database=TRUTH,
            summary=TEXT,
        )
        _check_errors(self.name, self.errors)

    @property
    def messages(self) -> list[str]:
        """All error messages of ``greet``, in the order of declaration."""
        return _messages(self.errors, database=self.database)


_MESSAGES = Kind(
    "a message, several messages, or OWN_MESSAGE",
    lambda value: value is OWN_MESSAGE or TEXT.fits(value) or several(TEXT).fits(value),
)


def _check_errors(name: str, errors: Mapping[type[DomainError], Messages]) -> None:
    for error, messages in errors.items():
        check(f"{name}: a key of errors", error, _ERROR)
        check(f"{name}: the answer to {error.__name__}", messages, _MESSAGES)


def message_for(declared: Mapping[type[DomainError], Messages], error: DomainError) -> str | None:
    """Find the message for the sender of an event whose handler raised an error.

    Args:
        declared: Declared errors of an event or a socket parameter.
        error: The error that was raised.

    Returns:
        The message; None when the error or its text is not declared.
    """
    for kind in type(error).__mro__:
        messages = declared.get(kind)
        if messages is None:
            continue
        if isinstance(messages, str):
            return messages
        # An error with several declared messages has one of them as its text. An undeclared text
        # is not part of the contract and stays unsent.
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
