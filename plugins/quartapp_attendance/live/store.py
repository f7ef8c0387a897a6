"""The collection of sessions, and the order in which one process writes to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.live.roll_seen import ROLL_SEEN, Basis
from quartapp_classes import ClassNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Database, Document
    from quartapp_attendance.live.change import Echo
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_classes import Rolls


class SessionStore:
    """The stored sessions, as their writers need them.

    Args:
        database: The database that has the sessions.
        rolls: Rolls of the classes.
        echo: Display of acknowledged changes, for a MongoDB without change streams.
    """

    def __init__(
        self,
        database: Database,
        rolls: Rolls,
        echo: Echo,
    ) -> None:
        self._database = database
        self._rolls = rolls
        self._shows = echo
        # Without a stream, acknowledgements decide the order that is shown, so writes are made one
        # at a time.
        self._one_at_a_time = asyncio.Lock()

    @property
    def echo(self) -> Echo | None:
        """The echo, on a standalone MongoDB; None where a change stream shows the writes."""
        return None if self._database.change_streams else self._shows

    @property
    def sessions(self) -> AsyncCollection[Document]:
        """The collection of sessions."""
        return self._database.documents["sessions"]

    def operation(self) -> AbstractAsyncContextManager[None]:
        """Return the context of a read, which has a time limit."""
        return self._database.operation()

    def writing(self) -> AbstractAsyncContextManager[None]:
        """Return the context of a write, and of showing it where no change stream does."""
        return self._database.operation() if self.echo is None else self._in_turn()

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        async with self._one_at_a_time, self._database.operation():
            yield

    async def basis(self, session: ActiveSession, *, fresh: bool = False) -> Basis:
        """Return the roll of a session's class, for a write that relies on it.

        Args:
            session: The session.
            fresh: Whether to read the roll; otherwise a copy is enough, if there is one.

        Raises:
            NoActiveSessionError: The class was deleted.
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin failed in the hook ``roster``.
        """
        is_guarded = self._rolls.are_ours and self._database.change_streams
        copy = self._rolls.known(session.class_id) if is_guarded and not fresh else None
        if copy is not None and copy.class_version == session.roll_seen:
            return Basis.copied(copy)
        before: Document | None = None
        if is_guarded:
            before = await self._database.one("sessions", {"_id": session.id}, {ROLL_SEEN: 1})
        try:
            roll = await self._rolls.now(session.class_id)
        except ClassNotFoundError as error:
            raise NoActiveSessionError from error
        if not is_guarded:
            return Basis(roll)
        return Basis.read((before or {}).get(ROLL_SEEN), roll)
