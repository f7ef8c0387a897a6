"""What plugins refuse with: declared, as clients match on messages, or found at the first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from quartapp.errors import HookFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp.plugin import LoadedPlugin

log = structlog.get_logger("quartapp.plugins")

# A message with a time in it, say, is another one each time.
MOST_UNDECLARED = 1000


class Messages:
    """The messages that plugins refuse with, in decisions of theirs and in errors.

    Args:
        loaded: The plugins, with the ``messages`` that they declare.
        strict: Whether an undeclared message is a failure, as in tests; else it is logged once.
    """

    def __init__(self, loaded: Iterable[LoadedPlugin], *, strict: bool) -> None:
        self._declared = frozenset(message for one in loaded for message in one.messages)
        self._strict = strict
        # By whom, and whether it was logged.
        self._undeclared: dict[str, tuple[object, bool]] = {}

    def __contains__(self, message: str) -> bool:
        """Whether a plugin has declared ``message``, or has refused with it."""
        return message in self._declared or message in self._undeclared

    def refused(self, message: str, owner: object) -> None:
        """Remember that ``owner`` has refused with ``message``, which is told to somebody later."""
        if message not in self:
            if len(self._undeclared) >= MOST_UNDECLARED:
                del self._undeclared[next(iter(self._undeclared))]
            self._undeclared[message] = (owner, False)

    def tell(self, message: str, owner: object) -> None:
        """A client is about to be told ``message``.

        Args:
            message: What a plugin has refused with.
            owner: Whose event or operation is refused, where it is not known who refused.

        Raises:
            HookFailedError: Nobody declares it, and this is a test.
        """
        if message in self._declared:
            return
        self.refused(message, owner)
        owner, logged = self._undeclared[message]
        said = (
            f"plugin {owner}: {message!r} is told to clients, and is none of its `messages`; "
            "declare it there, as clients match on messages"
        )
        if self._strict:
            raise HookFailedError(said)
        if not logged:
            self._undeclared[message] = (owner, True)
            log.warning("undeclared message", reason=said)
