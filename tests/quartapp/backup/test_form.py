"""The form of backups: what was cut or changed is noticed."""

from __future__ import annotations

import datetime as dt
import gzip
import io

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartapp.backup.database import check
from quartapp.backup.form import MAGIC, BackupError, BackupWriter, records

HEAD = {"version": "1", "made_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}
NAMES = [f"c{number}" for number in range(3)]


def written(collections):
    target = io.BytesIO()
    with BackupWriter(target, HEAD) as writer:
        for name, batches in collections.items():
            writer.collection(name, {"options": {}, "indexes": []})
            for batch in batches:
                writer.documents(b"".join(map(bson.encode, batch)))
    return target.getvalue()


documents = st.lists(st.dictionaries(st.text("abc", max_size=3), st.integers(-9, 9)), max_size=4)
WHOLE = written({"c0": [[{"a": 1}, {"a": 2}]], "c1": [], "c2": [[{"b": "x" * 300}], [{}]]})
PLAIN = gzip.decompress(WHOLE)


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(documents, max_size=3)))
def test_what_is_written_is_read(collections):
    head, counts = check(io.BytesIO(written(collections)))
    assert head["version"] == "1"
    assert counts == {name: sum(map(len, of)) for name, of in collections.items()}


@given(st.integers(0, len(WHOLE) - 1))
def test_a_backup_that_was_cut_is_refused(end):
    with pytest.raises(BackupError):
        check(io.BytesIO(WHOLE[:end]))


@given(st.integers(0, len(PLAIN) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed_also_where_it_was_compressed_anew(at, by):
    changed = bytearray(PLAIN)
    changed[at] ^= by
    with pytest.raises(BackupError):
        check(io.BytesIO(gzip.compress(changed)))


@pytest.mark.parametrize(
    "content",
    [b"", b"quartapp", gzip.compress(b""), gzip.compress(b"x" * 99)],
    ids=["nothing", "text", "compressed-nothing", "compressed-text"],
)
def test_another_file_is_refused(content):
    with pytest.raises(BackupError, match="this is no backup"):
        list(records(io.BytesIO(content)))


def test_something_after_the_end_is_refused():
    with pytest.raises(BackupError, match="digest"):
        check(io.BytesIO(gzip.compress(PLAIN + b"x")))
    assert PLAIN.startswith(MAGIC)


def interrupted(target):
    with BackupWriter(target, {}) as writer:
        writer.collection("c0", {"options": {}, "indexes": []})
        raise ZeroDivisionError


def test_a_block_that_fails_leaves_no_whole_backup():
    target = io.BytesIO()
    with pytest.raises(ZeroDivisionError):
        interrupted(target)
    with pytest.raises(BackupError):
        check(io.BytesIO(target.getvalue()))
