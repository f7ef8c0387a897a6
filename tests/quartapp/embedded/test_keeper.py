"""The keeper starts a mongod that ended by itself again, after pauses that grow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from quartapp.embedded.failures import reason_for_end
from quartapp.embedded.keeper import GIVE_UP_SECONDS, LONGEST_PAUSE_SECONDS, Keeper
from quartapp.embedded.locks import LockedFile

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

LISTENS = """print('{"msg": "Waiting for connections"}', flush=True); raise SystemExit(14)"""
FAILS = "print('no room', flush=True); raise SystemExit(14)"
# Listens at the first start, and fails from then on.
LISTENS_ONCE = f"""
from pathlib import Path
if Path("listened").exists():
    {FAILS}
Path("listened").touch()
{LISTENS}
"""


class Time:
    """The time of a keeper: each reading takes ``step`` seconds, and each pause its length."""

    def __init__(self, steps: Callable[[int], float] = lambda _: 0.0) -> None:
        self.steps = steps
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        self.now += self.steps(len(self.pauses))
        return self.now

    def wait(self, unused: threading.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        return unused.is_set()


def kept(tmp_path: Path, program: str, time: Time) -> None:
    """Run a keeper until it gives up."""
    with LockedFile(tmp_path / "mongod.users") as users:
        assert users.take(shared=True)
        keeper = Keeper(str(tmp_path), [sys.executable, "-c", program], time.monotonic, time.wait)
        keeper.keep()


def test_pauses_grow_and_after_five_minutes_of_failing_the_keeper_gives_up(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    time = Time()
    kept(tmp_path, LISTENS_ONCE, time)
    assert time.pauses == [1, 2, 4, 8, 16, *[30] * 8, 29]
    assert time.now == GIVE_UP_SECONDS
    status, *lines = (tmp_path / "mongod.end").read_text().splitlines()
    assert reason_for_end(lines, int(status)) == "no room"


def test_a_mongod_that_listens_and_does_not_last_is_given_up_too(tmp_path: Path) -> None:
    time = Time()
    kept(tmp_path, LISTENS, time)
    assert time.now == GIVE_UP_SECONDS


def test_pauses_and_the_five_minutes_begin_again_when_a_mongod_has_lasted(tmp_path: Path) -> None:
    time = Time(lambda pauses: 2 * LONGEST_PAUSE_SECONDS if pauses == 7 else 0)
    kept(tmp_path, LISTENS, time)
    lasted = [1, 2, 4, 8, 16, 30, 30]
    assert time.pauses == [*lasted, 1, 2, 4, 8, 16, *[30] * 8, 29]


def test_mongod_that_never_listened_is_not_started_again(tmp_path: Path) -> None:
    time = Time()
    kept(tmp_path, FAILS, time)
    assert time.pauses == []
    assert (tmp_path / "mongod.end").read_bytes().rstrip() == b"14\nno room"
