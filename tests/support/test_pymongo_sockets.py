from __future__ import annotations

import asyncio

import pytest
from pymongo import AsyncMongoClient, pool_shared
from pymongo.asynchronous import pool
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


async def test_the_connection_of_an_opening_that_is_cancelled_afterwards_is_closed(
    mongodb_uri, monkeypatch
):
    opened = asyncio.Queue()
    configure = pool._configured_protocol_interface

    async with AsyncMongoClient(mongodb_uri) as client:
        await client.admin.command("ping")
        (server,) = client._topology._servers.values()

        async def keeps_waiting(*args):
            interface = await configure(*args)
            await server.pool.lock.acquire()
            opened.put_nowait(interface)
            return interface

        monkeypatch.setattr(pool, "_configured_protocol_interface", keeps_waiting)
        opening = asyncio.create_task(server.pool.connect())
        interface = await opened.get()
        assert not interface.is_closing()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        server.pool.lock.release()
        assert interface.is_closing()
