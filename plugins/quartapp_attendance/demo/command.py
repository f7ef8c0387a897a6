"""The click command. It is read whenever help is shown, so it imports the story when it is told."""

from __future__ import annotations

import asyncio
import signal
import sys

import click

EXIT_INTERRUPTED = 130  # what shells report for ctrl-C: 128 + SIGINT


@click.command("demo")
@click.option("--fast", is_flag=True, help="Do not wait for the reader.")
@click.option("--keep", is_flag=True, help="Leave the server up, and say how to go on with it.")
def demo(fast: bool, keep: bool) -> None:
    """Watch a roll call: a server, a database, a teacher and 30 students."""
    status = asyncio.run(_until_interrupted(fast=fast, keep=keep))
    sys.exit(status)


async def _until_interrupted(*, fast: bool, keep: bool) -> int:
    """Tell the story; SIGINT, SIGTERM or a closed terminal ends it in good order.

    Only the first signal counts: what follows it is clearing up, which takes no more than seconds
    and must not be left half done.
    """
    from quartapp_attendance.demo.screen import screen_for
    from quartapp_attendance.demo.story import Story

    screen = screen_for(sys.stdout)
    story = Story(screen, waits=not fast, keeps=keep)
    telling = asyncio.create_task(story.tell())
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        if len(received) == 1:
            telling.cancel()

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        await telling
    except asyncio.CancelledError:
        if not received:
            raise
        screen.line("Stopped. The server is gone, and its data with it.")
        return 0 if story.told else EXIT_INTERRUPTED
    return 0
