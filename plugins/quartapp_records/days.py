"""Until when records are changed, and by whom."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from quartapp_records.errors import (
    EarlyDateError,
    EditWindowOverError,
    FromAfterToError,
    FutureDateError,
    LongRangeError,
    ReasonNeededError,
    RecordsLockedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from quartapp import Document, Settings
    from quartapp_records.lock import Lock

# Numbers of sessions are microseconds since 1970.
FIRST_DAY = date(1970, 1, 2)
# Two years, one of them a leap year, and both ends.
LONGEST_RANGE_DAYS = 732


class Days:
    """The rules about days.

    Args:
        edit_days: Days during which teachers change records.
        settings: Settings of the app, with the time zone.
        local_day: Function that returns the local date of a moment; without one, of the present.
        lock: The lock.
    """

    def __init__(
        self,
        edit_days: int,
        settings: Settings,
        local_day: Callable[..., date],
        lock: Lock,
    ) -> None:
        self._edit_days = edit_days
        self._settings = settings
        self._local_day = local_day
        self._lock = lock

    def today(self) -> date:
        """Return the present local date."""
        return self._local_day()

    def of(self, session: Document) -> str:
        """Return the local date of a session.

        Args:
            session: The session as stored.
        """
        # A server of an earlier version, which runs beside this one, stores none.
        return str(session.get("date") or self._local_day(session["startedAt"]).isoformat())

    async def check(self, day: str, *, office: bool) -> None:
        """Refuse a change of records that comes too late.

        Args:
            day: Local date of the session.
            office: Whether the office makes the change.

        Raises:
            RecordsLockedError: The day is locked.
            EditWindowOverError: The office alone may still make the change.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        through = await self._lock.through()
        if through is not None and day <= through:
            raise RecordsLockedError
        if not office and (self.today() - date.fromisoformat(day)).days > self._edit_days:
            raise EditWindowOverError

    async def first_open(self, *, office: bool) -> date:
        """Return the first day of which records may still be changed.

        Args:
            office: Whether the office makes the change.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        through = await self._lock.through()
        first = FIRST_DAY
        if through is not None and through >= first.isoformat():
            first = date.fromisoformat(through) + timedelta(days=1)
        if office:
            return first
        # A teacher of a server that asks for no window may go back as far as a date does.
        window = min(self._edit_days, (self.today() - FIRST_DAY).days)
        return max(first, self.today() - timedelta(days=window))

    def check_reason(self, day: str, reason: str | None) -> None:
        """Refuse a change without a reason, once the day of the session is over.

        Args:
            day: Local date of the session.
            reason: Reason of the change; None without one.

        Raises:
            ReasonNeededError: The change has no reason.
        """
        if reason is None and day != self.today().isoformat():
            raise ReasonNeededError

    def check_date(self, day: date) -> None:
        """Refuse a date that a session cannot have had.

        Args:
            day: The local date.

        Raises:
            FutureDateError: The date lies in the future.
            EarlyDateError: The date lies before 1970.
        """
        if day > self.today():
            raise FutureDateError
        if day < FIRST_DAY:
            raise EarlyDateError

    def moment_of(self, day: date, now: datetime) -> datetime:
        """Return the moment that stands for a date: now for today, and noon for an earlier day.

        Args:
            day: The local date.
            now: The present.
        """
        if day == self._local_day(now):
            return now
        noon = datetime.combine(day, time(12))
        zone = self._settings.timezone
        return (noon if zone is None else noon.replace(tzinfo=zone)).astimezone(now.tzinfo)


def limited_range(first: date, last: date) -> tuple[str, str]:
    """Return the ends of a range of two years at most, as texts.

    Args:
        first: First day.
        last: Last day.

    Raises:
        FromAfterToError: The first day lies behind the last.
        LongRangeError: The range is longer.
    """
    if first > last:
        raise FromAfterToError
    if (last - first).days >= LONGEST_RANGE_DAYS:
        raise LongRangeError
    return first.isoformat(), last.isoformat()


def checked_range(first: date | None, last: date | None) -> tuple[str | None, str | None]:
    """Return the ends of a range of days as texts.

    Args:
        first: First day; None for no limit.
        last: Last day; None for no limit.

    Raises:
        FromAfterToError: The first day lies behind the last.
    """
    if first is not None and last is not None and first > last:
        raise FromAfterToError
    return (
        None if first is None else first.isoformat(),
        None if last is None else last.isoformat(),
    )
