"""The errors of classes and rolls."""

from __future__ import annotations

from quartapp import DomainError


class ClassNotFoundError(DomainError):
    """The class does not exist, or the id in the path is no valid id."""


class ClassExistsError(DomainError):
    """The teacher already has a class with this name."""


class NotOwnerError(DomainError):
    """The user has not the permission for this class, which other teachers have."""


class NotEnrolledError(DomainError):
    """The student is not on the roll."""


class StudentNotFoundError(DomainError):
    """The user does not exist, is not a student, or (to be removed) is not on the roll."""


class AlreadyEnrolledError(DomainError):
    """The student is already on the roll."""


class TeacherNotFoundError(DomainError):
    """The user does not exist, is no teacher, or (to be removed) is no co-teacher of the class."""


class PrimaryTeacherError(DomainError):
    """The user is the primary teacher, whom a class cannot lack."""


class UntilPassedError(DomainError):
    """The last day of a substitute lies in the past."""


class ClassInUseError(DomainError):
    """The class cannot be deleted because other data depends on it; the message names the data."""


class ClassNameError(DomainError):
    """A plugin gave a class a name that the routes would refuse."""
