"""A pytest plugin for tests of quartapp, and of plugins for it: real servers, a real database.

Fixtures:

* ``serve``: starts a server in the test's event loop; ``server``: one with the installed plugins;
* ``serve_process``: starts ``quartapp serve`` as a process of its own, to be killed or stopped;
* ``mongodb_uri``: a database of the test's own, dropped afterwards;
* ``quartapp_contract``: runs the contract over a plugin (with the extra ``contract``).

Example:
    >>> async def test_raise_hand_is_shown_to_all(serve):
    ...     server = await serve(beside=[RaiseHandPlugin()])
    ...     teacher, student = await server.person("teacher"), await server.person("student")
    ...     watching, raising = await server.socket(teacher), await server.socket(student)
    ...     await raising.send("RAISE_HAND", {"question": "Why?"})
    ...     assert (await watching.until("HAND_RAISED"))["data"]["studentId"] == student.id

The database is the embedded MongoDB, one per test run (and per worker of pytest-xdist); where that
cannot run, ``QUARTAPP_TEST_MONGODB_URI`` names another one to make databases in.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import hypercorn.asyncio
import pymongo
import pytest
import pytest_asyncio
from hypercorn.utils import LifespanFailureError

from quartapp.app import create_app
from quartapp.core import core
from quartapp.embedded.mongo import EmbeddedMongo
from quartapp.hooks.discovery import discover
from quartapp.server.hypercorn import harden_hypercorn
from quartapp.server.listening import ServerError, listen
from quartapp.server.serving import behind_proxies, hypercorn_config, start_failure
from quartapp.settings.core import load_settings
from quartapp.testing.clients import Client, Person, Socket
from quartapp.testing.contract import QuartappContract, add_options, quartapp_contract
from quartapp.testing.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from pymongo.asynchronous.database import AsyncDatabase
    from quart import Quart

__all__ = [
    "Client",
    "Person",
    "QuartappContract",
    "Serve",
    "ServeProcess",
    "ServerProcess",
    "Socket",
    "TestServer",
    "quartapp_contract",
]

SECRET = "a secret for tests, which is long enough for every algorithm of HMAC"  # noqa: S105 - it protects nothing
STOP_SECONDS = 10.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the fixtures."""
    add_options(parser)


class TestServer(Client):
    """A server in the test's event loop, with what a client of it needs.

    Attributes:
        app: The application, to look inside.
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, app: Quart, url: str) -> None:
        super().__init__(url, core(app).tokens)
        self.app = app

    @property
    def documents(self) -> AsyncDatabase[dict[str, Any]]:
        """The server's database, to look at what was stored."""
        return core(self.app).database.documents


class Serve(Protocol):
    """The fixture ``serve``."""

    async def __call__(
        self,
        plugins: Iterable[object] | None = None,
        *,
        beside: Iterable[object] = (),
        **settings: Any,  # noqa: ANN401 - of any field
    ) -> TestServer:
        """Start a server; it stops at the end of the test.

        Args:
            plugins: The exact plugins, objects or classes; the installed ones when left out.
            beside: Plugins to add to the installed ones.
            settings: Fields of :class:`quartapp.settings.core.Settings`. A plugin's own settings
                come from the environment:
                ``monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", "class")``.

        Raises:
            QuartappError: The app cannot be built, or does not start.
        """


class ServeProcess(Protocol):
    """The fixture ``serve_process``."""

    async def __call__(self, *arguments: str, **environment: str) -> ServerProcess:
        """Start ``quartapp serve`` and wait until it is ready; it ends with the test.

        Args:
            arguments: Of the command line, beside ``--port 0``.
            environment: Variables beside those of the test run. Without ``MONGODB_URI`` the
                process has its embedded database in ``data`` under the test's folder.

        Raises:
            AssertionError: It ended, or was not ready in time; with what it said.
        """


@asynccontextmanager
async def running(app: Quart) -> AsyncIterator[TestServer]:
    """``app`` behind Hypercorn, on a free port of 127.0.0.1.

    Raises:
        ServerError: The app does not start.
    """
    harden_hypercorn()
    with listen("127.0.0.1", 0) as listener:  # Hypercorn gets a duplicate
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = hypercorn_config(core(app).settings, listener)
    ready, stop = asyncio.Event(), asyncio.Event()

    @app.before_serving
    async def announce() -> None:
        ready.set()

    serving = asyncio.create_task(
        hypercorn.asyncio.serve(
            behind_proxies(app), config, shutdown_trigger=stop.wait, mode="asgi"
        )
    )
    starting = asyncio.create_task(ready.wait())
    await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()
    try:
        if serving.done():
            await serving
    except LifespanFailureError as error:
        os.close(int(config.bind[0].removeprefix("fd://")))  # Hypercorn has not taken it over
        raise ServerError(start_failure(error)) from error
    server = TestServer(app, url)
    try:
        yield server
    finally:
        await server.close()
        await core(app).hub.drain(STOP_SECONDS)
        stop.set()
        async with asyncio.timeout(STOP_SECONDS):
            await serving


@pytest.fixture(scope="session")
def quartapp_mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URI of the MongoDB server of this test run; without a database name."""
    given = os.environ.get("QUARTAPP_TEST_MONGODB_URI")
    with ExitStack() as stack:
        yield given or stack.enter_context(EmbeddedMongo(tmp_path_factory.mktemp("mongo"))).uri


@pytest.fixture(scope="session")
def _quartapp_mongodb_client(quartapp_mongodb: str) -> Iterator[pymongo.MongoClient[Any]]:
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(quartapp_mongodb) as client:
        yield client


@pytest.fixture
def mongodb_uri(
    quartapp_mongodb: str, _quartapp_mongodb_client: pymongo.MongoClient[Any]
) -> Iterator[str]:
    """URI of an empty database of this test alone, dropped afterwards."""
    name = f"quartapp_test_{uuid.uuid4().hex[:16]}"
    yield with_database(quartapp_mongodb, name)
    _quartapp_mongodb_client.drop_database(name)


def with_database(uri: str, name: str) -> str:
    """``uri`` with ``name`` as its database."""
    return urlunsplit(urlsplit(uri)._replace(path=f"/{name}"))


@pytest_asyncio.fixture
async def serve(mongodb_uri: str) -> AsyncIterator[Serve]:
    """Starts servers that stop at the end of the test; see :class:`Serve`."""
    async with AsyncExitStack() as stack:

        async def start(
            plugins: Iterable[object] | None = None,
            *,
            beside: Iterable[object] = (),
            **settings: Any,  # noqa: ANN401 - of any field
        ) -> TestServer:
            complete = load_settings(
                **{"mongodb_uri": mongodb_uri, "jwt_secret": SECRET, **settings}
            )
            if plugins is None:
                plugins = [*discover(complete.plugins, complete.extra_plugins), *beside]
            return await stack.enter_async_context(running(create_app(complete, plugins)))

        yield start


@pytest_asyncio.fixture
async def server(serve: Serve) -> TestServer:
    """A server with the installed plugins."""
    return await serve()


@pytest_asyncio.fixture
async def serve_process(tmp_path: Path) -> AsyncIterator[ServeProcess]:
    """Starts ``quartapp serve`` as a process; see :class:`ServeProcess`."""
    async with AsyncExitStack() as stack:

        async def start(*arguments: str, **environment: str) -> ServerProcess:
            process = ServerProcess(tmp_path, arguments, environment)
            stack.push_async_callback(process.end)
            await process.start()
            return process

        yield start
