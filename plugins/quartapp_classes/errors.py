"""The errors of classes and rolls."""

from __future__ import annotations

from quartapp import DomainError


class ClassNotFoundError(DomainError):
    """The class does not exist, or the id in the path is no valid id."""


class ClassExistsError(DomainError):
    """The teacher already has a class with this name."""


class NotOwnerError(DomainError):
    """The class belongs to another teacher."""


class NotEnrolledError(DomainError):
    """The student is not on the roll."""


class StudentNotFoundError(DomainError):
    """The user does not exist, is not a student, or (to be removed) is not on the roll."""


class AlreadyEnrolledError(DomainError):
    """The student is already on the roll."""


class ClassInUseError(DomainError):
    """The class cannot be deleted because other data depends on it; the message names the data."""


class ClassNameError(DomainError):
    """A plugin gave a class a name that the routes would refuse."""
