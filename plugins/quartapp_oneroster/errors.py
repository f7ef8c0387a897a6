from __future__ import annotations

from quartapp import QuartappError


class RosterError(QuartappError):
    """The reason, in one sentence, why a set cannot be imported at all."""


class RejectedError(Exception):
    """The reason why one row cannot be imported while the others can."""
