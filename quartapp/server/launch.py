"""Preparation of an app's settings: an embedded database and a secret where none are named."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from quartapp.app import create_app
from quartapp.embedded.mongo import EmbeddedMongo
from quartapp.parts import core
from quartapp.secret_file import kept_secret
from quartapp.settings.core import MINIMUM_SECRET_BYTES, load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from quartapp.parts import Core
    from quartapp.settings.core import Settings

Result = TypeVar("Result")

SECRET_FILE = "jwt-secret"  # noqa: S105 - a file's name


@contextmanager
def own_mongod(data_dir: Path) -> Iterator[str]:
    """Use the embedded mongod of a data folder together with other processes.

    Args:
        data_dir: Data folder, as for :class:`EmbeddedMongo`.

    Yields:
        The URI of the database.

    Raises:
        EmbeddedMongoError: The database cannot start.
    """
    with EmbeddedMongo(data_dir) as mongo:
        yield mongo.uri


@contextmanager
def launched(
    settings: Settings, mongod: Callable[[Path], AbstractContextManager[str]] = own_mongod
) -> Iterator[Settings]:
    """Complete settings that name no database: run an embedded one and read its secret.

    Args:
        settings: Settings as they were read.
        mongod: Context manager that runs a database in a folder and yields its URI.

    Yields:
        Settings with the URI of a database and a secret.

    Raises:
        QuartappError: The embedded database cannot start, or the file with its secret is not safe.
    """
    if settings.mongodb_uri is not None:
        yield settings
        return
    data_dir = settings.data_dir
    with mongod(data_dir) as uri:
        secret = settings.jwt_secret or SecretStr(
            kept_secret(
                data_dir / SECRET_FILE,
                MINIMUM_SECRET_BYTES,
                ", with which everybody signs in again",
            )
        )
        yield settings.on_embedded(SecretStr(uri), secret)


@asynccontextmanager
async def opened(settings: Settings, *, prepare: bool = True) -> AsyncIterator[Core]:
    """Open the database of an app that serves nothing, for a command.

    No plugin's ``startup`` is called, so a server that runs on the same database is not disturbed.

    Args:
        settings: Complete settings, as :func:`launched` yields them.
        prepare: Whether data is migrated and indexes are made, as at the start of a server.

    Yields:
        The parts of the app.

    Raises:
        QuartappError: The settings or plugins have a mistake, or MongoDB does not answer.
    """
    if settings.jwt_secret is None:
        # An app needs a secret. A command signs nobody in, so any secret does.
        secret = SecretStr(secrets.token_hex(32))
        settings = settings.model_copy(update={"jwt_secret": secret})
    parts = core(create_app(settings))
    try:
        await parts.database.open(prepare=prepare)
        await parts.shared_time.measure()
        yield parts
        await parts.plugins.all_told()
    finally:
        await parts.audit.close()
        await parts.database.close()


def run_with_services(
    work: Callable[[Core], Awaitable[Result]],
    settings: Settings | None = None,
    *,
    prepare: bool = True,
) -> Result:
    """Run the work of a command, with the services of all plugins.

    A server may run on the same database, also on the embedded one: its open sockets are shown what
    the work changes. Where none runs, the embedded database is there for the time of the work.

    Args:
        work: Coroutine function that gets the parts of the app.
        settings: Settings as they were read; None reads them as ``quartapp serve`` does.
        prepare: Whether data is migrated and indexes are made, as at the start of a server.

    Returns:
        What the work returns.

    Raises:
        QuartappError: The settings or plugins have a mistake, or the database does not answer.
    """

    async def run(complete: Settings) -> Result:
        async with opened(complete, prepare=prepare) as parts:
            return await work(parts)

    with launched(settings or load_settings()) as complete:
        return asyncio.run(run(complete))
