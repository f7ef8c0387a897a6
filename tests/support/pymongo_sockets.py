"""PyMongo leaves a socket open when the opening of its connection is cancelled.

That happens whenever a client closes while one of its monitors connects, before or after the socket
is connected. Nobody holds the socket any more; the collector finds it at some later moment, and
Python's warning then fails whichever test happens to run. So the tests close such a socket where it
is left.
"""

from __future__ import annotations

import functools
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from pymongo import pool_shared
from pymongo.asynchronous import pool
from pymongo.network_layer import AsyncNetworkingInterface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import TracebackType

OPENS = "_async_create_connection"
CONNECTS = "connect"

Value = TypeVar("Value")
Left = TypeVar("Left")


def locals_of(traceback: TracebackType | None, function: str, kind: type[Value]) -> list[Value]:
    """Return the values of a kind among the local variables of ``function`` in ``traceback``."""
    found = []
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name == function:
            found += [value for value in frame.f_locals.values() if isinstance(value, kind)]
        traceback = traceback.tb_next
    return found


def closing_at_failure(
    create: Callable[..., Awaitable[Value]], kind: type[Left], close: Callable[[Left], None]
) -> Callable[..., Awaitable[Value]]:
    """Wrap ``create`` so that what it holds of a kind is closed after an exception."""

    @functools.wraps(create)
    async def created(*args: Any, **options: Any) -> Value:
        try:
            return await create(*args, **options)
        except BaseException as error:
            for left in locals_of(error.__traceback__, create.__name__, kind):
                close(left)
            raise

    return created


def abort(interface: AsyncNetworkingInterface) -> None:
    """End a connection that is not handed over; the event loop closes its socket."""
    interface.conn[0].abort()


@contextmanager
def closed_when_cancelled() -> Iterator[None]:
    """Close each socket that PyMongo could not finish opening."""
    with pytest.MonkeyPatch.context() as patch:
        create = getattr(pool_shared, OPENS)
        patch.setattr(
            pool_shared, OPENS, closing_at_failure(create, socket.socket, socket.socket.close)
        )
        connect = getattr(pool.Pool, CONNECTS)
        patch.setattr(
            pool.Pool, CONNECTS, closing_at_failure(connect, AsyncNetworkingInterface, abort)
        )
        yield
