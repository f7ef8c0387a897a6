"""Passwords: bcrypt in its own threads."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import bcrypt

MAX_BYTES = 72
COST = 10


class Passwords:
    """Hashes and checks passwords.

    Each hash takes 60 ms of a core. In the threads of the database, many logins at once would delay
    all other requests; in these threads, logins delay only each other.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="password")

    async def hashed(self, password: str) -> str:
        """Return the hash of a password.

        Args:
            password: Password in clear text, at most 72 bytes of UTF-8: bcrypt reads no more.
        """
        loop = asyncio.get_running_loop()
        salt = bcrypt.gensalt(COST)
        hashed = await loop.run_in_executor(self._threads, bcrypt.hashpw, password.encode(), salt)
        return hashed.decode()

    async def match(self, password: str, hashed: str | None) -> bool:
        """Tell whether a hash belongs to a password; False without a hash.

        Args:
            password: Password in clear text.
            hashed: The stored hash; None for an account without a password.
        """
        given = password.encode()
        # bcrypt raises on longer input, and no stored hash is of a longer password.
        if not hashed or len(given) > MAX_BYTES:
            return False
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, bcrypt.checkpw, given, hashed.encode())

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
