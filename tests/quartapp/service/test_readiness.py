"""``/readyz``: one write a second, however many ask."""

from __future__ import annotations

import asyncio

import pytest

from quartapp.errors import DatabaseUnavailableError
from quartapp.service.probe import PROBE_SECONDS, Probe


class Counted:
    """Counts its checks, which fail and wait on request."""

    def __init__(self):
        self.checks = 0
        self.failing = False
        self.open = asyncio.Event()
        self.open.set()

    async def check(self):
        self.checks += 1
        await self.open.wait()
        if self.failing:
            raise DatabaseUnavailableError("gone")


async def test_many_questions_make_one_write_a_second(serve, turned_clock):
    server = await serve(clock=turned_clock)
    stored = server.documents["readiness"]

    async def written():
        return (await stored.find_one({"_id": "readiness"}))["at"]

    async def asked():
        answers = await asyncio.gather(*(server.api.get(f"{server.url}/readyz") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}

    await asked()
    await stored.update_one({"_id": "readiness"}, {"$set": {"at": "earlier"}})
    await turned_clock.advance(PROBE_SECONDS - 0.1)
    await asked()
    assert await written() == "earlier"
    await turned_clock.advance(0.1)
    await asked()
    assert await written() != "earlier"


async def test_failure_is_told_to_all_and_asked_about_again(turned_clock):
    counted = Counted()
    probe = Probe(counted.check, turned_clock)
    counted.failing = True
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError, match="gone"):
            await probe()
    assert counted.checks == 1
    counted.failing = False
    await turned_clock.advance(PROBE_SECONDS)
    await probe()
    assert counted.checks == 2


async def test_who_leaves_takes_the_answer_from_nobody(turned_clock):
    counted = Counted()
    probe = Probe(counted.check, turned_clock)
    counted.open.clear()
    first, second = asyncio.create_task(probe()), asyncio.create_task(probe())
    await asyncio.sleep(0)
    first.cancel()
    # A check that takes longer than a second is not repeated beside the first.
    await turned_clock.advance(10 * PROBE_SECONDS)
    third = asyncio.create_task(probe())
    await asyncio.sleep(0)
    counted.open.set()
    await asyncio.gather(second, third)
    assert counted.checks == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_check_under_way_ends_with_the_app(turned_clock):
    counted = Counted()
    probe = Probe(counted.check, turned_clock)
    await probe.close()
    counted.open.clear()
    asking = asyncio.create_task(probe())
    await asyncio.sleep(0)
    await probe.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
