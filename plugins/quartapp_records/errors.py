"""The errors of records and their corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import DomainError

if TYPE_CHECKING:
    from quartapp import Document


class SessionNotFoundError(DomainError):
    """The session does not exist, its class was deleted, or it does not concern the caller."""


class SessionLiveError(DomainError):
    """The session has not ended, so there are no records of it yet."""


class RecordChangedError(DomainError):
    """The record is no longer in the version that the caller expected.

    Args:
        current: The record as it is now; None where there is none.
    """

    def __init__(self, current: Document | None) -> None:
        super().__init__("record has changed")
        self.current = current
        self.details = {"current": current}


class NotOnSessionRollError(DomainError):
    """The student has no record of the session, and was not on the roll when it ended."""


class ReasonNeededError(DomainError):
    """The day of the session is over, so that a change of its records needs a reason."""


class EditWindowOverError(DomainError):
    """The session lies too many days back for a teacher to change its records."""


class RecordsLockedError(DomainError):
    """The records of the session's day are locked, for everybody."""


class SetByOfficeError(DomainError):
    """The office has set the record, and the caller is a teacher."""


class StatusNotAllowedError(DomainError):
    """The caller may not set the status."""


class NothingToFinishError(DomainError):
    """The session is closed or cancelled, so that nobody is left unmarked."""


class RollUnknownError(DomainError):
    """The session was ended by an earlier version, which did not keep its roll."""


class FutureDateError(DomainError):
    """The date lies in the future."""


class EarlyDateError(DomainError):
    """The date lies before the first day that a session can have."""


class FromAfterToError(DomainError):
    """The first day of a range lies behind its last."""


class LongRangeError(DomainError):
    """A range of days is longer than a register shows."""
