"""The watch of a server over its embedded mongod."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pymongo.errors import PyMongoError

from quartapp.database.outages import is_passing
from quartapp.embedded.locks import LockedFile
from quartapp.embedded.mongo import EmbeddedMongo
from quartapp.embedded.watch import Watch, watch_of
from tests.quartapp.embedded.support.servers import items, pid_of
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ENDED = "ended by itself: mongod was ended by SIGKILL"


def parent_of(pid: int) -> int:
    # proc(5): the name in parentheses may have any character.
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def patiently(action: Callable[[], Any]) -> Any:
    """Do something again until MongoDB has found itself after a restart, as a server does.

    A mongod that has just started refuses those who come back, until it knows its old keys.
    """

    def done() -> list[Any]:
        try:
            return [action()]
        except PyMongoError as error:
            if not is_passing(error):
                raise
            return []

    return until(done)[0]


@asynccontextmanager
async def watching(mongo: EmbeddedMongo, folder: Path) -> AsyncIterator[Watch]:
    """Run the database and a watch over it during the block."""
    await asyncio.to_thread(mongo.start)
    watch = watch_of(mongo.uri, folder)
    watch.start()
    try:
        yield watch
    finally:
        await watch.stop()
        await asyncio.to_thread(mongo.stop)


async def test_mongod_that_ends_by_itself_is_reported_and_started_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mongo = EmbeddedMongo(tmp_path)
    async with watching(mongo, tmp_path) as watch:
        with caplog.at_level(logging.WARNING), items(mongo.uri) as shop:
            for number in range(2):
                caplog.clear()
                item = {"_id": number}
                await asyncio.to_thread(
                    patiently, partial(shop.replace_one, item, item, upsert=True)
                )
                pid = pid_of(mongo)
                os.kill(pid, signal.SIGKILL)
                await asyncio.to_thread(until, lambda: ENDED in caplog.text)
                await asyncio.to_thread(
                    until, lambda: "the embedded MongoDB runs again" in caplog.text
                )
                assert pid_of(mongo) != pid
                assert await watch.why_down() is None
            assert await asyncio.to_thread(patiently, lambda: shop.count_documents({})) == 2
    assert mongo.pid is None
    assert not (tmp_path / "mongod.end").exists()


async def test_stop_between_the_end_of_a_mongod_and_its_next_start_leaves_no_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mongo = EmbeddedMongo(tmp_path)
    async with watching(mongo, tmp_path):
        with caplog.at_level(logging.ERROR):
            os.kill(pid_of(mongo), signal.SIGKILL)
            await asyncio.to_thread(until, lambda: ENDED in caplog.text)
    with LockedFile(tmp_path / "server.lock") as lock:
        until(lock.take)
    with mongo, items(mongo.uri) as shop:
        shop.insert_one({})


@pytest.mark.skipif(sys.platform != "linux", reason="finds the keeper in /proc")
async def test_mongod_without_a_keeper_is_lost(tmp_path: Path) -> None:
    mongo = EmbeddedMongo(tmp_path)
    async with watching(mongo, tmp_path) as watch:
        assert not watch.is_lost
        os.kill(parent_of(pid_of(mongo)), signal.SIGKILL)
        error = await watch.lost()
        assert watch.is_lost
        assert error.exit_status == 3
        assert str(error) == (
            "The embedded MongoDB ended and cannot be started again: its keeper was ended. Look "
            "into its log, and start the server again. The log of MongoDB is "
            f"{tmp_path / 'mongod.log'}."
        )
        assert await watch.why_down() == (
            "The embedded MongoDB is down: its keeper was ended. Look into its log."
        )


async def test_another_database_is_not_watched(tmp_path: Path) -> None:
    watch = watch_of("mongodb://localhost", tmp_path)
    watch.start()
    assert await watch.why_down() is None
    assert not watch.is_lost
    await watch.stop()
