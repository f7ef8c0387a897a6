"""What a plugin that is asked may decide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Deny:
    """A refusal.

    Attributes:
        reason: What the person who asked is told.
    """

    reason: str


class _Allow(Enum):
    ALLOW = "allow"


ALLOW = _Allow.ALLOW
"""An opinion in favour; it overrules no refusal."""
Decision = Deny | Literal[_Allow.ALLOW]
