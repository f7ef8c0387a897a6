"""Passwords: bcrypt, in threads of its own."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import bcrypt

MAX_BYTES = 72
COST = 10


class Passwords:
    """Hashes and checks passwords.

    One takes 60 ms of a core. In the threads that database work shares, the logins of one morning
    would keep everybody else waiting; here they keep each other.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="password")

    async def hashed(self, password: str) -> str:
        """The hash to keep of a password.

        Args:
            password: In clear, at most 72 bytes of UTF-8, which is all that bcrypt reads.
        """
        loop = asyncio.get_running_loop()
        salt = bcrypt.gensalt(COST)
        hashed = await loop.run_in_executor(self._threads, bcrypt.hashpw, password.encode(), salt)
        return hashed.decode()

    async def match(self, password: str, hashed: str | None) -> bool:
        """Whether ``hashed`` is of ``password``; never, where there is no hash."""
        given = password.encode()
        # bcrypt raises on longer input; nobody has such a password.
        if not hashed or len(given) > MAX_BYTES:
            return False
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, bcrypt.checkpw, given, hashed.encode())

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
