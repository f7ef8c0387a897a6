"""``quartapp count-people``: a command that reads the database."""

import click

from quartapp import hookimpl


@click.command("count-people")
def count_people():
    """Print the number of accounts."""
    # Slow modules are imported when the command runs.
    from quartapp import run_with_services

    run_with_services(_count)


async def _count(parts):
    click.echo(await parts.database.documents["users"].count_documents({}))


class CountPlugin:
    """Adds a command."""

    name = "count"

    @hookimpl
    def register_commands(self):
        return [count_people]
