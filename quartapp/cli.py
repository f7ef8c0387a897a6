"""The ``quartapp`` command."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quartapp import __version__
from quartapp.app import create_app
from quartapp.core import core
from quartapp.discovery import discover
from quartapp.errors import QuartappError
from quartapp.launch import launched
from quartapp.logs import configure_logging
from quartapp.plugins import Plugins
from quartapp.server import listen, serve_app
from quartapp.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_MISTAKE = 2


class MistakeError(click.ClickException):
    """A mistake in settings, plugins or surroundings: one message, exit status 2."""

    exit_code = EXIT_MISTAKE


@contextmanager
def mistakes_explained() -> Iterator[None]:
    """Show what is wrong in one sentence, without a traceback."""
    try:
        yield
    except QuartappError as error:
        raise MistakeError(str(error)) from error


@click.group()
@click.version_option(__version__, prog_name="quartapp")
def main() -> None:
    """A live attendance server, and a framework for making one's own."""


@main.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 for any.  [default: 3000]")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the embedded database lives.  [default: your data folder]",
)
@click.option("--plugin", "plugins", multiple=True, help="Load this plugin too; repeatable.")
def serve(
    host: str | None, port: int | None, data_dir: Path | None, plugins: tuple[str, ...]
) -> None:
    """Serve, on the MongoDB of MONGODB_URI or on an embedded one."""
    configure_logging()
    with mistakes_explained():
        settings = load_settings(
            host=host, port=port, data_dir=data_dir, extra_plugins=plugins or None
        )
        # The port is taken first: a second server that cannot have it starts no database.
        listener = listen(settings.host, settings.port)
        with listener, launched(settings) as complete:
            app = create_app(complete)

            def ready() -> None:
                click.echo(f"Mongodb connected {core(app).database.address}")
                click.echo(f"server running on PORT {listener.getsockname()[1]}")

            asyncio.run(serve_app(app, listener, ready))


@main.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_plugins(as_json: bool) -> None:
    """Show what is loaded, from which distribution, with which hooks."""
    with mistakes_explained():
        settings = load_settings()
        loaded = Plugins(discover(settings.plugins, settings.extra_plugins), settings.hook_timeout)
    rows: list[dict[str, Any]] = [
        {"name": p.name, "distribution": p.distribution, "hooks": loaded.hooks_of(p)}
        for p in loaded.loaded
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']}  ({row['distribution']})")
        click.echo(f"    {', '.join(row['hooks'])}")


if __name__ == "__main__":
    sys.exit(main())
