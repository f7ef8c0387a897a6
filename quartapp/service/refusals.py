"""Errors of handlers, hooks and plugins, translated into the ``ERROR`` that the client is sent."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from quartapp.errors import DatabaseUnavailableError, DomainError, HookFailedError
from quartapp.parts import core
from quartapp.realtime.events import UNAVAILABLE, message_for
from quartapp.realtime.messages import INTERNAL, EventError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp.realtime.events import EventType, SocketParameter

log = structlog.get_logger("quartapp.socket")


@contextmanager
def translated(declared_by: EventType | SocketParameter) -> Iterator[None]:
    """Turn domain errors into the error that the client is sent.

    Args:
        declared_by: The event or parameter that declares the errors and their messages.

    Raises:
        EventError: The block raised a declared domain error.
    """
    try:
        yield
    except DomainError as error:
        if isinstance(error, DatabaseUnavailableError):
            log.warning("database unavailable", reason=str(error))
        message = message_for(declared_by.errors, error)
        if message is None:
            raise
        if message not in (*declared_by.messages, UNAVAILABLE):
            core().plugins.messages.tell(message, core().events.owner_of(declared_by))
        raise EventError(message, error.details, error.beside) from error


@contextmanager
def refusing(answer: Callable[[EventError], object]) -> Iterator[None]:
    """Answer every error of the block; the socket stays open.

    Args:
        answer: Function that sends an ``ERROR`` to the client.
    """
    try:
        yield
    except EventError as error:
        answer(error)
    except HookFailedError as error:
        log.error("hook failed", reason=str(error), exc_info=error.__cause__)
        answer(EventError(INTERNAL))
    except Exception as error:
        log.exception("frame handler failed", exc_info=error)
        answer(EventError(INTERNAL))
