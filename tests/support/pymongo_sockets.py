"""PyMongo leaves a socket open when the opening of its connection is cancelled.

That happens whenever a client closes while one of its monitors connects. Nobody holds the socket
any more; the collector finds it at some later moment, and Python's warning then fails whichever
test happens to run. So the tests close such a socket where it is left.
"""

from __future__ import annotations

import functools
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pymongo import pool_shared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import TracebackType

OPENS = "_async_create_connection"


def sockets_of(traceback: TracebackType | None, function: str) -> list[socket.socket]:
    """Return the sockets among the local variables of ``function`` in ``traceback``."""
    found = []
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name == function:
            found += [
                value for value in frame.f_locals.values() if isinstance(value, socket.socket)
            ]
        traceback = traceback.tb_next
    return found


def closing_at_failure(
    create: Callable[..., Awaitable[socket.socket]],
) -> Callable[..., Awaitable[socket.socket]]:
    """Wrap ``create`` so that its socket is closed after an exception or a cancellation."""

    @functools.wraps(create)
    async def created(*args: Any) -> socket.socket:
        try:
            return await create(*args)
        except BaseException as error:
            for left in sockets_of(error.__traceback__, create.__name__):
                left.close()
            raise

    return created


@contextmanager
def closed_when_cancelled() -> Iterator[None]:
    """Close each socket that PyMongo could not finish opening."""
    create = getattr(pool_shared, OPENS)
    setattr(pool_shared, OPENS, closing_at_failure(create))
    try:
        yield
    finally:
        setattr(pool_shared, OPENS, create)
