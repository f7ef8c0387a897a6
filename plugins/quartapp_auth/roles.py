"""The roles that the bundled plugins know by name."""

from __future__ import annotations

from enum import StrEnum


class BaseRole(StrEnum):
    """The roles of quartapp itself; plugins may add others."""

    TEACHER = "teacher"
    STUDENT = "student"
    ADMIN = "admin"
