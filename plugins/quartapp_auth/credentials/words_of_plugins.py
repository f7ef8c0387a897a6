"""The words that other plugins know to be bad passwords of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import HookFailedError

if TYPE_CHECKING:
    from quartapp import Account, Plugins

KINDS = (list, tuple, set, frozenset)


async def words_of_plugins(plugins: Plugins, account: Account) -> list[str]:
    """Return the texts that plugins return from ``password_words``.

    Args:
        plugins: Plugins of the app.
        account: The person's account.

    Raises:
        HookFailedError: A plugin raised, hung, or returned a wrong type.
    """
    words: list[str] = []
    for owner, brought in await plugins.dispatcher.collect("password_words", user=account):
        if not isinstance(brought, KINDS) or not all(isinstance(word, str) for word in brought):
            raise HookFailedError(f"plugin {owner}: password_words must return a list of texts")
        words += brought
    return words
