"""``quartapp count-people``: a command that reads the database."""

import asyncio

import click

from quartapp import hookimpl


@click.command("count-people")
def count_people():
    """Print the number of accounts."""
    asyncio.run(_count())


async def _count():
    # Slow modules are imported when the command runs.
    from quartapp import launched, load_settings, opened

    with launched(load_settings()) as settings:
        async with opened(settings) as parts:
            click.echo(await parts.database.documents["users"].count_documents({}))


class CountPlugin:
    """Adds a command."""

    name = "count"

    @hookimpl
    def register_commands(self):
        return [count_people]
