"""Frames of one socket whose handlers overlap: their order, and the part that keeps to it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

from quartapp.ending import end_tasks
from quartapp.realtime.handling import untimed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from quartapp.realtime.channel import Channel

_turn: ContextVar[Turn | None] = ContextVar("quartapp_turn", default=None)


def in_order(about: object) -> AbstractAsyncContextManager[None]:
    """Run a block of an overlapping handler in the order of the frames of its socket.

    One frame at a time runs such a block. After the block, the socket's next frame of the same
    event begins, while this one goes on: the block puts something into a queue, for example, and
    the rest of the handler waits until it is stored. In the handler of an event that does not
    overlap, and outside of handlers, the block is an ordinary one.

    Args:
        about: The thing whose changes have to be in order. While earlier frames that are about
            another thing are under way, the block waits for their end.

    Returns:
        The context of the block, for ``async with``.

    Example:
        >>> async def handle(connection, data):
        ...     async with in_order(data.room_id):
        ...         stored = await queue.put(data)
        ...     await stored
    """
    turn = _turn.get()
    return nullcontext() if turn is None or turn.is_free else _Block(turn, about)


class _Block:
    """The ordered block of a frame; no generator, as every overlapping frame enters one."""

    __slots__ = ("_about", "_turn")

    def __init__(self, turn: Turn, about: object) -> None:
        self._turn = turn
        self._about = about

    async def __aenter__(self) -> None:
        await self._turn.enter(self._about)

    async def __aexit__(self, *_: object) -> None:
        self._turn.leave()


async def earlier_frames() -> None:
    """Wait until the earlier frames of the socket are answered; the later ones may go on.

    The handler of an overlapping event calls this before it answers, so that answers leave in the
    order of the frames. A refused frame is answered in order without it.
    """
    turn = _turn.get()
    if turn is not None and not turn.is_free:
        await turn.all_earlier()


class Turns:
    """The overlapping frames of one socket that are under way, in order.

    Args:
        channel: The channel of the socket, which takes no further frame from the client while too
            many are under way.
    """

    __slots__ = ("_changes", "_channel", "_kind", "_under_way", "inside")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._kind: object = None
        self._under_way: list[Turn] = []
        self._changes: list[asyncio.Future[None]] = []
        self.inside: Turn | None = None

    def __bool__(self) -> bool:
        return bool(self._under_way)

    async def run(self, kind: object, handling: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run a handler, and return as soon as the next frame may begin.

        Args:
            kind: The event of the frame, which overlaps with the same event alone; None for a
                frame that only has to be answered in order.
            handling: Function that returns the coroutine of the handler, which raises nothing.
        """
        if kind is not None and kind is not self._kind:
            await self.end()
            self._kind = kind
        turn = Turn(self)
        self._under_way.append(turn)
        self._channel.under_way += 1
        turn.task = asyncio.create_task(self._run(turn, handling))
        await self.until(lambda: turn.lets_next)

    async def end(self) -> None:
        """Wait for the end of all frames that are under way."""
        await self.until(lambda: not self._under_way)

    async def cancel(self) -> None:
        """Cancel all frames that are under way."""
        await end_tasks([turn.task for turn in self._under_way if turn.task is not None])

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, which can change with each step of a frame."""
        while not condition():
            change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._changes.append(change)
            await change

    def changed(self) -> None:
        """Let everybody who waits look at their condition again."""
        for change in self._changes:
            if not change.done():
                change.set_result(None)
        self._changes.clear()

    def before(self, turn: Turn) -> list[Turn]:
        """Return the frames before a frame that are under way."""
        return self._under_way[: self._under_way.index(turn)]

    async def _run(self, turn: Turn, handling: Callable[[], Coroutine[None, None, None]]) -> None:
        _turn.set(turn)
        try:
            await handling()
        finally:
            self._under_way.remove(turn)
            self._channel.is_through()
            turn.lets_next = turn.is_over = True
            self.changed()


class Turn:
    """The place of a frame among the frames of its socket that are under way.

    Args:
        turns: The frames of the socket.

    Attributes:
        about: What the frame's ordered block was about; None before the block.
        lets_next: Whether the next frame may begin.
        is_over: Whether the handler has ended; what it has begun may go on.
        task: The task that runs the handler.
    """

    __slots__ = ("_turns", "about", "is_over", "lets_next", "task")

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.about: object = None
        self.lets_next = False
        self.is_over = False
        self.task: asyncio.Task[None] | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing has to be waited for: the frame is in its ordered block, or is over."""
        return self._turns.inside is self or self.is_over

    async def enter(self, about: object) -> None:
        """Begin the ordered block.

        Args:
            about: What the block is about.
        """
        if not self._may_enter(about):
            with untimed():
                await self._turns.until(lambda: self._may_enter(about))
        self.about = about
        self._turns.inside = self

    def leave(self) -> None:
        """End the ordered block."""
        self._turns.inside = None
        self.lets_next = True
        self._turns.changed()

    async def all_earlier(self) -> None:
        """Let the next frame begin, and wait until the earlier frames are over."""
        self.lets_next = True
        self._turns.changed()
        if self._turns.before(self):
            with untimed():
                await self._turns.until(lambda: not self._turns.before(self))

    def _may_enter(self, about: object) -> bool:
        return self._turns.inside is None and all(
            earlier.about in (None, about) for earlier in self._turns.before(self)
        )
