"""Accounts as the rest of the program sees them, wherever they are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from quartapp import name_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bson import ObjectId

LONGEST_USERNAME = 100


def username_key(username: str | None) -> str | None:
    """Return the key by which a username is unique; None for text that is no username here.

    A username has 1 to 100 characters and no ``@``, so it is never mistaken for an address.

    Args:
        username: Username, as it was typed or as another system has it.
    """
    text = (username or "").strip()
    key = name_key(text)
    return key if 1 <= len(text) <= LONGEST_USERNAME and "@" not in key else None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account.

    Attributes:
        id: The user's ``_id``.
        name: Lower-cased, as the API has always answered the name.
        display_name: The name as it was typed.
        email: Lower-cased address; None for an account that signs in with its username.
        role: The user's role.
        created_at: When the account was made.
        updated_at: When the account was changed last.
        password: Hash of the local password; None where there is none.
        disabled: Whether signing in is refused. Records stay.
        ver: Number that tokens repeat; tokens with another number are worthless.
        issuer: The system that the account belongs to; None for one that was made here.
        subject: The person's identifier in that system.
        username: The name that the person signs in with, here instead of an address, or in that
            system. A name with an ``@`` does not count here.
        groups: Names of groups there.
        sourced_id: The person's identifier in the system that the account was imported from.
        contact_email: Address for mail that another account signs in with, such as a parent's that
            siblings share; None where ``email`` is the person's own.
        vouched: Whether somebody else than the person says that address and account belong
            together: an administrator who made the account or invited that address, or the
            account's issuer. Imports link vouched accounts alone.
    """

    id: ObjectId
    name: str
    display_name: str
    email: str | None = None
    role: str
    created_at: datetime
    updated_at: datetime
    password: str | None = field(default=None, repr=False)
    disabled: bool = False
    ver: int = 0
    issuer: str | None = None
    subject: str | None = None
    username: str | None = None
    groups: tuple[str, ...] = ()
    sourced_id: str | None = None
    contact_email: str | None = None
    vouched: bool = False

    @property
    def username_key(self) -> str | None:
        """Key of the username, by which an account is found and unique; None without one."""
        return username_key(self.username)


class UserChanges(TypedDict, total=False):
    """Fields of a :class:`User` to change; None takes a field away."""

    name: str
    display_name: str
    email: str
    role: str
    password: str | None
    disabled: bool
    issuer: str
    subject: str
    username: str | None
    groups: tuple[str, ...]
    vouched: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """What people on a roll see of each other.

    Attributes:
        id: The user's ``_id``.
        name: Lower-cased.
        display_name: As typed.
        email: Address; None for an account without one.
    """

    id: ObjectId
    name: str
    display_name: str
    email: str | None


def token_name(claims: Mapping[str, Any]) -> str:
    """Return the name of a token among those of its account.

    Tokens of earlier versions have no ``jti``; those of one second have one name.

    Args:
        claims: The claims of the token.
    """
    return str(claims.get("jti") or f"{claims.get('iat')}-{claims.get('exp')}")


@dataclass(frozen=True, slots=True)
class AccountState:
    """What decides whether a token of an account still counts.

    Attributes:
        ver: The account's number; a token's has to be the same.
        disabled: Whether the account may not be used.
        ended: Names of tokens with that number that have ended.
    """

    ver: int = 0
    disabled: bool = False
    ended: frozenset[str] = frozenset()
