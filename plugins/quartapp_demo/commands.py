"""The click command. Any help text imports this module, so only a run imports the story."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, TextIO

import click

from quartapp import QuartappError

if TYPE_CHECKING:
    from quartapp_demo.screen import Screen

EXIT_INTERRUPTED = 130  # what shells report for ctrl-C: 128 + SIGINT
ENDING = [signal.SIGINT, signal.SIGTERM]
if sys.platform != "win32":
    ENDING.append(signal.SIGHUP)  # the terminal was closed


@click.command("demo")
@click.option("--fast", is_flag=True, help="Do not wait for the reader.")
@click.option("--keep", is_flag=True, help="Leave the server up, and say how to go on with it.")
def demo(fast: bool, keep: bool) -> None:
    """Watch a live roll call, from start to end.

    The demo has its own server and database, a teacher and 30 students, and removes all of them.
    """
    sys.exit(asyncio.run(_until_ended(fast=fast, keep=keep)))


async def _until_ended(*, fast: bool, keep: bool) -> int:
    """Run the story until its end or the first signal.

    Later signals are ignored: after the first one, the demo stops the server and removes its data.
    The cleanup takes a few seconds and must not be interrupted.

    Returns:
        The exit status.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, ended.set)

    try:
        from quartapp_demo.story import Story

        screen = screen_for(sys.stdout)
    except ModuleNotFoundError as error:
        raise QuartappError(
            f"quartapp demo needs {error.name}; install with: pip install 'quartapp[embedded]'"
        ) from error
    story = Story(screen, waits=not fast, keeps=keep)
    telling = asyncio.create_task(story.tell())
    ending = asyncio.create_task(ended.wait())
    await asyncio.wait({telling, ending}, return_when=asyncio.FIRST_COMPLETED)
    if telling.done():
        ending.cancel()
        await telling
        return 0
    telling.cancel()
    with screen.working("Stopping the server"):
        await asyncio.wait({telling})
    if not telling.cancelled():
        await telling
    screen.line("Stopped. The server is gone, and its data with it.")
    return 0 if story.finished else EXIT_INTERRUPTED


def screen_for(output: TextIO) -> Screen:
    """Return a live screen for a terminal that can move its cursor, else a plain one.

    Args:
        output: Stream that the screen writes to.
    """
    if output.isatty() and os.environ.get("TERM") != "dumb":
        from quartapp_demo.terminal import TerminalScreen

        return TerminalScreen(output)
    if isinstance(output, io.TextIOWrapper):
        # An output in another encoding gets question marks; without this line, the demo would fail
        # with a UnicodeEncodeError.
        output.reconfigure(errors="replace")
    from quartapp_demo.plain import PlainScreen

    return PlainScreen()
