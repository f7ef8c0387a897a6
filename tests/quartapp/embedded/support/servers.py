"""A server that writes all the time, and ways to look at it and its database."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient, WriteConcern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quartapp.embedded.mongo import EmbeddedMongo

# A server: starts the database from a thread that ends at once, says so, and writes until it is
# ended. Every line after the first is a number whose write was acknowledged by a majority.
SERVER = """
import asyncio, pathlib, signal, sys
from pymongo import MongoClient, WriteConcern
from quartapp.embedded.mongo import EmbeddedMongo

async def main():
    mongo = EmbeddedMongo(pathlib.Path(sys.argv[1]))
    uri = await asyncio.to_thread(mongo.start)
    await asyncio.get_running_loop().shutdown_default_executor()
    interrupts = []
    signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
    print(mongo.pid, uri, flush=True)
    with MongoClient(uri) as client:
        numbers = client.get_database("shop", write_concern=WriteConcern("majority")).numbers
        number = int(sys.argv[2])
        while len(interrupts) < 1:
            numbers.insert_one({"_id": number})
            print(number, flush=True)
            number += 1
        numbers.insert_one({"_id": "after the interrupt"})
    mongo.stop()

asyncio.run(main())
"""


def pid_of(mongo: EmbeddedMongo) -> int:
    assert mongo.pid is not None
    return mongo.pid


@contextmanager
def items(uri: str) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]]
    with MongoClient(uri) as client:
        yield client.get_database("shop", write_concern=WriteConcern("majority")).items


@contextmanager
def server(data_dir: Path, first: int = 0) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Run SERVER with numbers from ``first`` on; the process, the id of its mongod, and the URI."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", SERVER, str(data_dir), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    with process:
        assert process.stdout
        mongod_pid, uri = process.stdout.readline().split()
        try:
            yield process, int(mongod_pid), uri
        finally:
            process.kill()
