"""Mistakes of the operator, as the command line shows them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from quartapp.encoding import printable
from quartapp.errors import EXIT_MISTAKE, QuartappError

if TYPE_CHECKING:
    from collections.abc import Iterator


class MistakeError(click.ClickException):
    """A mistake in settings, plugins or environment, shown as one message.

    Args:
        message: The message.
        exit_status: Exit status of the command.
    """

    def __init__(self, message: str, exit_status: int = EXIT_MISTAKE) -> None:
        super().__init__(message)
        self.exit_code = exit_status  # type: ignore[misc] # click reads it from the instance

    def format_message(self) -> str:
        """Return the message, which may quote a file or a server, as a terminal shows it."""
        return "\n".join(map(printable, self.message.split("\n")))


@contextmanager
def mistakes_explained() -> Iterator[None]:
    """Show a mistake as one sentence, without a traceback."""
    try:
        yield
    except QuartappError as error:
        raise MistakeError(str(error), error.exit_status) from error
