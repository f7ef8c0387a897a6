"""The roles that the bundled plugins know by name."""

from __future__ import annotations

from enum import StrEnum


class BaseRole(StrEnum):
    """Roles that come with quartapp; plugins may bring others."""

    TEACHER = "teacher"
    STUDENT = "student"
    ADMIN = "admin"
