"""Distribution of connections over workers, with a clock that the test turns."""

from __future__ import annotations

import pytest

from quartapp.server.workers.shares import (
    LONGEST_STEP_SECONDS,
    MISSING_SECONDS,
    PATIENCE_SECONDS,
    Shares,
)

STEP_SECONDS = LONGEST_STEP_SECONDS / 2


class Turned:
    """A monotonic clock."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Turned()


@pytest.fixture
def workers(clock):
    """Three workers that accept connections; the second and third have one each."""
    shares = Shares(clock)
    made = [shares.add() for _ in range(3)]
    for share in made:
        share.begin()
    for share in made[1:]:
        share.opened()
    return made


def patience_of(share, clock):
    """Return the time until a worker takes a connection that no other worker takes."""
    began = clock.seconds
    while not share.may_take():
        clock.seconds += STEP_SECONDS
        assert clock.seconds < began + 10 * PATIENCE_SECONDS, "it never takes it"
    return clock.seconds - began


def test_a_connection_is_for_a_worker_with_the_fewest(workers):
    fewest, *others = workers
    assert fewest.may_take()
    assert not any(share.may_take() for share in others)
    fewest.opened()
    assert all(share.may_take() for share in workers)
    others[0].closed()
    assert [share.may_take() for share in workers] == [False, True, False]


def test_a_worker_that_misses_a_connection_is_waited_for_once(workers, clock):
    missing, other, third = workers
    assert patience_of(other, clock) == pytest.approx(PATIENCE_SECONDS, abs=STEP_SECONDS)
    other.opened()
    assert other.may_take() is False, "as the third has fewer and did not miss it"
    third.opened()
    assert patience_of(other, clock) == 0
    # From now on it is waited for again, as it has accepted one.
    missing.opened()
    assert patience_of(other, clock) == pytest.approx(PATIENCE_SECONDS, abs=STEP_SECONDS)


def test_a_worker_that_missed_a_connection_is_waited_for_again_later(workers, clock):
    _, other, third = workers
    patience_of(other, clock)
    for share in (other, third):
        share.opened()
    clock.seconds += MISSING_SECONDS / 2
    assert patience_of(other, clock) == 0
    clock.seconds += MISSING_SECONDS
    assert patience_of(other, clock) > 0


def test_nobody_loses_patience_while_connections_are_accepted(workers, clock):
    fewest, other, third = workers
    third.opened()
    third.opened()
    for _ in range(3):
        for _ in range(3):
            assert not third.may_take()
            clock.seconds += LONGEST_STEP_SECONDS
        fewest.opened()
        fewest.closed()  # so that the numbers of open connections are as before
    assert not other.may_take()


def test_the_time_without_a_connection_is_no_waiting(workers, clock):
    _, other, _ = workers
    for _ in range(4):
        assert not other.may_take()
        clock.seconds += 10 * PATIENCE_SECONDS


def test_a_worker_that_leaves_or_has_ended_is_not_waited_for(workers, clock):
    leaving, other, third = workers
    leaving.leave()
    assert patience_of(other, clock) == 0
    leaving.begin()
    assert patience_of(third, clock) > 0
    leaving.give_back()
    assert patience_of(other, clock) == 0
