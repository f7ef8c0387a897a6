"""What can go wrong with classes and rolls."""

from __future__ import annotations

from quartapp import DomainError


class ClassNotFoundError(DomainError):
    """No such class, or a path id that is no id."""


class ClassExistsError(DomainError):
    """The teacher has a class of that name."""


class NotOwnerError(DomainError):
    """The class is another teacher's."""


class NotEnrolledError(DomainError):
    """The student is not on the roll."""


class StudentNotFoundError(DomainError):
    """No such user, not a student, or (to remove) not on the roll."""


class AlreadyEnrolledError(DomainError):
    """The student is on the roll already."""


class ClassInUseError(DomainError):
    """Something hangs on the class, so it cannot be deleted; the message says what."""


class ClassNameError(DomainError):
    """A plugin gives a class a name that no route would take."""
