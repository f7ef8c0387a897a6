"""How the command line tells of a mistake."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from quartapp.errors import EXIT_MISTAKE, QuartappError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
