"""``quartapp migrate``: bring stored data to the version that the installed plugins need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quartapp.cli.mistakes import mistakes_explained
from quartapp.server.launch import run_with_services
from quartapp.settings.core import load_settings
from quartapp.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from quartapp.parts import Core


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--plugin", "extra", multiple=True, help="Load this plugin too; repeatable.")
def migrate(dry_run: bool, extra: tuple[str, ...]) -> None:
    """Bring stored data to the version that the code needs; a server does so at its start."""
    configure_logging()

    async def bring(parts: Core) -> None:
        for name, step in await parts.migrations.pending():
            click.echo(f"{name} {step.version - 1} -> {step.version}: {step.why}")
        if not dry_run:
            await parts.migrations.run()
            click.echo("All data has the version that the code needs.")

    with mistakes_explained():
        run_with_services(bring, load_settings(extra_plugins=extra or None), prepare=False)
