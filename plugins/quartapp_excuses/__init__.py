"""Excuses: handed in, decided, and carried into roll calls and records.

The names exported here are public; the modules below are internal.
"""

from quartapp_excuses.errors import (
    ExcuseDecidedError,
    ExcuseNotFoundError,
    FileTooLargeError,
    FileUnreadableError,
    FromAfterToError,
    NoFileError,
    NotAuthorError,
    TooLongError,
    TooManyExcusesError,
    TypeMismatchError,
)
from quartapp_excuses.files import ExcuseFiles, Upload
from quartapp_excuses.happenings import ExcuseDecided, ExcuseHandedIn, ExcuseWithdrawn
from quartapp_excuses.models import ExcuseState
from quartapp_excuses.service import Excuses

__all__ = [
    "ExcuseDecided",
    "ExcuseDecidedError",
    "ExcuseFiles",
    "ExcuseHandedIn",
    "ExcuseNotFoundError",
    "ExcuseState",
    "ExcuseWithdrawn",
    "Excuses",
    "FileTooLargeError",
    "FileUnreadableError",
    "FromAfterToError",
    "NoFileError",
    "NotAuthorError",
    "TooLongError",
    "TooManyExcusesError",
    "TypeMismatchError",
    "Upload",
]
