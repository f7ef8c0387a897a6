"""What a plugin that is asked may decide."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deny:
    """A refusal.

    Attributes:
        reason: What the person who asked is told; one of the plugin's ``messages``.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Allow:
    """An opinion in favour; it overrules no refusal."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do something with one thing, which the role alone does not give."""


Decision = Deny | Allow
