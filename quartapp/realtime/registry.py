"""The events of one app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.errors import QuartappError
from quartapp.realtime.messages import UNKNOWN_EVENT, EventError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp.realtime.events import EventType, SocketParameter


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
