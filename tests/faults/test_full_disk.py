"""A full disk under the embedded mongod: a small file system that root mounts for the test."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from quartapp.embedded.access import access_in
from quartapp.embedded.address import address_in
from quartapp.embedded.keeper import Keeper
from quartapp.embedded.locks import LockedFile

# A new database takes some 300 MB, of which most is room for the journal.
DATABASE = "size=420m"
SMALL = "size=256k"
FAILS = "print('no room', flush=True); raise SystemExit(14)"


@contextmanager
def file_system(folder, size):
    """Mount a file system of limited size during the block."""
    folder.mkdir()
    mounted = subprocess.run(  # noqa: S603 - our own words
        ["mount", "-t", "tmpfs", "-o", size, "quartapp", str(folder)],  # noqa: S607 - as root
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr}")
    try:
        yield folder
    finally:
        # Lazily: processes that end just now may still have files open.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607 - as above


@pytest.fixture
def mount(tmp_path):
    """Return a function that mounts a file system in ``tmp_path / "data"``, if this is allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    return lambda size: file_system(tmp_path / "data", size)


def filled(folder):
    """Write a file until nothing more fits, and return the file."""
    path = folder / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        for piece in (b"x" * 1_000_000, b"x" * 4096, b"x"):
            with suppress(OSError):
                while True:
                    file.write(piece)
    return path


async def until(question):
    """Ask until the answer is true, and return the answer."""
    async with asyncio.timeout(600):
        while not (answer := await question()):
            pass  # each question is a request
    return answer


async def test_readyz_says_that_the_disk_is_full_and_the_server_is_ready_again_with_room(
    serve_process, mount, monkeypatch
):
    monkeypatch.delenv("MONGODB_URI", raising=False)
    with mount(DATABASE) as data:
        process = await serve_process()

        async def reason():
            answer = await process.client.api.get(f"{process.client.url}/readyz")
            return answer.json().get("reason", "") if answer.status_code == 503 else "ready"

        async def says_full():
            return "No space left on device" in (told := await reason()) and told

        async def is_ready():
            return await reason() == "ready"

        assert await is_ready()
        teacher = await process.client.person("teacher")
        filler = filled(data)
        uri = f"{access_in(data).uri(address_in(data).in_uri)}&retryWrites=false"
        with MongoClient(uri) as client, suppress(PyMongoError):
            while True:  # until the last free blocks of the database's files are taken
                client.filling.pieces.insert_one({"piece": "x" * 100_000})
        told = await until(says_full)
        assert told.startswith("The embedded MongoDB is down: ")
        assert told.endswith(". Make room on the disk, or choose another data directory.")
        assert str(data) not in told
        filler.unlink()
        await until(is_ready)  # at the next start of mongod, after half a minute at most
        assert (await process.client.api.get("/auth/me", headers=teacher.headers)).is_success
        assert await process.terminate() == 0


def test_the_reason_of_an_end_is_written_down_on_a_full_disk(mount):
    with mount(SMALL) as data, LockedFile(data / "mongod.users") as users:
        assert users.take(shared=True)

        def wait(_unused, _seconds):
            return True

        keeper = Keeper(str(data), [sys.executable, "-c", FAILS], wait=wait)
        keeper._make_room()
        filled(data)
        keeper.keep()
        assert (data / "mongod.end").read_bytes().rstrip() == b"14\nno room"
