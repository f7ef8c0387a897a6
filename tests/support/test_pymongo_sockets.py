from __future__ import annotations

import asyncio

import pytest
from pymongo import pool_shared
from pymongo.pool_options import PoolOptions


async def test_the_socket_of_an_opening_that_is_cancelled_is_closed(monkeypatch):
    reached = asyncio.Queue()

    async def never_connects(sock, address):
        reached.put_nowait(sock)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never_connects)
    opening = asyncio.create_task(
        pool_shared._async_create_connection(("127.0.0.1", 1), PoolOptions())
    )
    sock = await reached.get()
    assert sock.fileno() != -1
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert sock.fileno() == -1
