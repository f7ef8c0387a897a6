"""The error of a mail that was not sent."""

from __future__ import annotations

from quartapp import printable

LONGEST_REASON = 300


class NotSentError(Exception):
    """The mail server did not take a mail; the text gives the reason.

    Args:
        reason: Why the mail was not taken.
        for_good: Whether the same mail will never be taken.
    """

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(printable(reason)[:LONGEST_REASON])
        self.for_good = for_good
