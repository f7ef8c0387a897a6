"""Passwords are hashed in a bounded pool of threads, which yields to everything else."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import ExitStack, suppress

import pytest

from quartapp import SignInUnavailableError, core
from quartapp_auth import UserService
from quartapp_auth.signing_in.hashing import NICENESS, Hashing

QUEUE = 3


@pytest.fixture
async def full(serve, eventually, monkeypatch):
    """A server whose threads are at work and whose queue is full, until ``free`` is set."""
    monkeypatch.setenv("QUARTAPP_AUTH_HASH_QUEUE", str(QUEUE))
    server = await serve()
    person = await server.person("teacher")
    hashing = core(server.app).services.get(Hashing)
    free, working = threading.Event(), []

    def work():
        working.append(threading.current_thread().name)
        free.wait()

    under_way = []

    async def queue_is_full():
        # The first calls get a thread each, and the rest wait.
        if await waiting(server) < QUEUE:
            under_way.append(asyncio.create_task(hashing.run(work)))
        return await waiting(server) == QUEUE

    try:
        await eventually(queue_is_full)
        assert all(name.startswith("password") for name in working)
        yield server, person, free, under_way
    finally:
        free.set()
        await asyncio.gather(*under_way)


async def waiting(server):
    return await metric(server, "quartapp_auth_hashes_waiting")


async def metric(server, name):
    text = (await server.api.get(f"{server.url}/metrics")).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def test_sign_in_and_registration_beyond_the_queue_are_answered_503(full):
    server, person, free, under_way = full
    account = {"email": person.email, "password": person.password}
    newcomer = {**account, "email": "new@school.example", "name": "New", "role": "student"}
    for path, body in (("/auth/login", account), ("/auth/register", newcomer)):
        answer = await server.api.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (503, "Service Unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    # Nobody else waits.
    assert (await server.api.get("/auth/me", headers=person.headers)).status_code == 200
    assert await metric(server, "quartapp_auth_hashes_refused_total") == 2

    free.set()
    await asyncio.gather(*under_way)
    assert (await server.api.post("/auth/login", json=account)).status_code == 200
    assert (await server.api.post("/auth/register", json=newcomer)).status_code == 201
    assert await waiting(server) == 0


async def test_a_flood_of_sign_ins_is_refused_before_any_is_looked_up(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_HASH_QUEUE", str(QUEUE))
    server = await serve()
    person = await server.person("teacher")
    hashing = core(server.app).services.get(Hashing)
    users = core(server.app).services.get(UserService)
    looked_up = []
    by_email = users.by_email

    async def noted(email):
        looked_up.append(email)
        return await by_email(email)

    monkeypatch.setattr(users, "by_email", noted)
    account = {"email": person.email, "password": person.password}
    with ExitStack() as places:
        with suppress(SignInUnavailableError):
            while True:
                places.enter_context(hashing.place())
        answer = await server.api.post("/auth/login", json=account)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert looked_up == []
        assert await metric(server, "quartapp_auth_hashes_refused_total") == 2
    assert (await server.api.post("/auth/login", json=account)).status_code == 200
    assert looked_up == [person.email]


async def test_client_that_goes_away_leaves_its_place_in_the_queue_to_others(full, eventually):
    server, person, free, under_way = full
    for task in under_way:
        task.cancel()
    assert await asyncio.gather(*under_way, return_exceptions=True)
    assert all(task.cancelled() for task in under_way)
    under_way.clear()
    assert await waiting(server) == 0
    account = {"email": person.email, "password": person.password}
    signing_in = asyncio.create_task(server.api.post("/auth/login", json=account))

    async def waits_for_a_thread():
        # The threads still compute what nobody waits for.
        return await waiting(server) == 1

    await eventually(waits_for_a_thread)
    free.set()
    assert (await signing_in).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities on Linux alone")
async def test_hashes_have_a_lower_priority_than_the_rest_of_the_process(server):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    hashing = core(server.app).services.get(Hashing)
    assert await hashing.run(os.getpriority, os.PRIO_PROCESS, 0) == min(own + NICENESS, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
