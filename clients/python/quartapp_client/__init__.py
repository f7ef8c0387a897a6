"""A client of quartapp: classes over HTTP, and live roll calls that survive a bad network."""

from quartapp_client.client import Client
from quartapp_client.errors import (
    ApiError,
    ClientError,
    ConflictError,
    RefusedError,
    SessionEndedError,
    StoppedError,
    UnreachableError,
)
from quartapp_client.events import (
    Done,
    Ended,
    Event,
    Marked,
    RollMarked,
    Started,
    State,
    Summary,
    Unknown,
)
from quartapp_client.roll_call import Conflict, RollCall

__all__ = [
    "ApiError",
    "Client",
    "ClientError",
    "Conflict",
    "ConflictError",
    "Done",
    "Ended",
    "Event",
    "Marked",
    "RefusedError",
    "RollCall",
    "RollMarked",
    "SessionEndedError",
    "Started",
    "State",
    "StoppedError",
    "Summary",
    "Unknown",
    "UnreachableError",
]
