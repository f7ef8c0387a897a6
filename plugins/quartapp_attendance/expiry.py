"""The end of sessions that nobody ends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from quartapp_attendance.live.states import SessionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime

    from bson import ObjectId

    from quartapp import Clock
    from quartapp_attendance.closing import Closing
    from quartapp_attendance.live.session import ActiveSession


# A start on the next day goes on with a session that is younger, so an evening class over midnight
# stays in one session.
NEXT_DAY_AFTER = timedelta(hours=6)


class Expiry:
    """The decision which sessions have expired, and their end.

    Every process looks at the sessions that it knows, and whoever is about to act on a session
    looks too; the database lets one of them end it.

    Args:
        hours: Time that a session lasts at most, in hours.
        clock: Clock that decides which sessions have expired.
        local_day: Function that returns the local date of a moment.
        closing: The steps that end sessions.
    """

    def __init__(
        self, hours: float, clock: Clock, local_day: Callable[[datetime], date], closing: Closing
    ) -> None:
        self._longest = timedelta(hours=hours)
        self._clock = clock
        self._local_day = local_day
        self._closing = closing

    @property
    def last_start(self) -> datetime:
        """The time, in UTC; sessions that began then or before have expired."""
        return self._clock.now() - self._longest

    def before_start(self, started_at: datetime) -> bool:
        """Tell whether a start, at this moment, ends a session as expired.

        Args:
            started_at: Start of the session, in UTC.
        """
        now = self._clock.now()
        if now - started_at >= self._longest:
            return True
        # A day has 23 to 25 hours, so the dates are compared.
        other_day = self._local_day(started_at) != self._local_day(now)
        return other_day and now - started_at >= NEXT_DAY_AFTER

    async def end(self, session_id: ObjectId) -> None:
        """End a session as expired; do nothing when the session is not live.

        Args:
            session_id: ``_id`` of the session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        await self._closing.without_done(session_id, SessionState.EXPIRED)

    async def end_those_of(self, sessions: Iterable[ActiveSession]) -> None:
        """End the sessions that have expired.

        Args:
            sessions: The sessions that this process knows.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        for session in sessions:
            if session.state == SessionState.ACTIVE and session.started_at <= self.last_start:
                await self.end(session.id)
