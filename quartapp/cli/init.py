"""``quartapp init``: write a settings file and a secret for a new server."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from quartapp.cli.mistakes import mistakes_explained
from quartapp.errors import QuartappError
from quartapp.hooks.discovery import discover
from quartapp.hooks.plugins import Plugins
from quartapp.settings.core import MINIMUM_SECRET_BYTES, load_plugin_choice
from quartapp.settings.files import ENV_FILE, TOML_FILE
from quartapp.settings.written import settings_text


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(folder: Path) -> None:
    """Write quartapp.toml, with each setting explained, and .env, with a new secret, into FOLDER.

    The settings in force are those for a server that many people use. Files that are there already
    are left as they are, and nothing is written then.
    """
    with mistakes_explained():
        choice = load_plugin_choice()
        loaded = discover(choice.plugins, choice.extra_plugins)
        settings = Plugins(loaded, choice.hook_timeout).contributions.settings()
        text = settings_text((owner.name, type(filled)) for owner, filled in settings)
        secret = f"JWT_SECRET={secrets.token_hex(MINIMUM_SECRET_BYTES)}\n"
        write_new({folder / TOML_FILE: text, folder / ENV_FILE: secret})
    click.echo(f"Wrote {folder / TOML_FILE} and {folder / ENV_FILE}.")
    click.echo(f"Read the first, keep the second to yourself, and run quartapp serve in {folder}.")


def write_new(texts: dict[Path, str]) -> None:
    """Write files that only their owner can read, all of them or none.

    Args:
        texts: The text of each file.

    Raises:
        QuartappError: One of the files is there already, or cannot be written.
    """
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            written.append(path)
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                stream.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError) and error.filename:
            raise QuartappError(f"{error.filename} is there already, and stays as it is") from error
        raise QuartappError(f"the settings cannot be written: {error}") from error
