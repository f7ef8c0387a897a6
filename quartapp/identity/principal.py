"""Who is asking: principals, tokens and what a route asks of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Principal:
    """The person (or system) behind a request or a socket.

    Attributes:
        id: The user's ``_id``, 24 hex digits.
        role: One word; which there are is the plugins' to say.
        expires_at: When the credentials end, in seconds since the epoch.
        claims: Every claim of the token.
    """

    id: str
    role: str
    expires_at: float = float("inf")
    claims: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account, as plugins see it.

    Attributes:
        id: The user's ``_id``.
        email: Lower-cased address.
        name: As the API answers it.
        role: The user's role.
    """

    id: str
    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A person whom another system has verified.

    Attributes:
        email: The address that the person's account here has, or will have.
        name: For a new account.
        role: For a new account.
    """

    email: str
    name: str
    role: str


class CredentialsRefusedError(Exception):
    """Credentials that a plugin recognised, and that are bad."""
