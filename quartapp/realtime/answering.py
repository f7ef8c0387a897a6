"""The frame whose handler runs, for code that stores or answers something because of the frame."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quartapp.identity.principal import Principal
    from quartapp.realtime.broadcast import Broadcast


class Answerable(Protocol):
    """A connection, as far as answers need it; see :class:`quartapp.Connection`."""

    id: str
    principal: Principal

    def answer(
        self, name: str, data: Mapping[str, object], beside: Mapping[str, object] | None = None
    ) -> None:
        """Answer the frame that is being handled."""

    def post_all(self, frames: Iterable[str | Broadcast]) -> None:
        """Send several frames in order."""


@dataclass(slots=True)
class Answering:
    """A frame with a reference, from a socket of version 1.

    Attributes:
        connection: The connection that the frame came from.
        ref: The frame's reference.
        claimed: Whether a change has the reference already. A frame may lead to further changes,
            and a reference stands for one.
    """

    connection: Answerable
    ref: str
    claimed: bool = False


_ANSWERING: ContextVar[Answering | None] = ContextVar("quartapp_answering", default=None)


def answering() -> Answering | None:
    """Return the frame with a reference that the caller handles; None for any other caller."""
    return _ANSWERING.get()


def answer_to(frame: Answering | None) -> None:
    """Note the frame that this task handles from now on.

    Args:
        frame: The frame; None for a frame without a reference.
    """
    _ANSWERING.set(frame)
