"""The clock that all servers of an installation share."""

from __future__ import annotations

from quartapp.clock import Clock, SharedClock
from quartapp.testing import TurnedClock


class Settable(Clock):
    """The clock of a machine, which somebody sets; its monotonic part goes on by itself."""

    def __init__(self):
        super().__init__()
        self.shown, self.passed = 1_000_000.0, 50.0
        self.time = lambda: self.shown
        self.monotonic = lambda: self.passed

    def go_on(self, seconds):
        self.shown += seconds
        self.passed += seconds


def test_clock_of_the_machine_counts_until_the_first_measurement():
    machine = Settable()
    clock = SharedClock(machine)
    machine.go_on(3)
    assert clock.time() == machine.time() == 1_000_003
    assert clock.ahead == 0


def test_measured_time_is_taken_over():
    machine = Settable()
    clock = SharedClock(machine)
    assert clock.agree(1_000_005, machine.monotonic(), 0.1) == 5
    machine.go_on(2)
    assert clock.time() == 1_000_007
    assert clock.ahead == 5


def test_difference_within_the_error_of_a_measurement_changes_nothing():
    machine = Settable()
    clock = SharedClock(machine)
    assert clock.agree(1_000_000.05, machine.monotonic(), 0.1) == 0
    assert clock.time() == 1_000_000


def test_setting_the_clock_of_the_machine_changes_nothing():
    machine = Settable()
    clock = SharedClock(machine)
    for hours in (-1, 2):
        machine.shown += hours * 3600
        machine.go_on(1)
    assert clock.time() == 1_000_002
    # The next measurement says the same as before.
    assert clock.agree(1_000_002, machine.monotonic(), 0.001) == 0


async def test_timers_are_those_of_the_process():
    machine = TurnedClock()
    clock = SharedClock(machine)
    rung = []
    clock.call_later(5, rung.append, "bell")
    await machine.advance(5)
    assert rung == ["bell"]
    assert machine.waiting == []
