"""The errors of calendars."""

from __future__ import annotations

from quartapp import DomainError


class TermNotFoundError(DomainError):
    """The term does not exist."""


class TermOverlapsError(DomainError):
    """The term has a day in common with another term."""


class TermInUseError(DomainError):
    """Classes meet in the term."""


class HolidayNotFoundError(DomainError):
    """The holiday does not exist."""


class ImportNotFoundError(DomainError):
    """No holidays were imported from this source."""


class MeetingNotFoundError(DomainError):
    """The class has no such meeting."""


class TooManyError(DomainError):
    """There are so many terms, holidays or meetings that a further one would be a mistake."""


class NotInstalledError(DomainError):
    """The server lacks the libraries that read iCalendar files."""


class UnreadableCalendarError(DomainError):
    """The iCalendar file cannot be used, for one of the reasons in ``ical.REASONS``.

    Args:
        reason: The reason.
        about: What is wrong, for the person who has the file; empty for nothing more.
    """

    def __init__(self, reason: str, about: str = "") -> None:
        super().__init__(reason)
        self.about = about
