"""The decisions that hooks return."""

from __future__ import annotations

from dataclasses import dataclass

from quartapp.kinds import TEXT, check_all


@dataclass(frozen=True, slots=True)
class Deny:
    """A refusal.

    Attributes:
        reason: The message for the person who asked; one of the plugin's ``messages``.
    """

    reason: str

    def __post_init__(self) -> None:
        """Refuse a reason of another type.

        Raises:
            TypeError: The reason is no text.
        """
        check_all(self, reason=TEXT)


@dataclass(frozen=True, slots=True)
class Allow:
    """An opinion in favour, which overrules no refusal."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission for one resource that the role alone does not give."""


Decision = Deny | Allow
