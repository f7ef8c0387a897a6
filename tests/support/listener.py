"""A plugin that keeps what plugins are told of."""

from __future__ import annotations

from quartapp import hookimpl


class Listener:
    """Keeps events of some types, in the order in which they are told.

    Args:
        types: Types of the events to keep.

    Attributes:
        told: The events.
    """

    name = "listener"

    def __init__(self, *types: type) -> None:
        self.told: list[object] = []
        self._types = types

    @hookimpl
    async def on_event(self, event: object) -> None:
        """Keep an event of one of the types."""
        if isinstance(event, self._types):
            self.told.append(event)
