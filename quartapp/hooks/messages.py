"""The register of messages with which plugins refuse; clients match on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from quartapp.errors import HookFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp.plugin import LoadedPlugin

log = structlog.get_logger("quartapp.plugins")

# Without a limit, a message with a time in it would fill the memory.
MOST_UNDECLARED = 1000


class Messages:
    """The messages with which plugins refuse, in decisions and in errors.

    Args:
        loaded: The plugins, with their declared ``messages``.
        strict: Whether an undeclared message is a failure, as in tests; otherwise it is logged
            once.
    """

    def __init__(self, loaded: Iterable[LoadedPlugin], *, strict: bool) -> None:
        self._declared = frozenset(message for one in loaded for message in one.messages)
        self._strict = strict
        # The plugin of each message, and whether the message was logged.
        self._undeclared: dict[str, tuple[object, bool]] = {}

    def __contains__(self, message: str) -> bool:
        """Tell whether a plugin has declared ``message``, or has refused with ``message``."""
        return message in self._declared or message in self._undeclared

    def refused(self, message: str, owner: object) -> None:
        """Remember a refusal, which a client gets later.

        Args:
            message: Message of the refusal.
            owner: The plugin that refused.
        """
        if message not in self:
            if len(self._undeclared) >= MOST_UNDECLARED:
                del self._undeclared[next(iter(self._undeclared))]
            self._undeclared[message] = (owner, False)

    def tell(self, message: str, owner: object) -> None:
        """Check a message that a client is about to get.

        Args:
            message: Message of a plugin's refusal.
            owner: Owner of the refused event or operation, if no plugin is known to have refused.

        Raises:
            HookFailedError: No plugin declares the message, and messages are strict.
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
