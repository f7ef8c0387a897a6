"""Who is asking: principals, tokens and what a route asks of them."""

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
        groups: Names of groups in the system that the person signed in through.
    """

    id: str
    email: str
    name: str
    role: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person whom another system has verified.

    The account here is found by ``issuer`` and ``subject``, then by a verified address, and made
    when there is none. What an identity leaves out stays as the account has it.

    Attributes:
        issuer: The system that vouches for the person, such as the ``iss`` of OpenID Connect. An
            identity from ``verify_credentials`` may leave the issuer out; then it is the plugin.
        subject: The person's permanent identifier there; the address when left out.
        email: Address. A new account needs one.
        email_verified: Whether the issuer has made sure that the address is the person's. An
            address that is not verified never leads to an account that is here already.
        username: The name that the person signs in with there.
        name: The name for people to read. A new account needs one.
        role: The role here. A new account needs one.
        groups: Names of groups there.
        disabled: Whether signing in is refused; None leaves that to this server.

    Raises:
        ValueError: There is neither a subject nor an address.
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
    """Credentials that a plugin recognised, and that are bad."""


class SignInUnavailableError(DomainError):
    """The system that knows the credentials is out of reach, and nobody can say if they are good.

    A request is answered 503 with ``Retry-After``, a socket ``Service Unavailable``.
    """
