"""How often, and after which pauses, a mail is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import NotDeliveredError, Pauses

if TYPE_CHECKING:
    from collections.abc import Mapping

# The last try comes two to four hours after the first: later, nobody waits for the mail.
PAUSES = Pauses(first=5, longest=1800)
TRIES = 16


def not_delivered(
    reason: str, attempts: int, about: Mapping[str, str], *, for_good: bool = False
) -> NotDeliveredError:
    """Return the error by which the outbox tries a mail again, or gives it up.

    Args:
        reason: Why the mail was not sent.
        attempts: Number of attempts that had failed before this one.
        about: What the mail is about: ids, and never names or addresses.
        for_good: Whether the same mail will never be taken.
    """
    given_up = for_good or attempts + 1 >= TRIES
    return NotDeliveredError(
        reason, again_in=None if given_up else PAUSES.after(attempts + 1), about=dict(about)
    )
