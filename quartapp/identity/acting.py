"""The person whose request or socket a task serves."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quartapp.identity.principal import Principal

_ACTING: ContextVar[str | None] = ContextVar("quartapp_acting", default=None)


def acting() -> str | None:
    """Return the id of the person whose request or socket the caller serves; None for nobody's."""
    return _ACTING.get()


def act_as(principal: Principal) -> None:
    """Note the person whose request or socket this task serves from now on.

    Args:
        principal: The person.
    """
    _ACTING.set(principal.id)
