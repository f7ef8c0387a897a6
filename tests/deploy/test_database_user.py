"""A replica set with access control, and a server whose user has one role on one database."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from pymongo.errors import OperationFailure

from quartapp.errors import QuartappError
from quartapp.testing import ServerProcess
from tests.support.mongod import Mongod
from tests.support.plugins import OPTIONAL
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "s" * 32
ALL_PLUGINS = [word for name in OPTIONAL for word in ("--plugin", name)]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Mongod]]:
    """Provide a primary and a secondary that let in who has a password."""
    folder = tmp_path_factory.mktemp("members")
    key_file = folder / "key"
    key_file.touch(mode=0o600)
    key_file.write_text(secrets.token_hex(32), encoding="ascii")
    options = ("--replSet", "rs0", "--oplogSize", "16", "--noscripting")
    made = [Mongod(folder / f"mongo{number}", options, key_file) for number in (1, 2)]
    try:
        for member in made:
            member.launch()
        until(lambda: all(member.hello() for member in made))
        first, second = made
        # The secondary has no vote, so no election takes time, and none comes on a busy machine.
        hosts = [
            {"_id": 0, "host": first.address},
            {"_id": 1, "host": second.address, "votes": 0, "priority": 0},
        ]
        first.client.admin.command({"replSetInitiate": {"_id": "rs0", "members": hosts}})
        until(first.takes_writes)
        until(lambda: second.hello().get("secondary"))
        yield made
    finally:
        for member in made:
            member.end()


@pytest.fixture
def uri_of(members: list[Mongod]) -> Iterator[Callable[..., str]]:
    """Provide a function that makes a user with roles on databases, and returns the user's URI."""
    client: pymongo.MongoClient[dict[str, Any]]
    hosts = ",".join(member.address for member in members)
    key = {"username": "__system", "password": members[0].key, "authSource": "local"}
    with pymongo.MongoClient(f"mongodb://{hosts}/?replicaSet=rs0", **key) as client:

        def made(**roles: str) -> str:
            name, password = (secrets.token_hex(8) for _ in range(2))
            given = [{"role": role, "db": database} for database, role in roles.items()]
            client.school.command("createUser", name, pwd=password, roles=given)
            return f"mongodb://{name}:{password}@{hosts}/school?replicaSet=rs0"

        yield made


async def test_a_session_needs_one_role_on_one_database(tmp_path, uri_of, lesson, mark):
    uri = uri_of(school="readWrite")
    # On a busy machine, new members take their time.
    environment = {
        "MONGODB_URI": uri,
        "JWT_SECRET": SECRET,
        "QUARTAPP_DATABASE_TIMEOUT": "60",
    }
    server = ServerProcess(tmp_path, ALL_PLUGINS, environment)
    try:
        await server.start()
        maths = await lesson(server.client)
        await maths.start()
        calling, (watching, _) = await maths.sockets()
        await calling.send("ATTENDANCE_MARKED", mark(maths.students[0]))
        await watching.until("ATTENDANCE_MARKED")  # came through the change stream
        await calling.send("DONE")
        await watching.until("DONE")
        assert await maths.records() == ["present", "absent"]
        for question in ("/readyz", "/metrics"):
            assert (await server.client.api.get(server.client.url + question)).status_code == 200
    finally:
        await server.end()
    assert " error " not in server.stderr.lower(), server.stderr

    def collections() -> set[str]:
        client: pymongo.MongoClient[dict[str, Any]]
        with pymongo.MongoClient(uri) as client:
            with pytest.raises(OperationFailure, match="not authorized"):
                client.other.items.insert_one({})
            return set(client.school.list_collection_names())

    assert {"users", "classes", "leases"} <= await asyncio.to_thread(collections)


@pytest.mark.parametrize(
    "roles",
    [{"school": "read"}, {"other": "readWrite"}, {}],
    ids=["reads alone", "another database", "none"],
)
async def test_missing_role_is_named(serve, uri_of, roles):
    with pytest.raises(QuartappError) as refused:
        await serve(mongodb_uri=uri_of(**roles))
    said = str(refused.value)
    assert said.startswith("MongoDB refused: not authorized on school to execute command ")
    assert said.endswith("a user with the role readWrite on the database school")
    assert "{" not in said


async def test_missing_user_is_named(serve, uri_of):
    uri = "mongodb://" + uri_of(school="readWrite").partition("@")[2]
    with pytest.raises(QuartappError, match="MONGODB_URI has to name a user"):
        await serve(mongodb_uri=uri)


async def test_wrong_password_is_told_without_the_password(serve, uri_of):
    wrong = uri_of(school="readWrite").replace("@", "wrong@")
    with pytest.raises(QuartappError) as refused:
        await serve(mongodb_uri=wrong)
    assert "are the user and the password in MONGODB_URI right" in str(refused.value)
    assert "wrong" not in str(refused.value)
