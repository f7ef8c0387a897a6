"""The errors of excuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import DomainError

if TYPE_CHECKING:
    from quartapp import Document


class ExcuseNotFoundError(DomainError):
    """The excuse does not exist, or does not concern the caller."""


class NoFileError(DomainError):
    """The excuse has no file."""


class ExcuseDecidedError(DomainError):
    """Somebody has accepted or refused the excuse.

    Args:
        current: The excuse as it is now.
    """

    def __init__(self, current: Document) -> None:
        super().__init__("excuse is decided")
        self.current = current
        self.details = {"current": current}


class NotAuthorError(DomainError):
    """The caller did not hand the excuse in."""


class TooManyExcusesError(DomainError):
    """The student has so many open excuses that a further one would be a mistake."""


class FromAfterToError(DomainError):
    """The first day of an excuse lies behind its last."""


class TooLongError(DomainError):
    """An excuse lasts longer than an excuse can."""


class FileTooLargeError(DomainError):
    """The file has more than ``MOST_BYTES`` bytes."""


class FileUnreadableError(DomainError):
    """The file is no PDF, PNG or JPEG, by its content, or is no base64."""


class TypeMismatchError(DomainError):
    """The file is of another type than its sender says."""
