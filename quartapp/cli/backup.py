"""``quartapp backup``: everything that the database has, in one file, and back."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from quartapp.audit.backups import BACKED_UP, RESTORED
from quartapp.backup.database import (
    MomentLostError,
    check,
    connected,
    dump,
    ensure_empty,
    fill,
    has_moments,
)
from quartapp.backup.form import BackupError
from quartapp.backup.sealed import new_key, sealing, unsealed
from quartapp.cli.mistakes import mistakes_explained
from quartapp.encoding import printable
from quartapp.server.launch import launched, opened
from quartapp.settings.core import load_settings
from quartapp.telemetry.logs import configure_logging
from quartapp.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from quartapp.audit.action import AuditEntry
    from quartapp.settings.core import Settings

# Collections are made at the start of a version alone, so a second try nearly always succeeds.
TRIES = 3

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_key = click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the private half of the key that opens it.",
)
_data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the embedded database lives.  [default: your data folder]",
)


@click.group()
def backup() -> None:
    """Keep everything that the database has in a file, and bring it back."""


@backup.command()
@_file
@click.option(
    "--to", "recipients", multiple=True, help="Public half of a key: encrypt for it; repeatable."
)
@click.option("--stopped", is_flag=True, help="No server runs; for a standalone MongoDB.")
@_data_dir
def make(file: Path, recipients: tuple[str, ...], stopped: bool, data_dir: Path | None) -> None:
    """Make a backup of one moment, beside running servers."""

    def work(settings: Settings) -> None:
        # Before it is read, so that the backup tells of itself.
        asyncio.run(_record(settings, BACKED_UP.entry(after={"encrypted": bool(recipients)})))
        with connected(_uri(settings), settings.database) as database:
            at_one_moment = has_moments(database)
            if not at_one_moment and not stopped:
                raise BackupError(
                    "a standalone MongoDB cannot be read at one moment: "
                    "stop the servers, and say so with --stopped"
                )
            for left in reversed(range(TRIES)):
                head = {
                    "made_at": datetime.now(UTC),
                    "version": __version__,
                    "database": database.name,
                }
                try:
                    with _made(file) as target, sealing(target, recipients) as plain:
                        counts = dump(database, plain, head, _progress, at_one_moment=at_one_moment)
                    break
                except MomentLostError:
                    if not left:
                        raise
        click.echo(f"{file}: {_counted(counts)}, {file.stat().st_size} bytes")

    _run(work, data_dir)


@backup.command("check")
@_file
@_key
def check_file(file: Path, key: Path | None) -> None:
    """Read a backup to its end: is it whole?"""
    with mistakes_explained(), _opened(file, key) as source:
        head, counts = check(source)
        click.echo(
            f"{file} is whole: {_counted(counts)}, made {head['made_at']:%Y-%m-%d %H:%M:%S} UTC "
            f"by quartapp {printable(str(head['version']))}"
        )


@backup.command()
@_file
@_key
@_data_dir
def restore(file: Path, key: Path | None, data_dir: Path | None) -> None:
    """Fill an empty database with a backup, after reading it to its end."""

    def work(settings: Settings) -> None:
        with connected(_uri(settings), settings.database) as database:
            ensure_empty(database)
            with _opened(file, key) as source:
                head, _ = check(source)
            with _opened(file, key) as source:
                counts = fill(database, source, _progress)
        made = f"{head['made_at']:%Y-%m-%dT%H:%M:%SZ}"
        asyncio.run(_record(settings, RESTORED.entry(after={"made": made})))
        click.echo(f"{database.name}: {_counted(counts)}")
        click.echo(
            "What was revoked after the backup counts again: set another JWT_SECRET, and everybody "
            "signs in anew."
        )

    _run(work, data_dir)


@backup.command("key")
@_file
def make_key(file: Path) -> None:
    """Make a key: FILE gets the private half, and the public half is shown.

    Keep the file away from the server: whoever has it reads the backups, and nobody else does.
    """
    with mistakes_explained():
        private, public = new_key()
        with _made(file) as target:
            target.write(f"# public key: {public}\n{private}\n".encode())
        click.echo(public)


async def _record(settings: Settings, entry: AuditEntry) -> None:
    async with opened(settings, prepare=False) as parts:
        await parts.audit.add(entry)


def _run(work: Callable[[Settings], None], data_dir: Path | None) -> None:
    configure_logging()
    with mistakes_explained(), launched(load_settings(data_dir=data_dir)) as complete:
        work(complete)


def _uri(settings: Settings) -> str:
    assert settings.mongodb_uri is not None  # noqa: S101 - launched
    return settings.mongodb_uri.get_secret_value()


def _counted(counts: Mapping[str, int]) -> str:
    return f"{sum(counts.values())} documents in {len(counts)} collections"


def _progress(name: str, count: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{printable(name)}: {count}", err=True, nl=False)


@contextmanager
def _made(file: Path) -> Iterator[BinaryIO]:
    """Write a file for this user alone, which gets its name when it is complete."""
    if file.exists():
        raise BackupError(f"{file} is there already")
    partial = file.with_name(f"{file.name}.{secrets.token_hex(4)}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            yield cast("BinaryIO", target)
            target.flush()
            os.fsync(descriptor)
        partial.rename(file)
    except OSError as error:
        raise BackupError(f"cannot write {file}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def _opened(file: Path, key: Path | None) -> Iterator[BinaryIO]:
    private = None if key is None else _private_half(key)
    try:
        with file.open("rb") as sealed, unsealed(sealed, private) as source:
            yield source
    except OSError as error:
        raise BackupError(f"cannot read {file}: {error.strerror}") from error


def _private_half(key: Path) -> str:
    try:
        lines = key.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"cannot read {key}: {error}") from error
    return next((line.strip() for line in lines if line.strip() and line[0] != "#"), "")
