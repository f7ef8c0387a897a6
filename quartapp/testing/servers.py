"""Servers in the event loop of a test, and the types of the fixtures that start servers."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import hypercorn.asyncio
from hypercorn.utils import LifespanFailureError

from quartapp.identity.accounts import AccountMaker
from quartapp.parts import core
from quartapp.server.hypercorn import harden_hypercorn
from quartapp.server.listening import ServerError, listen
from quartapp.server.serving import behind_proxies, hypercorn_config, start_failure
from quartapp.testing.clients import Client, data_of
from quartapp.testing.clock import TurnedClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from pymongo.asynchronous.database import AsyncDatabase
    from quart import Quart

    from quartapp.clock import Clock
    from quartapp.encoding import JsonObject
    from quartapp.testing.processes import ServerProcess


SECRET = "a secret for tests, which is long enough for every algorithm of HMAC"  # noqa: S105 - it protects nothing
DRAIN_SECONDS = 10.0
# The deadline only ends a test that hangs, so it is long enough for the busiest machine.
STOP_SECONDS = 60.0

# Limits of hooks and of the database, in seconds: a busy machine is no failure of a plugin.
_PATIENT = 60.0
# A test turns its clock while handlers are under way, which take none of that time.
_ENDLESS = 500_000.0

# A role that nobody can register with, and registration that a plugin has closed.
_NOT_BY_REGISTRATION = (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.FORBIDDEN)


class TestServer(Client):
    """A server in the test's event loop, and a client of this server.

    :meth:`~quartapp.testing.Client.person` makes people of every role of the app: if registration
    refuses a role, the plugin that keeps accounts makes the account.

    Attributes:
        app: The application, for tests that look inside.
    """

    __test__ = False  # pytest would take the class for a test

    def __init__(self, app: Quart, url: str) -> None:
        super().__init__(url, core(app).tokens)
        self.app = app

    @property
    def documents(self) -> AsyncDatabase[dict[str, Any]]:
        """The server's database, for tests that look at stored documents."""
        return core(self.app).database.documents

    async def _registered(self, account: dict[str, str]) -> JsonObject:
        answer = await self.api.post("/auth/register", json=account)
        parts = core(self.app)
        maker = parts.services.find(AccountMaker)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        if maker is None or answer.status_code not in _NOT_BY_REGISTRATION:
            user: JsonObject = data_of(answer)
            return user
        if account["role"] not in parts.roles:
            raise AssertionError(
                f"no plugin registers the role {account['role']}; "
                f"there are {', '.join(sorted(parts.roles))}"
            )
        made = await maker.make_account(**account)
        return {"_id": made.id, "name": made.name}

    async def settled(self) -> None:
        """Wait until ``on_event`` has told plugins of everything that happened so far."""
        await core(self.app).plugins.all_told()


class Serve(Protocol):
    """The fixture ``serve``."""

    async def __call__(
        self,
        plugins: Iterable[object] | None = None,
        *,
        beside: Iterable[object] = (),
        clock: Clock | None = None,
        **settings: Any,  # noqa: ANN401 - of any field
    ) -> TestServer:
        """Start a server, which stops at the end of the test.

        Args:
            plugins: The exact plugins, objects or classes; by default the installed plugins.
            beside: Plugins to add to the installed ones; each follows the plugins it ``requires``.
            clock: The server's clock; a :class:`TurnedClock` stands still until the test turns it.
                None for the time of the database, as in production.
            settings: Fields of :class:`quartapp.settings.core.Settings`. Hooks, handlers and
                the database have plenty of time by default: a test of ``hook_timeout`` or
                ``database_timeout`` gives the limit. A plugin's own settings come from the
                environment:
                ``monkeypatch.setenv("QUARTAPP_LIBRARY_SHOWN", "2")``. Registration is open unless
                the environment has ``QUARTAPP_AUTH_REGISTRATION``.

        Raises:
            QuartappError: A plugin lacks a plugin that it requires, or the app cannot be built, or
                does not start.
        """


class ServeProcess(Protocol):
    """The fixture ``serve_process``."""

    async def __call__(self, *arguments: str, **environment: str) -> ServerProcess:
        """Start ``quartapp serve`` and wait until it is ready; the server ends with the test.

        Args:
            arguments: Arguments of the command line after ``--port 0``.
            environment: Environment variables to add to those of the test run. Without
                ``MONGODB_URI`` the embedded database is in ``data`` under the test's folder. With
                ``MONGODB_URI``, registration is open unless ``QUARTAPP_AUTH_REGISTRATION`` is
                among the variables.

        Raises:
            AssertionError: The server ended, or was not ready in time; the message has its output.
        """


@asynccontextmanager
async def running(app: Quart) -> AsyncIterator[TestServer]:
    """Serve an app with Hypercorn on a free port of 127.0.0.1 during the block.

    Args:
        app: The application.

    Yields:
        The server.

    Raises:
        ServerError: The app does not start.
    """
    harden_hypercorn()
    with listen("127.0.0.1", 0) as listener:  # Hypercorn gets a duplicate
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = hypercorn_config(app, listener)
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
        await core(app).hub.drain(DRAIN_SECONDS)
        stop.set()
        async with asyncio.timeout(STOP_SECONDS):
            await serving


def patience(clock: Clock | None) -> dict[str, float]:
    """Return the time limits of a server that is under test, as fields of the settings.

    Args:
        clock: The server's clock; None for the time of the database.
    """
    seconds = _ENDLESS if isinstance(clock, TurnedClock) else _PATIENT
    return {"hook_timeout": seconds, "database_timeout": seconds}
