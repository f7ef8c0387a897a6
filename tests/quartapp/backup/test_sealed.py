"""Encrypted backups: the public half seals, and the private half alone opens."""

from __future__ import annotations

import errno
import io
import os

import pytest

from quartapp.backup.form import BackupError
from quartapp.backup.sealed import new_key, sealing, unsealed

# More than a pipe holds.
CONTENT = os.urandom(1_000_000)


def written_to(target, *recipients):
    with sealing(target, recipients) as plain:
        plain.write(CONTENT)


def sealed(*recipients):
    target = io.BytesIO()
    written_to(target, *recipients)
    return target.getvalue()


def opened(content, private):
    with unsealed(io.BytesIO(content), private) as source:
        return source.read()


def test_each_recipient_opens_it():
    keys = [new_key() for _ in range(2)]
    content = sealed(*(public for _, public in keys))
    assert CONTENT[:100] not in content
    for private, _ in keys:
        assert opened(content, private) == CONTENT


def test_without_recipients_nothing_is_encrypted():
    assert sealed() == CONTENT
    assert opened(CONTENT, None) == CONTENT
    assert opened(CONTENT, new_key()[0]) == CONTENT


def opened_as_no_backup(content, private, amount=-1):
    """Read as the reader of a backup does, which misses the end or finds another form."""
    with unsealed(io.BytesIO(content), private) as source:
        source.read(amount)
        raise BackupError("this is no backup")


def test_without_the_key_it_stays_shut():
    content = sealed(new_key()[1])
    with pytest.raises(BackupError, match="give the file of its key"):
        opened(content, None)
    with pytest.raises(BackupError, match="cannot be opened with this key"):
        opened_as_no_backup(content, new_key()[0])
    with pytest.raises(BackupError, match="no private half"):
        opened(content, "x")


@pytest.mark.parametrize("at", [0.3, 0.999])
def test_what_was_cut_or_changed_is_noticed(at):
    private, public = new_key()
    content = bytearray(sealed(public))
    place = int(len(content) * at)
    with pytest.raises(BackupError, match="cannot be opened"):
        opened_as_no_backup(content[:place], private)
    content[place] ^= 1
    with pytest.raises(BackupError, match="cannot be opened"):
        opened_as_no_backup(content, private)


def test_a_reader_that_has_seen_enough_says_why_itself():
    private, public = new_key()
    with pytest.raises(BackupError, match="this is no backup"):
        opened_as_no_backup(sealed(public), private, 10)


def test_a_public_half_that_is_none_is_refused():
    with pytest.raises(BackupError, match="not the public half"):
        sealed(new_key()[0])


class Full(io.BytesIO):
    """A file on a full disk."""

    def write(self, _):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told():
    with pytest.raises(BackupError, match="No space left"):
        written_to(Full(), new_key()[1])
