"""Writes that meet the transaction of an import that was killed.

MongoDB does not notice that the process of a transaction is gone: what the transaction has written
stays locked for 60 to 90 seconds.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from pymongo.errors import PyMongoError

from quartapp import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

Result = TypeVar("Result")

# Each try takes the time limit of the database, which is 30 seconds for an import.
TRIES = 5
_LABEL = "TransientTransactionError"


class Conflicts:
    """Notes whether a write met another transaction.

    Attributes:
        met: Whether a write did.
    """

    def __init__(self) -> None:
        self.met = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note a conflict of the writes in the block, and pass the error on."""
        try:
            yield
        except PyMongoError as error:
            self.met = self.met or error.has_error_label(_LABEL)
            raise


async def through_conflicts(work: Callable[[Conflicts], Awaitable[Result]]) -> Result:
    """Call a function again while another transaction keeps it from writing.

    Args:
        work: Function that writes in a transaction, and notes its conflicts.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time, or the other transaction does not
            end.
    """
    for _ in range(TRIES - 1):
        conflicts = Conflicts()
        try:
            return await work(conflicts)
        except DatabaseUnavailableError:
            if not conflicts.met:
                raise
    return await work(Conflicts())
