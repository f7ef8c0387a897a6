"""Databases that several tests use, one after another: each test finds one that is as new."""

from __future__ import annotations

import pymongo
import pytest
from bson import ObjectId

from quartapp import Model, core, create_app, hookimpl
from quartapp.hooks.discovery import discover, loaded
from quartapp.settings.core import load_settings
from quartapp.testing import SECRET
from quartapp.testing import databases as module
from quartapp.testing.databases import Databases, TestDatabase
from quartapp.testing.servers import patience, running


@pytest.fixture
def client(quartapp_mongodb):
    with pymongo.MongoClient(quartapp_mongodb) as client:
        yield client


@pytest.fixture
def databases(quartapp_mongodb, client, monkeypatch):
    # On the busiest machine, closed connections are gone in time.
    monkeypatch.setattr(module, "_LOOKS", 20_000)
    databases = Databases(quartapp_mongodb, client)
    yield databases
    databases.close()


@pytest.fixture
def a_test(databases):
    """Return a function that does what a test does with a server: ``await a_test(work)``.

    The function returns the name of the database.
    """

    async def do(work=None, beside=(), extra=()):
        database = TestDatabase(databases)
        plugins = [*discover(None, extra), *map(loaded, beside)]
        settings = load_settings(
            mongodb_uri=database.uri_for(plugins), jwt_secret=SECRET, **patience(None)
        )
        app = create_app(settings, plugins)
        database.before_start(core(app).database)
        async with running(app) as server:
            name = server.documents.name
            if work is not None:
                await work(server)
        database.give_back()
        return name

    return do


async def use(server):
    await server.documents["users"].insert_one({"_id": ObjectId(), "username": "ada"})
    await server.documents["versions"].delete_many({})
    await server.documents["more"].create_index("place")


async def test_a_database_is_used_again_and_is_as_new(a_test, databases, client):
    indexes = client[await a_test(use)]["users"].index_information()
    (prepared,) = databases._free.values()
    first, seen = prepared.name, {}

    async def look(server):
        seen["names"] = await server.documents.list_collection_names()
        seen["indexes of users"] = await server.documents["users"].index_information()
        seen["users"] = await server.documents["users"].find().to_list()
        seen["versions"] = await server.documents["versions"].find().sort("_id").to_list()

    assert await a_test(look) == first
    assert seen["users"] == []
    assert seen["versions"] == sorted(prepared.documents["versions"], key=lambda one: one["_id"])
    assert seen["versions"]
    assert "more" not in seen["names"]
    assert seen["indexes of users"] == indexes
    assert await a_test() == first


CHANGES = {
    "a further index": lambda documents: documents["users"].create_index("place"),
    "a missing index": lambda documents: documents["users"].drop_indexes(),
    "a missing collection": lambda documents: documents["users"].drop(),
    "other options": lambda documents: documents.command(
        "collMod", "users", validator={"name": {"$exists": True}}
    ),
    "a collection of MongoDB's own": lambda documents: documents.command("profile", 2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_database_that_is_not_as_new_is_dropped(a_test, client, change):
    first = await a_test(lambda server: change(server.documents))
    assert first not in client.list_database_names()
    assert await a_test() != first


class Book(Model):
    meta = {"collection": "books"}  # noqa: RUF012 - MongoEngine's own


class Library:
    @hookimpl
    def register_collections(self):
        return [Book]


async def test_documents_of_a_plugin_that_is_not_installed_are_in_a_new_database(a_test, client):
    first = await a_test()
    second = await a_test(beside=[Library])
    assert second != first
    assert second not in client.list_database_names()


async def test_a_plugin_without_documents_changes_nothing(a_test):
    class Bell:
        name = "bell"

    assert await a_test() == await a_test(beside=[Bell])


async def test_other_plugins_get_another_database(a_test):
    assert await a_test() != await a_test(extra=["webhooks"])


async def test_models_that_differ_from_those_before_begin_anew(a_test, databases, client):
    first = await a_test(use)
    for prepared in databases._free.values():
        prepared.models = ()
        client[first]["left"].insert_one({})
    assert await a_test() == first
    assert first not in client.list_database_names()


async def test_a_database_with_an_open_connection_is_dropped(a_test, client, monkeypatch):
    monkeypatch.setattr(module, "_LOOKS", 2)
    left = []

    async def connect(server):
        left.append(pymongo.MongoClient(core(server.app).settings.mongodb_uri.get_secret_value()))
        left[0].admin.command("ping")

    first = await a_test(connect)
    left[0].close()
    assert first not in client.list_database_names()


async def test_two_servers_that_start_at_once_leave_nothing_to_use_again(databases, client):
    database = TestDatabase(databases)
    plugins = discover()
    settings = load_settings(
        mongodb_uri=database.uri_for(plugins), jwt_secret=SECRET, **patience(None)
    )
    apps = [create_app(settings, discover()) for _ in range(2)]
    for app in apps:
        database.before_start(core(app).database)
    async with running(apps[0]) as server, running(apps[1]):
        name = server.documents.name
    database.give_back()
    assert name not in client.list_database_names()


def test_a_database_that_is_asked_for_before_a_server_starts_is_new(databases, client):
    database = TestDatabase(databases)
    uri = database.uri()
    assert database.uri_for(discover()) == uri
    client[name := uri.rpartition("/")[2].partition("?")[0]]["some"].insert_one({})
    database.give_back()
    assert name not in client.list_database_names()


async def test_only_some_databases_are_kept(a_test, databases, client, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 1)
    first = await a_test()
    second = await a_test(extra=["webhooks"])
    assert first not in client.list_database_names()
    assert second in client.list_database_names()
    databases.close()
    assert second not in client.list_database_names()
