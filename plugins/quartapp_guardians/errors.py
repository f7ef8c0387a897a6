"""The errors of guardians."""

from __future__ import annotations

from quartapp import DomainError


class GuardianNotFoundError(DomainError):
    """The student has no such guardian."""


class TooManyGuardiansError(DomainError):
    """The student has as many guardians as a student may have."""


class SameAddressError(DomainError):
    """Another guardian of the student has the address."""
