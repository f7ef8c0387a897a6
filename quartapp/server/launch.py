"""What a server needs before it is an app: a database and a secret."""

from __future__ import annotations

import os
import secrets
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from quartapp.app import create_app
from quartapp.embedded.mongo import EmbeddedMongo
from quartapp.errors import QuartappError
from quartapp.parts import core

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from quartapp.parts import Core
    from quartapp.settings.core import Settings

SECRET_FILE = "jwt-secret"  # noqa: S105 - a file's name


@contextmanager
def own_mongod(data_dir: Path) -> Iterator[str]:
    """An embedded mongod that belongs to this process; its URI.

    Args:
        data_dir: As of :class:`EmbeddedMongo`.

    Raises:
        EmbeddedMongoError: It cannot start.
    """
    with EmbeddedMongo(data_dir) as mongo:
        yield mongo.uri


@contextmanager
def launched(
    settings: Settings, mongod: Callable[[Path], AbstractContextManager[str]] = own_mongod
) -> Iterator[Settings]:
    """``settings`` made complete: an embedded database is started where none is named.

    Args:
        settings: As they were read.
        mongod: Starts that database in a folder, and gives its URI.

    Raises:
        QuartappError: The embedded database cannot start.
    """
    if settings.mongodb_uri is not None:
        yield settings
        return
    data_dir = settings.data_dir
    with mongod(data_dir) as uri:
        secret = settings.jwt_secret or SecretStr(kept_secret(data_dir / SECRET_FILE))
        yield settings.model_copy(update={"mongodb_uri": SecretStr(uri), "jwt_secret": secret})


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Core]:
    """The parts of an app whose database is open, for a command that serves nothing.

    No plugin's ``startup`` is called, so a server that runs on the same database is not disturbed.

    Args:
        settings: Complete, as :func:`launched` gives them.

    Raises:
        QuartappError: A mistake in settings or plugins, or MongoDB does not answer.
    """
    if settings.jwt_secret is None:
        # An app has one. Nobody is signed in here, so it may be any.
        secret = SecretStr(secrets.token_hex(32))
        settings = settings.model_copy(update={"jwt_secret": secret})
    parts = core(create_app(settings))
    try:
        await parts.database.open()
        yield parts
        await parts.plugins.all_told()
    finally:
        await parts.database.close()


def kept_secret(path: Path) -> str:
    """The secret in ``path``, readable by its owner alone; made if there is none.

    Raises:
        QuartappError: It cannot be read or written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError as error:
        raise QuartappError(f"cannot write {path}: {error.strerror}") from error
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    try:
        return path.read_text().strip()
    except OSError as error:
        raise QuartappError(f"cannot read {path}: {error.strerror}") from error
