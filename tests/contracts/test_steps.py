"""A red fuzz, of the socket or of routes, says in a few lines what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from quartapp.testing.fuzz import MOST_LINES, Outcome
from quartapp_contract_suite.websocket.step import (
    LAST_STEPS,
    LINE,
    SENTENCE_LINES,
    FailedPlayError,
    failure,
    step,
)

OUTPUT = """\
Schemathesis v4

 X  Fuzzing (in 11.12s)

=================================== FAILURES ===================================
____________________________________ GET /a ____________________________________
1. Test Case ID: IGDydh

- ST101 Server error

[500] Internal Server Error:

    `{}`

Reproduce with:

    curl -X GET 'http://127.0.0.1:3000/a'

    st replay IGDydh

=================================== SUMMARY ====================================

Operations: 3
"""


def test_a_red_fuzz_of_routes_tells_the_failures_alone():
    assert Outcome(1, OUTPUT, {}, 1).told.splitlines()[1:] == [
        "1. Test Case ID: IGDydh",
        "- ST101 Server error",
        "[500] Internal Server Error:",
        "    `{}`",
        "    curl -X GET 'http://127.0.0.1:3000/a'",
    ]
    many = OUTPUT.replace("- ST101 Server error", "- ST101 Server error\n" * 500)
    assert Outcome(1, many, {}, 1).told.splitlines()[MOST_LINES - 1 :] == ["and 456 more lines"]
    assert Outcome(2, "no such file\n", {}, 1).told == "no such file"


def test_a_red_fuzz_of_routes_tells_the_first_of_each_kind_for_each_operation():
    def case(number, check, answer):
        return f"{number}. Test Case ID: {number}\n- {check}\n[500] {answer}\n"

    parts = [
        "==== FAILURES ====\n",
        "____ GET /a ____\n",
        case(1, "Server error", "one"),
        case(2, "Server error", "two"),
        case(3, "Undocumented status", "three"),
        case(4, "Server error", "four"),
        "____ GET /b ____\n",
        case(1, "Server error", "five"),
        "==== SUMMARY ====\n",
    ]
    assert Outcome(1, "".join(parts), {}, 1).told.splitlines() == [
        "____ GET /a ____",
        *case(1, "Server error", "one").splitlines(),
        "more cases with: Server error",
        *case(3, "Undocumented status", "three").splitlines(),
        "____ GET /b ____",
        *case(1, "Server error", "five").splitlines(),
    ]


def test_the_first_failure_ends_the_run_and_is_told_with_its_steps():
    runs = []

    class Machine(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.steps, self.failed = [], False
            runs.append(self)

        @step(number=st.integers(0, 9))
        def count(self, number):
            if len(self.steps) == 20:
                raise AssertionError("the server counts wrongly")

    with pytest.raises(FailedPlayError) as caught:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=50,
                phases=(Phase.generate,),
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    (failed,) = [run for run in runs if run.failed]
    assert failed is runs[-1]
    lines = str(caught.value).splitlines()
    assert lines[:2] == ["the server counts wrongly", f"the last {LAST_STEPS} of 20 steps:"]
    assert lines[2:] == [f"  {one}" for one in failed.steps[-LAST_STEPS:]]


def test_a_long_failure_is_cut():
    told = failure(AssertionError("\n".join(["x" * 10_000] * 100)), ["mark()"])
    lines = told.splitlines()
    assert len(lines) == SENTENCE_LINES + 2
    assert max(map(len, lines)) <= LINE + len(" ...")
    assert lines[-2:] == ["the step:", "  mark()"]
    assert failure(KeyError("seq"), []).startswith("KeyError: 'seq'")
