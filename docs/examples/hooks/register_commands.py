"""``quartapp count-people``: a command that looks into the database."""

import asyncio

import click

from quartapp import hookimpl


@click.command("count-people")
def count_people():
    """Say how many accounts there are."""
    asyncio.run(_count())


async def _count():
    # What takes long to import waits until the command is run.
    from quartapp import launched, load_settings, opened

    with launched(load_settings()) as settings:
        async with opened(settings) as parts:
            click.echo(await parts.database.documents["users"].count_documents({}))


class CountPlugin:
    """Brings a command."""

    name = "count"

    @hookimpl
    def register_commands(self):
        return [count_people]
