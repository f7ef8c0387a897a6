"""Events: what clients may send over the socket, what they get, and how both look as frames."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from quartapp.core import core
from quartapp.encoding import to_json
from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from quartapp.realtime.connection import Connection

INVALID_FORMAT = "Invalid message format"
UNKNOWN_EVENT = "Unknown event"
UNAUTHORIZED = "Unauthorized or invalid token"


class EventError(Exception):
    """Answers the sender, and nobody else, with an ``ERROR``; the socket stays open.

    Args:
        message: The string under ``message``; part of the contract.
    """

    @property
    def message(self) -> str:
        """What the sender is told."""
        return str(self)


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


class EventRegistry:
    """The events of one app, and what may stand in the address of its socket."""

    def __init__(self) -> None:
        self._events: dict[str, tuple[EventType, str]] = {}
        self._parameters: dict[str, tuple[SocketParameter, str]] = {}

    def add(self, event: EventType, owner: str) -> None:
        """Let clients send ``event``.

        Args:
            event: The event.
            owner: The plugin that brings it, with its distribution.

        Raises:
            QuartappError: Another plugin brings one of that name.
        """
        if event.name in self._events:
            other = self._events[event.name][1]
            raise QuartappError(f"event {event.name} is brought by both {other} and {owner}")
        self._events[event.name] = (event, owner)

    def add_parameter(self, parameter: SocketParameter, owner: str) -> None:
        """Let clients add ``parameter`` to the address.

        Args:
            parameter: The parameter.
            owner: The plugin that brings it.

        Raises:
            QuartappError: There is one of that name.
        """
        if parameter.name in (*self._parameters, "token"):
            _, other = self._parameters.get(parameter.name, (None, "the core"))
            raise QuartappError(
                f"socket parameter {parameter.name} is brought by both {other} and {owner}"
            )
        self._parameters[parameter.name] = (parameter, owner)

    @property
    def parameters(self) -> list[SocketParameter]:
        """What may stand in the address."""
        return [parameter for parameter, _ in self._parameters.values()]

    def get(self, name: str) -> EventType:
        """The event called ``name``.

        Raises:
            EventError: There is none.
        """
        try:
            return self._events[name][0]
        except KeyError:
            raise EventError(UNKNOWN_EVENT) from None

    def brought_by(self, owner: str) -> list[EventType]:
        """The events of one plugin, which is named as it was to :meth:`add`."""
        return [event for event, other in self._events.values() if other == owner]

    def __iter__(self) -> Iterator[EventType]:
        return (event for event, _ in self._events.values())


def parse(frame: str | bytes | None) -> tuple[str, Mapping[str, object]]:
    """The event and data of a client's frame.

    Args:
        frame: As received: text, or bytes (None when empty) for a binary frame.

    Raises:
        EventError: It is not a text frame with a JSON object that has a string ``event`` and, if
            any, an object ``data``.
    """
    if not isinstance(frame, str):
        raise EventError(INVALID_FORMAT)
    try:
        message = from_json(frame, allow_inf_nan=False)
    except ValueError as error:
        raise EventError(INVALID_FORMAT) from error
    if not isinstance(message, dict):
        raise EventError(INVALID_FORMAT)
    name, data = message.get("event"), message.get("data", {})
    if not isinstance(name, str) or not isinstance(data, dict):
        raise EventError(INVALID_FORMAT)
    return name, data


def encode(name: str, data: Mapping[str, object]) -> str:
    """A frame to send."""
    return to_json({"event": name, "data": data})


def encode_error(message: str) -> str:
    """The ``ERROR`` frame with ``message``."""
    return encode("ERROR", {"message": message})
