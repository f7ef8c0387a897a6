"""Encryption of backups with age (https://age-encryption.org/v1), by keys in two halves.

A server that makes backups needs the public half alone, so whoever takes the server and its backups
reads none of them. Any program for age opens the file with the private half.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from quartapp.backup.form import BackupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEALED = b"age-encryption.org/"


def new_key() -> tuple[str, str]:
    """Return the private and the public half of a new key.

    Raises:
        BackupError: The extra ``backup`` is not installed.
    """
    private = _age().x25519.Identity.generate()
    return str(private), str(private.to_public())


def is_sealed(source: BinaryIO) -> bool:
    """Tell whether a backup is encrypted, and go back to its beginning.

    Args:
        source: The backup, at its beginning.
    """
    beginning = source.read(len(SEALED))
    source.seek(0)
    return beginning == SEALED


@contextmanager
def sealing(target: BinaryIO, recipients: Sequence[str]) -> Iterator[BinaryIO]:
    """Encrypt what is written in a ``with`` block.

    Args:
        target: File for the encrypted bytes.
        recipients: Public halves of the keys that open it, such as ``age1…``. None writes plainly.

    Yields:
        File to write to.

    Raises:
        BackupError: A public half is malformed, the file cannot be written, or the extra ``backup``
            is not installed.
    """
    if not recipients:
        yield target
        return
    age = _age()
    try:
        known = [age.x25519.Recipient.from_str(text) for text in recipients]
    except age.RecipientError as error:
        raise BackupError(f"not the public half of a key for age: {error}") from error

    def seal(plain: BinaryIO) -> None:
        try:
            age.encrypt_io(plain, target, known)
        except age.EncryptError as error:
            raise BackupError(f"the encrypted backup cannot be written: {error}") from error

    beyond, end = os.pipe()
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(_used, seal, beyond, "rb")
        # If the other side fails, its own error says why.
        with suppress(BrokenPipeError), os.fdopen(end, "wb") as file:
            yield cast("BinaryIO", file)
        done.result()


@contextmanager
def unsealed(source: BinaryIO, private: str | None) -> Iterator[BinaryIO]:
    """Decrypt what is read in a ``with`` block.

    Args:
        source: The backup, at its beginning, encrypted or not.
        private: Private half of a key, such as ``AGE-SECRET-KEY-1…``; None without one.

    Yields:
        File to read from.

    Raises:
        BackupError: The key is missing, malformed or another one; the backup was changed; or the
            extra ``backup`` is not installed.
    """
    if not is_sealed(source):
        yield source
        return
    if private is None:
        raise BackupError("the backup is encrypted: give the file of its key with --key")
    age = _age()
    try:
        identity = age.x25519.Identity.from_str(private)
    except age.IdentityError as error:
        raise BackupError("the file has no private half of a key for age") from error

    def open_seal(plain: BinaryIO) -> None:
        try:
            age.decrypt_io(source, plain, [identity])
        except BrokenPipeError:
            return  # The reader has seen enough.
        except (age.DecryptError, OSError) as error:
            raise BackupError(f"the backup cannot be opened with this key: {error}") from error

    end, beyond = os.pipe()
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(_used, open_seal, beyond, "wb")
        try:
            with os.fdopen(end, "rb") as file:
                yield cast("BinaryIO", file)
        except BackupError:
            # What was read is not whole, since it could not be opened to its end.
            done.result()
            raise
        with suppress(BackupError):  # Nobody reads to the end of a file that is not of our form.
            done.result()


def _used(work: Callable[[BinaryIO], None], descriptor: int, mode: str) -> None:
    with suppress(BrokenPipeError), os.fdopen(descriptor, mode) as file:
        work(cast("BinaryIO", file))


def _age() -> Any:  # noqa: ANN401 - a module
    try:
        import pyrage
    except ImportError as error:
        raise BackupError(
            "encrypted backups need pyrage; install with: pip install 'quartapp[backup]'"
        ) from error
    return pyrage
