"""Failures of mongod: their reasons, and remedies for the person who reads the message."""

from __future__ import annotations

import json
import re
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

EXIT_MONGOD_LOST = 3
"""Exit status of a server whose embedded MongoDB ended and is not started again."""
GIVE_URI = "give the URI of a MongoDB in MONGODB_URI"


class EmbeddedMongoError(QuartappError):
    """The embedded MongoDB cannot be used; the message says why, and what to do about it."""


class MongodLostError(EmbeddedMongoError):
    """The embedded MongoDB of a server ended, and nobody starts it again."""

    exit_status = EXIT_MONGOD_LOST


def reason_for_end(lines: list[str], returncode: int | None) -> str | None:
    """Return in one line why mongod ended, or None without a reason.

    Args:
        lines: The last lines of output: structured log, and messages of a loader or a shell.
        returncode: The exit status of mongod: negative for a signal, None while mongod runs.
    """
    if error := _logged_error(line for line in lines if line.startswith("{")):
        return error
    if plain := [line for line in lines if line and not line.startswith("{")]:
        return plain[0].rstrip(".")
    if returncode is None:
        return None
    if returncode < 0:
        return f"mongod was ended by {signal.Signals(-returncode).name}"
    return f"mongod ended with status {returncode}"


def remedy(reason: str) -> str:
    """Return a remedy for a reason.

    Args:
        reason: The text of :func:`reason_for_end`.
    """
    for sign, remedy in (  # the specific signs come first
        ("GLIBC", "Use a mongod that was made for this system"),
        (
            "shared librar",
            "Install the library it names (on Debian and Ubuntu: apt-get install "
            "libcurl4 libssl3 liblzma5)",
        ),
        ("SIGILL", "This processor lacks AVX, which MongoDB 5 and later need: use an older mongod"),
        ("cannot be run", "Use a mongod that was made for this system"),
        ("Address already in use", "Choose another port"),
        ("version", "Use the MongoDB version that wrote the data, or another data directory"),
        ("UPGRADE", "Use the MongoDB version that wrote the data, or another data directory"),
        ("corrupt", "Restore the data from a backup, or choose another data directory"),
        ("No space left", "Make room on the disk, or choose another data directory"),
        ("Permission denied", "Let this user write the data directory, or choose another"),
        (
            "ended by SIGKILL",
            "Look into the system's log: a system without free memory kills programs",
        ),
    ):
        if sign in reason:
            return remedy
    return "Look into its log"


def _logged_error(lines: Iterable[str]) -> str | None:
    """Return the error that explains the end in mongod's structured log, or None without one.

    The first error is the cause; later entries (assertions, the signal, "Terminating.") describe
    the crash. If the storage engine logged errors, its last error is the cause.
    """
    found = None
    for line in lines:
        with suppress(ValueError, KeyError):
            entry = json.loads(line)
            if entry["c"] == "WT" and entry["s"] == "E":
                said = entry["attr"]["message"]
                if found and said["error_str"].startswith("WT_PANIC"):
                    continue  # a panic only says that the error before was fatal
                where_and_what = re.sub(r"^\w+:[0-9]+:", "", said["msg"])
                found = f"{where_and_what} ({said['error_str']})"
            elif entry["s"] in {"E", "F"} and not (found or _is_aftermath(entry)):
                found = _in_words(entry)
    return found


def _is_aftermath(entry: dict[str, Any]) -> bool:  # Any: a line of mongod's log
    return entry["c"] == "ASSERT" or entry["msg"] in {"Terminating.", "Writing fatal message"}


def _in_words(entry: dict[str, Any]) -> str:  # Any: a line of mongod's log
    detail = entry.get("attr", {}).get("error", "")
    if isinstance(detail, dict):
        detail = detail.get("errmsg", "")
    return " ".join(f"{entry['msg']}: {detail}".split()).rstrip(".: ")
