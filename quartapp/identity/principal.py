"""Principals, accounts, and the identities that other systems verify."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quartapp.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Principal:
    """The person (or system) behind a request or a socket.

    Attributes:
        id: The user's ``_id``, 24 hex digits.
        role: Name of the role; plugins define the roles.
        expires_at: End of the credentials, in seconds since the epoch.
        claims: All claims of the token.
    """

    id: str
    role: str
    expires_at: float = float("inf")
    claims: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account, as plugins see the account.

    Attributes:
        id: The user's ``_id``, 24 hex digits.
        email: The e-mail address in lower case; None for an account without one.
        name: The name in answers of the API.
        role: The user's role.
        groups: Names of the person's groups in the system of the last sign-in.
    """

    id: str
    email: str | None
    name: str
    role: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person whom another system has verified.

    ``issuer`` and ``subject`` identify the account in this server, then a verified address does;
    a person without an account gets one. Attributes without a value leave the account unchanged.

    Attributes:
        issuer: The system that verified the person, such as the ``iss`` of OpenID Connect. The
            default for an identity from ``verify_credentials`` is the plugin.
        subject: The person's permanent identifier at the issuer; the default is the address.
        email: E-mail address. A new account needs one, or a username.
        email_verified: Whether the issuer has confirmed that the address is the person's. An
            address that is not verified never leads to an existing account.
        username: The name that the person signs in with at the issuer. It is the person's username
            here too, unless it has an ``@`` or is that of another account.
        name: The name for people to read. A new account needs one.
        role: The role in this server. A new account needs one.
        groups: Names of the person's groups at the issuer.
        disabled: Whether this server refuses sign-ins; None leaves the account as it is.

    Raises:
        ValueError: The identity has neither a subject nor an address.
    """

    issuer: str | None = None
    subject: str | None = None
    email: str | None = None
    email_verified: bool = False
    username: str | None = None
    name: str | None = None
    role: str | None = None
    groups: frozenset[str] = frozenset()
    disabled: bool | None = None

    def __post_init__(self) -> None:
        if self.subject is None and self.email is None:
            raise ValueError("an identity needs a subject or an address")


class CredentialsRefusedError(Exception):
    """Credentials that a plugin recognised and refused."""


class SignInUnavailableError(DomainError):
    """The system that knows the credentials is out of reach, so nobody can verify them.

    A request is answered 503 with ``Retry-After``, a socket ``Service Unavailable``.
    """
