"""How often, and after which pauses, a mail is tried."""

from __future__ import annotations

from quartapp import Pauses

# The last try comes two to four hours after the first: later, nobody waits for the mail.
PAUSES = Pauses(first=5, longest=1800)
TRIES = 16
