"""Errors of PyMongo: MongoDB is out of reach for now, or refuses what the server asks."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pymongo
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from quartapp.errors import DatabaseConfigurationError, DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

# Errors that pass by themselves. MongoDB calls only some of them retryable, and the driver fewer.
PASSING_CODES = {
    6: "HostUnreachable",
    7: "HostNotFound",
    24: "LockTimeout",
    43: "CursorNotFound",
    50: "MaxTimeMSExpired",
    64: "WriteConcernFailed",
    79: "UnknownReplWriteConcern",
    89: "NetworkTimeout",
    91: "ShutdownInProgress",
    94: "NotYetInitialized",
    112: "WriteConflict",
    133: "FailedToSatisfyReadPreference",
    134: "ReadConcernMajorityNotAvailableYet",
    175: "QueryPlanKilled",
    189: "PrimarySteppedDown",
    202: "NetworkInterfaceExceededTimeLimit",
    # A server that has just started does not know yet the keys that signed earlier cluster times.
    211: "KeyNotFound",
    237: "CursorKilled",
    239: "SnapshotTooOld",
    246: "SnapshotUnavailable",
    251: "NoSuchTransaction",
    262: "ExceededTimeLimit",
    290: "TransactionExceededLifetimeLimitSeconds",
    9001: "SocketException",
    10058: "LegacyNotPrimary",
    10107: "NotWritablePrimary",
    11600: "InterruptedAtShutdown",
    11601: "Interrupted",
    11602: "InterruptedDueToReplStateChange",
    13435: "NotPrimaryNoSecondaryOk",
    13436: "NotPrimaryOrSecondary",
}
"""Error codes of a server that is out of reach for now, with MongoDB's names."""

_PASSING_LABELS = ("TransientTransactionError", "RetryableWriteError", "RetryableError")

_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18


@contextmanager
def translated() -> Iterator[None]:
    """Turn "MongoDB is out of reach" into :class:`DatabaseUnavailableError`; pass on the rest."""
    try:
        yield
    except PyMongoError as error:
        raise_if_passing(error)
        raise


class Operation:
    """The context of operations of the asynchronous client: their time limit, and their errors.

    A transaction needs the driver's own errors, which tell whether it may begin again.

    Every request and every frame has such contexts; one by a generator takes twice as long.

    Args:
        seconds: Time limit of all operations in the context.
        translate: Whether to turn errors of the driver into :class:`DatabaseUnavailableError`.
    """

    __slots__ = ("_limit", "_translate")

    def __init__(self, seconds: float, *, translate: bool) -> None:
        self._limit = pymongo.timeout(seconds)
        self._translate = translate

    async def __aenter__(self) -> None:
        self._limit.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._limit.__exit__(kind, error, trace)
        if self._translate and isinstance(error, PyMongoError):
            raise_if_passing(error)


def raise_if_passing(error: PyMongoError) -> None:
    """Raise :class:`DatabaseUnavailableError` if an error means that MongoDB is out of reach.

    Args:
        error: An error of PyMongo.

    Raises:
        DatabaseUnavailableError: MongoDB is out of reach for now.
    """
    if is_passing(error):
        raise DatabaseUnavailableError(_shortened(error)) from error


def is_passing(error: PyMongoError) -> bool:
    """Tell whether an error means that the database is out of reach for now.

    Args:
        error: An error of PyMongo.
    """
    if isinstance(
        error, (ConnectionFailure, ExecutionTimeout, WTimeoutError, WaitQueueTimeoutError)
    ):
        return True
    if isinstance(error, BulkWriteError):
        failed = [*error.details["writeErrors"], *error.details["writeConcernErrors"]]
        return any(one["code"] in PASSING_CODES for one in failed)
    if isinstance(error, OperationFailure) and error.code in PASSING_CODES:
        return True
    return error.timeout or any(error.has_error_label(label) for label in _PASSING_LABELS)


def is_denied(error: OperationFailure) -> bool:
    """Tell whether MongoDB denies access to whoever asks, whatever is asked.

    Args:
        error: The error of a command.
    """
    return error.code in {_UNAUTHORIZED, _AUTHENTICATION_FAILED}


def refusal(error: OperationFailure, database: str) -> DatabaseConfigurationError:
    """Return the error for a refused command, with a remedy if access was denied.

    Args:
        error: The error of the command.
        database: Name of the database.
    """
    # MongoDB repeats the whole command, of which the name is enough.
    reason = re.sub(r"\{ (\w+):.*", r"\1", server_message(error), flags=re.DOTALL).rstrip(".")
    remedy = ""
    if error.code == _AUTHENTICATION_FAILED:
        remedy = (
            "; are the user and the password in MONGODB_URI right, and is the user's database "
            "named (authSource)?"
        )
    elif error.code == _UNAUTHORIZED:
        remedy = (
            f"; MONGODB_URI has to name a user with the role readWrite on the database {database}"
        )
    return DatabaseConfigurationError(f"MongoDB refused: {reason}{remedy}")


def server_message(error: OperationFailure) -> str:
    """Return the message of the server without the document that follows it.

    Args:
        error: The error of a command.
    """
    return str((error.details or {}).get("errmsg", error)).partition(", full error")[0]


def _shortened(error: PyMongoError) -> str:
    # After the reason, PyMongo's message has its timeouts and the whole topology.
    return str(error).partition(" (configured timeouts")[0].partition(", Timeout:")[0]
