"""Passwords: bcrypt, in threads of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bcrypt

if TYPE_CHECKING:
    from quartapp_auth.signing_in.hashing import Hashing

MAX_BYTES = 72
COST = 10
# The hash of a random text that nobody knows, with the same cost as all others.
_OF_NOBODY = "$2b$10$1nEPRN1.AGtiipu27go8Gum1ybBWEujbHPqHOzbTd/2v0S2FAKnbO"


class Passwords:
    """Hashes and checks passwords.

    Each hash takes 60 ms of a core. In the threads of the database, many sign-ins at once would
    delay all other requests; in the threads of ``hashing``, they delay each other.

    Args:
        hashing: The threads that compute the hashes.

    Attributes:
        place: Function that returns the context of a sign-in; see :meth:`Hashing.place`.
    """

    def __init__(self, hashing: Hashing) -> None:
        self._hashing = hashing
        self.place = hashing.place

    async def hashed(self, password: str) -> str:
        """Return the hash of a password.

        Args:
            password: Password in clear text, at most 72 bytes of UTF-8: bcrypt reads no more.

        Raises:
            SignInUnavailableError: Too many other passwords wait to be hashed.
        """
        salt = bcrypt.gensalt(COST)
        return (await self._hashing.run(bcrypt.hashpw, password.encode(), salt)).decode()

    async def match(self, password: str, hashed: str | None) -> bool:
        """Tell whether a hash belongs to a password; False, after the same time, without a hash.

        Args:
            password: Password in clear text.
            hashed: The stored hash; None for an account without a password.

        Raises:
            SignInUnavailableError: Too many other passwords wait to be checked.
        """
        given = password.encode()
        # bcrypt raises on longer input, and no stored hash is of a longer password.
        if len(given) > MAX_BYTES:
            return False
        compared = (hashed or _OF_NOBODY).encode()
        same = await self._hashing.run(bcrypt.checkpw, given, compared)
        return same and bool(hashed)
