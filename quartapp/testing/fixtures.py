"""A pytest plugin for tests of quartapp, and of plugins for it: real servers, a real database.

Fixtures:

* ``serve``: starts a server in the test's event loop;
* ``server``: a server with the installed plugins;
* ``turned_clock``: a clock for ``serve(clock=turned_clock)``, which the test turns;
* ``serve_process``: starts ``quartapp serve`` as a process of its own, to be killed or stopped;
* ``mongodb_uri``: a new database for one test, dropped afterwards;
* ``quartapp_contract``: tests a plugin against its contract (needs the extra ``contract``).

Example:
    >>> async def test_raise_hand_is_shown_to_all(serve):
    ...     server = await serve(beside=[RaiseHandPlugin()])
    ...     teacher, student = await server.person("teacher"), await server.person("student")
    ...     watching, raising = await server.socket(teacher), await server.socket(student)
    ...     await raising.send("RAISE_HAND", {"question": "Why?"})
    ...     assert (await watching.until("HAND_RAISED"))["data"]["studentId"] == student.id

The database server is the embedded MongoDB, one per test run (and per worker of pytest-xdist). On a
machine that cannot run it, ``QUARTAPP_TEST_MONGODB_URI`` names another server for the databases.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
import pytest_asyncio
from pydantic import SecretStr

from quartapp.app import create_app
from quartapp.embedded.mongo import EmbeddedMongo
from quartapp.hooks.discovery import discover, in_order, loaded
from quartapp.parts import core
from quartapp.settings.core import load_settings
from quartapp.testing.clock import TurnedClock
from quartapp.testing.databases import Databases, TestDatabase
from quartapp.testing.folders import database_folder
from quartapp.testing.processes import REGISTRATION, ServerProcess
from quartapp.testing.servers import (
    SECRET,
    Serve,
    ServeProcess,
    TestServer,
    patience,
    running,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from quartapp.clock import Clock


@pytest.fixture(scope="session")
def quartapp_mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Provide the URI of the test run's MongoDB server, without a database name."""
    given = os.environ.get("QUARTAPP_TEST_MONGODB_URI")
    with ExitStack() as stack:
        if not given:
            folder = stack.enter_context(database_folder(tmp_path_factory.mktemp("mongo")))
            given = stack.enter_context(EmbeddedMongo(folder)).uri
        yield given


@pytest.fixture(scope="session")
def _quartapp_databases(quartapp_mongodb: str) -> Iterator[Databases]:
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(quartapp_mongodb) as client:
        databases = Databases(quartapp_mongodb, client)
        yield databases
        databases.close()


@pytest.fixture
def _quartapp_database(_quartapp_databases: Databases) -> Iterator[TestDatabase]:
    database = TestDatabase(_quartapp_databases)
    yield database
    database.give_back()


@pytest.fixture
def mongodb_uri(_quartapp_database: TestDatabase) -> str:
    """Return the URI of an empty database for this test alone, dropped afterwards."""
    return _quartapp_database.uri()


@pytest_asyncio.fixture
async def serve(_quartapp_database: TestDatabase) -> AsyncIterator[Serve]:
    """Provide the function that starts servers for one test; see :class:`Serve`."""
    async with AsyncExitStack() as stack:

        async def start(
            plugins: Iterable[object] | None = None,
            *,
            beside: Iterable[object] = (),
            clock: Clock | None = None,
            **settings: Any,  # noqa: ANN401 - of any field
        ) -> TestServer:
            ours = {"jwt_secret": SECRET, "strict_messages": True}
            complete = load_settings(**{**ours, **patience(clock), **settings})
            if plugins is None:
                installed = discover(complete.plugins, complete.extra_plugins)
                chosen = in_order([*installed, *map(loaded, beside)])
            else:
                chosen = [loaded(plugin) for plugin in plugins]
            has_own = "mongodb_uri" in settings
            if not has_own:
                uri = SecretStr(_quartapp_database.uri_for(chosen))
                complete = complete.model_copy(update={"mongodb_uri": uri})
            with _open_registration():
                app = create_app(complete, chosen, clock=clock)
            if not has_own:
                _quartapp_database.before_start(core(app).database)
            return await stack.enter_async_context(running(app))

        yield start


@contextmanager
def _open_registration() -> Iterator[None]:
    """Let everybody register with apps that are made in the block, unless the test says who may."""
    with pytest.MonkeyPatch.context() as patch:
        if REGISTRATION not in os.environ:
            patch.setenv(REGISTRATION, "open")
        yield


@pytest.fixture
def turned_clock() -> TurnedClock:
    """Return a clock that stands still until the test turns it; see :class:`TurnedClock`."""
    return TurnedClock()


@pytest_asyncio.fixture
async def server(serve: Serve) -> TestServer:
    """Return a running server with the installed plugins."""
    return await serve()


@pytest_asyncio.fixture
async def serve_process(tmp_path: Path) -> AsyncIterator[ServeProcess]:
    """Provide the function that starts ``quartapp serve``; see :class:`ServeProcess`."""
    async with AsyncExitStack() as stack:

        async def start(*arguments: str, **environment: str) -> ServerProcess:
            process = ServerProcess(tmp_path, arguments, environment)
            stack.push_async_callback(process.end)
            await process.start()
            return process

        yield start
