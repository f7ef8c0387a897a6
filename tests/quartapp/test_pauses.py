"""Pauses between tries of what has failed."""

from __future__ import annotations

import pytest

from quartapp import Pauses


def test_pauses_double_up_to_the_longest():
    pauses = Pauses(first=0.5, longest=15, random_part=0)
    assert [pauses.after(failures) for failures in range(1, 8)] == [0.5, 1, 2, 4, 8, 15, 15]


@pytest.mark.parametrize("first", [0.001, 5, 1e6])
def test_pauses_after_very_many_failures_are_the_longest(first):
    assert Pauses(first, 600, random_part=0).after(1_000_000) == pytest.approx(600)


def test_half_of_a_pause_is_random_by_default():
    pauses = Pauses(first=10, longest=60)
    drawn = [pauses.after(2) for _ in range(1000)]
    assert all(10 <= pause <= 20 for pause in drawn)
    # Fewer than 1 in 10**100 runs draw nothing from the first or the last quarter.
    assert min(drawn) < 12.5
    assert max(drawn) > 17.5


def test_the_random_part_can_be_chosen():
    pauses = Pauses(first=10, longest=60, random_part=0.1)
    assert all(9 <= pauses.after(1) <= 10 for _ in range(1000))
