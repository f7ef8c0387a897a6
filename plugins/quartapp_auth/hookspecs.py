"""The hook of the auth plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from collections.abc import Collection

    from quartapp import Account


@hookspec
def password_words(user: Account) -> Collection[str] | None:
    """Return texts that are too easily guessed as the password of a person. Collected.

    Called before an account that exists gets another password, unless registration is open. A
    password that is one of the texts, or a word of one, is refused; case, and digits and signs
    around the word, make no difference. Words of less than three characters do not count.

    The classes plugin returns the names of the person's classes. If a plugin that has the attribute
    ``provides = "auth"`` may take the place of the auth plugin, mark the implementation with
    ``@hookimpl(optionalhook=True)``: nobody calls the hook there.

    Example:
        >>> @hookimpl
        ... async def password_words(self, user):
        ...     return [await self.houses.name_of(user.id)]
    """
