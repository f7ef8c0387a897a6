"""The registry of an app's events and socket parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp.errors import QuartappError
from quartapp.realtime.events import FRAMES
from quartapp.realtime.messages import ERROR, UNKNOWN_EVENT, EventError
from quartapp.realtime.tickets import TICKET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel

    from quartapp.realtime.events import EventType, ServerMessage, SocketParameter


class EventRegistry:
    """The events of an app, and the query parameters of its socket."""

    def __init__(self) -> None:
        self._events: dict[str, tuple[EventType, str]] = {}
        self._parameters: dict[str, tuple[SocketParameter, str]] = {}
        self._sent: dict[str, tuple[type[BaseModel], str]] = {}

    def add(self, event: EventType, owner: str) -> None:
        """Let clients send ``event``.

        Args:
            event: Declaration of the event.
            owner: Name of the plugin that brings the event, with its distribution.

        Raises:
            QuartappError: Another plugin brings an event with the same name, or an answer has the
                name of another answer, and not the same shape.
        """
        if event.name in self._events:
            other = self._events[event.name][1]
            raise QuartappError(f"event {event.name} is brought by both {other} and {owner}")
        self._take_answers(event.answers, owner)
        self._events[event.name] = (event, owner)

    def add_parameter(self, parameter: SocketParameter, owner: str) -> None:
        """Let clients add ``parameter`` to the address of the socket.

        Args:
            parameter: Declaration of the parameter.
            owner: Name of the plugin that brings the parameter, with its distribution.

        Raises:
            QuartappError: A plugin or the core has a parameter with the same name, or an answer has
                the name of another answer, and not the same shape.
        """
        if parameter.name in (*self._parameters, "token", TICKET, FRAMES):
            _, other = self._parameters.get(parameter.name, (None, "the core"))
            raise QuartappError(
                f"socket parameter {parameter.name} is brought by both {other} and {owner}"
            )
        self._take_answers(parameter.answers, owner)
        self._parameters[parameter.name] = (parameter, owner)

    @property
    def parameters(self) -> list[SocketParameter]:
        """All socket parameters, in the order of registration."""
        return [parameter for parameter, _ in self._parameters.values()]

    def get(self, name: str) -> EventType:
        """Return the event called ``name``.

        Raises:
            EventError: The app has no event with this name.
        """
        try:
            return self._events[name][0]
        except KeyError:
            raise EventError(UNKNOWN_EVENT) from None

    def brought_by(self, owner: str) -> list[EventType]:
        """Return the events of one plugin.

        Args:
            owner: The plugin, named as in :meth:`add`.
        """
        return [event for event, other in self._events.values() if other == owner]

    def owner_of(self, brought: EventType | SocketParameter) -> str:
        """Return the owner of an event or a parameter, as given to ``add`` or ``add_parameter``."""
        if brought.name in self._events and self._events[brought.name][0] is brought:
            return self._events[brought.name][1]
        return self._parameters[brought.name][1]

    def _take_answers(self, answers: Iterable[ServerMessage], owner: str) -> None:
        for answer in answers:
            said = f"message {answer.name} from the server"
            if answer.name == ERROR:
                raise QuartappError(f"{said} is brought by both quartapp itself and {owner}")
            model, other = self._sent.setdefault(answer.name, (answer.data, owner))
            if model is not answer.data and _shape(model) != _shape(answer.data):
                raise QuartappError(
                    f"{said} has two shapes: {model.__name__} of {other}, "
                    f"and {answer.data.__name__} of {owner}"
                )

    def __iter__(self) -> Iterator[EventType]:
        return (event for event, _ in self._events.values())


def _shape(model: type[BaseModel]) -> Any:  # noqa: ANN401 - JSON
    return _unnamed(model.model_json_schema(mode="serialization"))


def _unnamed(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Return ``node`` without titles and descriptions, which are for people alone."""
    if isinstance(node, list):
        return [_unnamed(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _unnamed(value)
        for key, value in node.items()
        if key not in {"title", "description"} or not isinstance(value, str)
    }
