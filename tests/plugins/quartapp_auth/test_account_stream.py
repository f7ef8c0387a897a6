"""What processes hear of accounts: when the stream is cut, without one, and on all workers."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import httpx

from quartapp import core
from quartapp.testing.proc import holder
from quartapp_auth import UserService
from tests.support.failing_commands import OPTIONS, STREAM, fail

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
SOCKETS_PER_WORKER = 10


async def revoke(server, person):
    await core(server.app).services.get(UserService).revoke(person.id)


async def status(server, person, path="/class"):
    return (await server.api.get(path, headers=person.headers)).status_code


async def closed(socket):
    """Whether the socket ends as one whose credentials count no longer."""
    return await socket.receive() == UNAUTHORIZED and await socket.closed() == 1008


async def taking_part(server, person):
    socket = await server.socket(person)
    assert await socket.drain() == []
    return socket


async def test_a_cut_stream_makes_requests_read_until_it_is_back(own_mongod, serve, turned_clock):
    mongod = own_mongod(*OPTIONS)
    server = await serve(mongodb_uri=mongod.uri, clock=turned_clock)
    person, other = await server.person("teacher"), await server.person("teacher")
    socket, staying = await taking_part(server, person), await taking_part(server, other)
    assert await status(server, person) == 200
    fail(mongod, "users", *STREAM)
    for pause in (0.1, 0.2, 0.4, 0.8, 1.6, 2, 2):
        await turned_clock.asked(pause)
        await turned_clock.advance(pause)
    await turned_clock.asked(2)

    await revoke(server, person)
    assert await status(server, person) == 401
    assert await status(server, person, "/auth/me") == 401
    assert await status(server, other) == 200
    fail(mongod, "users", *STREAM, "find")
    assert await status(server, other) == 503
    assert await socket.drain() == []

    fail(mongod, "users")
    await turned_clock.advance(2)
    assert await closed(socket)
    assert await staying.drain() == []
    assert await status(server, other) == 200
    # The stream is back, so nothing is read for an account that has not changed.
    fail(mongod, "users", "find")
    assert await status(server, other) == 200
    fail(mongod, "users")
    await revoke(server, other)
    assert await closed(staying)
    assert await status(server, other) == 401


async def test_a_standalone_database_is_asked_every_second(own_mongod, serve, turned_clock):
    server = await serve(mongodb_uri=own_mongod().uri, clock=turned_clock)
    person, other = await server.person("teacher"), await server.person("teacher")
    socket, staying = await taking_part(server, person), await taking_part(server, other)
    await revoke(server, person)
    await turned_clock.asked(1)
    await turned_clock.advance(1)
    assert await closed(socket)
    assert await status(server, person) == 401
    assert await status(server, person, "/auth/me") == 401
    assert await status(server, other) == 200
    assert await staying.drain() == []


async def on_each_worker(process, person):
    """The status of ``/auth/me`` on each worker, by its process id."""
    port = int(process.client.url.rpartition(":")[2])
    answered = {}
    async with AsyncExitStack() as stack:
        # All stay open: a worker with fewer connections takes the next one.
        while answered.keys() != process.workers:
            client = httpx.AsyncClient(base_url=process.client.url, trust_env=False, timeout=60)
            await stack.enter_async_context(client)
            answer = await client.get("/api/v1/auth/me", headers=person.headers)
            stream = answer.extensions["network_stream"]
            worker = holder(process.workers, port, stream.get_extra_info("client_addr")[1])
            answered[worker] = answer.status_code
    return answered


async def test_revoking_closes_the_sockets_on_all_workers(serve, serve_process, mongodb_uri):
    secret = "s" * 32
    here = await serve(jwt_secret=secret)
    process = await serve_process("--workers", "2", MONGODB_URI=mongodb_uri, JWT_SECRET=secret)
    person, other = await here.person("student"), await here.person("student")
    sockets = [
        await process.socket_on(worker, person)
        for _ in range(SOCKETS_PER_WORKER)
        for worker in process.workers
    ]
    staying = await process.client.socket(other)
    assert [await socket.drain() for socket in sockets] == [[]] * len(sockets)
    began = time.monotonic()
    await revoke(here, person)
    assert await asyncio.gather(*map(closed, sockets)) == [True] * len(sockets)
    seconds = time.monotonic() - began
    print(f"{seconds:.2f} s from revoking to the last of {len(sockets)} closings on two workers")
    assert await on_each_worker(process, person) == dict.fromkeys(process.workers, 401)
    assert await on_each_worker(process, other) == dict.fromkeys(process.workers, 200)
    assert await staying.drain() == []
