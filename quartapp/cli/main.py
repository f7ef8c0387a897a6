"""The ``quartapp`` command."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quartapp.app import create_app
from quartapp.cli.audit import audit
from quartapp.cli.backup import backup
from quartapp.cli.contract import contract
from quartapp.cli.init import init
from quartapp.cli.listing import list_plugins as listing_of
from quartapp.cli.migrate import migrate
from quartapp.cli.mistakes import MistakeError, mistakes_explained
from quartapp.cli.new_plugin import plugin
from quartapp.cli.outbox import outbox
from quartapp.errors import QuartappError
from quartapp.hooks.discovery import discover
from quartapp.hooks.plugins import Plugins
from quartapp.parts import core
from quartapp.server.launch import launched
from quartapp.server.listening import listen
from quartapp.server.serving import serve_app
from quartapp.server.systemd import notify_systemd
from quartapp.server.tls import certificate_of
from quartapp.settings.core import load_plugin_choice, load_settings
from quartapp.telemetry.logs import configure_logging
from quartapp.version import __version__

if TYPE_CHECKING:
    from quartapp.settings.core import Settings

HEADLINE = frozenset({"name", "version", "distribution", "order"})


class CommandLine(click.Group):
    """quartapp's own commands and the commands of plugins.

    Plugins are loaded only for help and for names other than quartapp's own, so that finding
    ``serve`` loads no plugin. If plugins cannot be loaded, help shows quartapp's own commands and
    then the reason.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in alphabetical order."""
        with suppress(QuartappError):
            return sorted([*self.commands, *self._of_plugins(ctx)])
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with a name: quartapp's own, or else a plugin's."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        with mistakes_explained():
            return self._of_plugins(ctx).get(cmd_name)

    def get_help(self, ctx: click.Context) -> str:
        """Return the help page; print it and raise the reason if plugins cannot be loaded."""
        page = super().get_help(ctx)
        try:
            self._of_plugins(ctx)
        except QuartappError as error:
            click.echo(page)
            raise MistakeError(str(error)) from error
        return page

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        with mistakes_explained():
            return super().invoke(ctx)

    def _of_plugins(self, ctx: click.Context) -> dict[str, click.Command]:
        key = f"{__name__}.commands"
        if key not in ctx.meta:
            choice = load_plugin_choice()
            loaded = discover(choice.plugins, choice.extra_plugins)
            ctx.meta[key] = Plugins(loaded, choice.hook_timeout).contributions.commands(self)
        found: dict[str, click.Command] = ctx.meta[key]
        return found


@click.group(name="quartapp", cls=CommandLine)
@click.version_option(__version__, prog_name="quartapp")
def main() -> None:
    """Serve, look at, and extend a quartapp."""


main.add_command(audit)
main.add_command(backup)
main.add_command(contract)
main.add_command(init)
main.add_command(migrate)
main.add_command(outbox)
main.add_command(plugin)


@main.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 for any.  [default: 3000]")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the embedded database lives.  [default: your data folder]",
)
@click.option("--plugin", "plugins", multiple=True, help="Load this plugin too; repeatable.")
@click.option(
    "--workers", type=click.IntRange(1), help="Processes to serve with, on one port.  [default: 1]"
)
@click.option(
    "--certificate", type=click.Path(path_type=Path), help="TLS certificate, PEM; needs --key."
)
@click.option("--key", type=click.Path(path_type=Path), help="Private key of the certificate, PEM.")
def serve(plugins: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401 - as click reads them
    """Serve, on the MongoDB of MONGODB_URI or on an embedded one."""
    configure_logging()

    def read() -> Settings:
        return load_settings(**given, extra_plugins=plugins or None)

    with mistakes_explained():
        settings = read()
        configure_logging(settings.log_level)
        certificate_of(settings)  # a mistake is told before a database starts
        # Listening comes first: a second server on the same port must not start a database.
        with listen(settings.host, settings.port) as listener:

            def ready(address: str) -> None:
                click.echo(f"Mongodb connected {address}")
                click.echo(f"server running on PORT {listener.getsockname()[1]}")
                notify_systemd("READY=1")

            if settings.workers > 1:
                from quartapp.server.workers.run import serve_workers  # does not import on Windows

                sys.exit(serve_workers(settings, listener, read, ready))
            with launched(settings) as complete:
                app = create_app(complete)
                address = core(app).database.address
                asyncio.run(serve_app(app, listener, partial(ready, address)))


@main.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--plugin", "extra", multiple=True, help="Load this plugin too; repeatable.")
@click.pass_context
def list_plugins(ctx: click.Context, as_json: bool, extra: tuple[str, ...]) -> None:
    """Show what is loaded, in order, with all that it brings; and what is not, and why."""
    with mistakes_explained():
        listing = listing_of(load_settings(extra_plugins=extra or None))
    if as_json:
        click.echo(json.dumps(asdict(listing), indent=2))
    else:
        for row in listing.loaded:
            click.echo(
                f"{row['name']}  ({row['distribution']} {row.get('version') or ''})".rstrip()
            )
            for name, brought in row.items():
                if name not in HEADLINE and brought:
                    click.echo(f"    {name}: {_in_words(brought)}")
        for name, other in listing.replaced.items():
            click.echo(f"{name}  is off: {other} stands for it")
        for reason in [*listing.failed.values(), listing.problem]:
            if reason:
                click.echo(f"Error: {reason}", err=True)
    if listing.failed or listing.problem:
        ctx.exit(1)


def _in_words(brought: Any) -> str:  # noqa: ANN401 - of a row
    if isinstance(brought, dict):
        return ", ".join(f"{name} = {json.dumps(value)}" for name, value in brought.items())
    return ", ".join(brought) if isinstance(brought, list) else str(brought)
