"""The kept secret: checked at each start, and refused in one sentence."""

from __future__ import annotations

import os
import stat

import pytest

from quartapp import secret_file
from quartapp.errors import QuartappError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jwt-secret"


def kept_secret(path):
    return secret_file.kept_secret(path, 32)


def written(path, content, mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_secret_is_made_once_and_for_its_owner_alone(path):
    secret = kept_secret(path)
    assert len(secret) == 64
    assert kept_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "content",
    [b"s" * 32, b"s" * 32 + b"\n", b" " + b"s" * 100_000 + b"\r\n", "\u00e4".encode() * 16],
    ids=["32 bytes", "line", "100,000 characters", "16 letters of two bytes"],
)
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_long_private_secret_is_read(path, content, mode):
    assert kept_secret(written(path, content, mode)) == content.decode().strip()


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"s" * 31, b"s" * 31 + b"\n", b" " * 64, b"\n" * 64],
    ids=["nothing", "a word", "31 bytes", "31 bytes and a line end", "blanks", "line ends"],
)
def test_short_secret_is_refused(path, content):
    with pytest.raises(QuartappError, match="shorter than 32 bytes"):
        kept_secret(written(path, content))


def test_secret_that_is_no_text_is_refused(path):
    with pytest.raises(QuartappError, match="not text"):
        kept_secret(written(path, b"\xff" * 64))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_secret_that_others_may_read_or_change_is_refused(path, mode):
    with pytest.raises(QuartappError, match="chmod 600"):
        kept_secret(written(path, b"s" * 64, mode))


def test_link_to_a_secret_is_refused(path):
    path.symlink_to(written(path.with_name("elsewhere"), b"s" * 64))
    with pytest.raises(QuartappError, match="is a link"):
        kept_secret(path)


def test_link_to_nothing_is_refused_and_leads_to_no_file(path):
    elsewhere = path.with_name("elsewhere")
    path.symlink_to(elsewhere)
    with pytest.raises(QuartappError, match="is a link"):
        kept_secret(path)
    assert not elsewhere.exists()


def test_pipe_and_folder_in_place_of_the_secret_are_refused_at_once(path):
    os.mkfifo(path, 0o600)
    with pytest.raises(QuartappError, match="not a regular file"):
        kept_secret(path)
    path.unlink()
    path.mkdir(0o700)
    with pytest.raises(QuartappError, match="directory"):
        kept_secret(path)


def test_secret_of_another_user_is_refused(path, monkeypatch):
    written(path, b"s" * 64)
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(QuartappError, match="belongs to another user"):
        kept_secret(path)


async def test_server_with_a_short_kept_secret_says_so_in_one_line(run_cli, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    written(folder / "jwt-secret", b"short")
    status, _, said = await run_cli("serve", "--port", "0", "--data-dir", str(folder))
    assert status == 2
    assert "shorter than 32 bytes" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
