"""The keeper starts a mongod that ended by itself again, after pauses that grow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from quartapp.embedded.keeper import LONGEST_PAUSE_SECONDS, Keeper
from quartapp.embedded.locks import LockedFile

if TYPE_CHECKING:
    import threading
    from pathlib import Path

LISTENS = "print('\"Waiting for connections\"', flush=True); raise SystemExit(14)"
FAILS = "print('no room', flush=True); raise SystemExit(14)"


class Time:
    """The time of a keeper: each run of the program takes ``run`` seconds."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.run = 0.0
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        self.now += self.run / 2
        return self.now

    def wait(self, unused: threading.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        if len(self.pauses) == 7:
            self.run = 4 * LONGEST_PAUSE_SECONDS
        return unused.is_set() or len(self.pauses) == self.most


def kept(tmp_path: Path, program: str, most: int) -> Time:
    time = Time(most)
    with LockedFile(tmp_path / "mongod.users") as users:
        assert users.take(shared=True)
        keeper = Keeper(str(tmp_path), [sys.executable, "-c", program], time.monotonic, time.wait)
        keeper.keep()
    return time


def test_pauses_before_the_next_start_grow_until_a_mongod_has_lasted(tmp_path: Path) -> None:
    time = kept(tmp_path, LISTENS, 9)
    assert time.pauses == [1, 2, 4, 8, 16, 30, 30, 1, 1]


def test_mongod_that_never_listened_is_not_started_again(tmp_path: Path) -> None:
    time = kept(tmp_path, FAILS, 9)
    assert time.pauses == []
    assert (tmp_path / "mongod.end").read_bytes() == b"14\nno room\n"
