"""What people sign in with: which account has an address or a username, during a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp_auth import username_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp_oneroster.store import Store

_LONGEST_SPARE = 90  # characters, which leaves room for a number


@dataclass(frozen=True, slots=True)
class Holder:
    """The account that has an address.

    Attributes:
        id: ``_id`` of the account.
        role: Role of the account.
        open: Whether the account may become the account of a row with another ``sourcedId``: it was
            made here, or a complete file has none of its ids, and no row has taken it.
        vouched: Whether anybody but its holder says that the address is theirs.
    """

    id: bytes
    role: str
    open: bool
    vouched: bool


class SignIn:
    """The addresses and usernames of all accounts, stored and planned.

    Args:
        store: Store with the set and the database.
        bulk: Whether users.csv is complete.
    """

    def __init__(self, store: Store, *, bulk: bool) -> None:
        self._store = store
        store.run(
            """
            INSERT INTO p_emails
            SELECT u.email, u.id, u.role, u.sid IS NULL OR (:bulk AND NOT EXISTS (
                SELECT 1 FROM d_users o JOIN s_users s ON s.sid = o.sid WHERE o.id = u.id)),
                u.vouched
            FROM d_users u WHERE u.main AND u.email IS NOT NULL
            """,
            bulk=bulk,
        )
        store.run(
            """
            INSERT INTO p_logins
            SELECT login_key(username), id FROM d_users WHERE main AND username IS NOT NULL
            """
        )

    def holder(self, email: str) -> Holder | None:
        """Return the account that has an address; None when the address is free.

        Args:
            email: The address, in lower case.
        """
        for key, role, is_open, vouched in self._store.rows(
            "SELECT id, role, open, vouched FROM p_emails WHERE email = :email", email=email
        ):
            return Holder(key, role, bool(is_open), bool(vouched))
        return None

    def take_email(self, email: str, account: bytes, role: str) -> None:
        """Give an address to an account; rows that follow cannot become this account.

        Args:
            email: The address, which is free or the account's own.
            account: ``_id`` of the account.
            role: Role of the account.
        """
        self._store.execute(
            "INSERT OR REPLACE INTO p_emails VALUES (?, ?, ?, 0, 1)", (email, account, role)
        )

    def username(
        self, account: bytes, stated: str | None, present: str | None, spare: str | None
    ) -> str | None:
        """Give a username to an account, and return the username.

        Args:
            account: ``_id`` of the account.
            stated: Username in the set; None without one.
            present: Username that the account has now; None without one.
            spare: ``sourcedId`` that stands in for a username; None for an account that has an
                address and needs no username.
        """
        if stated and self._is_given(stated, account):
            return stated
        if present or spare is None:
            return present
        return next(name for name in _spares(spare) if self._is_given(name, account))

    def _is_given(self, name: str, account: bytes) -> bool:
        """Take a username for an account, and tell whether the account has the username now."""
        key = username_key(name)
        if key is None:
            return False
        self._store.execute("INSERT OR IGNORE INTO p_logins VALUES (?, ?)", (key, account))
        return bool(
            self._store.one("SELECT id = :id FROM p_logins WHERE key = :k", id=account, k=key)
        )


def _spares(sourced_id: str) -> Iterator[str]:
    """Yield usernames for somebody without one, without end."""
    base = sourced_id.replace("@", ".").replace("\uff20", ".").replace("\ufe6b", ".")
    base = base[:_LONGEST_SPARE].strip() or "person"
    yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1
