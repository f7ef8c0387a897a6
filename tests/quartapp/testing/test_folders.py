"""Where the database of a test run is."""

from __future__ import annotations

import sys

import pytest

from quartapp.testing.folders import PREFIX, database_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of folders")


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


@pytest.fixture
def memory(tmp_path):
    (tmp_path / "memory").mkdir()
    return tmp_path / "memory"


def test_folder_is_in_memory_and_goes(disk, memory):
    with database_folder(disk, memory=memory, enough=0) as folder:
        assert folder.parent == memory
        (folder / "file").write_text("data")
    assert list(memory.iterdir()) == []


@pytest.mark.parametrize("enough", [None, 10**18])
def test_folder_is_on_disk_where_memory_is_scarce(disk, memory, enough):
    where = {"memory": memory / "none"} if enough is None else {"memory": memory, "enough": enough}
    with database_folder(disk, **where) as folder:
        assert folder == disk
    assert disk.is_dir()


def test_folder_of_a_killed_run_goes_and_that_of_a_running_one_stays(disk, memory):
    killed, other = memory / f"{PREFIX}killed", memory / "of-somebody-else"
    (killed / "within").mkdir(parents=True)
    other.mkdir()
    with database_folder(disk, memory=memory, enough=0) as running:
        assert set(memory.iterdir()) == {running, other}
        with database_folder(disk, memory=memory, enough=0) as second:
            assert set(memory.iterdir()) == {running, second, other}
