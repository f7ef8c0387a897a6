"""Which errors of PyMongo mean that MongoDB is out of reach for now."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Error codes of a server that is temporarily unavailable: stepping down, shutting down, no quorum.
_PASSING_CODES = frozenset({64, 79, 89, 91, 189, 262, 10107, 11600, 11602, 13435, 13436})


@contextmanager
def translated() -> Iterator[None]:
    """Turn "MongoDB is out of reach" into :class:`DatabaseUnavailableError`; pass on the rest."""
    try:
        yield
    except PyMongoError as error:
        if is_passing(error):
            raise DatabaseUnavailableError(_shortened(error)) from error
        raise


def is_passing(error: PyMongoError) -> bool:
    """Tell whether an error means that the database is out of reach for now.

    Args:
        error: An error of PyMongo.
    """
    if isinstance(
        error, (ConnectionFailure, ExecutionTimeout, WTimeoutError, WaitQueueTimeoutError)
    ):
        return True
    if isinstance(error, OperationFailure) and error.code in _PASSING_CODES:
        return True
    return error.timeout


def _shortened(error: PyMongoError) -> str:
    # After the reason, PyMongo's message has its timeouts and the whole topology.
    return str(error).partition(" (configured timeouts")[0].partition(", Timeout:")[0]
