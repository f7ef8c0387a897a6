"""A file with a secret that nobody gave: made at the first use, and checked at each."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from typing import TYPE_CHECKING

from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from pathlib import Path


def kept_secret(path: Path, minimum_bytes: int, loss: str = "") -> str:
    """Read a secret from a file; make both if the file is missing.

    Args:
        path: The file; only its owner can read it.
        minimum_bytes: Length of the shortest secret that is accepted, at most 64.
        loss: What another secret means for people, as the end of a sentence; empty for nothing.

    Raises:
        QuartappError: The file cannot be read or written, is no regular file of this user alone, or
            has a secret that is too short.
    """
    if not path.exists():
        _make(path)
    try:
        # A link could lead to a file that others chose, and opening a pipe would wait for a writer.
        flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, os.O_RDONLY | flags), "rb") as file:
            _ensure_private(path, os.fstat(file.fileno()))
            secret = file.read().strip().decode()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise QuartappError(f"{path} is a link; put the secret itself there") from error
        raise QuartappError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise QuartappError(f"the secret in {path} is not text in UTF-8") from error
    if len(secret.encode()) < minimum_bytes:
        raise QuartappError(
            f"the secret in {path} is shorter than {minimum_bytes} bytes; "
            f"remove the file, and the server makes another{loss}"
        )
    return secret


def _make(path: Path) -> None:
    # The file gets its name when it is complete, so that no process reads a part of the secret.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was faster, and its secret holds
        finally:
            draft.unlink()
    except OSError as error:
        raise QuartappError(f"cannot write {path}: {error.strerror}") from error


def _ensure_private(path: Path, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise QuartappError(f"{path} is not a regular file")
    if os.name != "posix":
        return
    if state.st_uid != os.geteuid():
        raise QuartappError(f"{path} belongs to another user than the one who runs the server")
    if stat.S_IMODE(state.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise QuartappError(f"others may read or change {path}; make it private: chmod 600 {path}")
