"""No test passes or fails by the clock on the wall.

What depends on time is tested with a clock that the test turns. Whatever else has to be waited for
is a condition. A deadline ends a hang, asserts nothing else, and is called so: ``assert monotonic()
< deadline``. What was measured is printed.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("contracts/**/*.py")])
READINGS = {"monotonic", "perf_counter", "time", "time_ns", "monotonic_ns", "now", "utcnow"}
# A clock that a test turns is nobody's wall.
TURNED = {"turned_clock", "clock"}
GENEROUS_SECONDS = 60
LIMITS = {"timeout", "settimeout", "wait_for"}

# Where a test sleeps, and why that decides nothing.
MAY_SLEEP = {
    "tests/conftest.py": "`eventually` asks again and again what nobody signals",
    "tests/support/waiting.py": "`until` asks again and again what nobody signals",
    "tests/plugins/quartapp_oneroster/test_runs.py": "the database is asked again and again",
}
# Where an assertion is about time, and why it does not fail on a busy machine.
MAY_COMPARE = {
    "tests/faults/test_database_gone.py": "a rate of log lines: more time allows more of them",
}


def reads_clock(node):
    """Whether ``node`` is a call that reads a real clock."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Name):
        return called.id in READINGS
    if not isinstance(called, ast.Attribute) or called.attr not in READINGS:
        return False
    return not (isinstance(called.value, ast.Name) and called.value.id in TURNED)


def is_lapse(node, lapses):
    """Whether ``node`` is, or was computed from, a difference of two readings of a clock."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        sides = (node.left, node.right)
        # What is left until a deadline, and a moment long ago, are no lapse.
        innocent = any(ast.unparse(side).startswith(("deadline", "timedelta(")) for side in sides)
        return any(map(reads_clock, sides)) and not innocent
    return isinstance(node, ast.Name | ast.Subscript | ast.Attribute) and (
        ast.unparse(node) in lapses
    )


def contains_lapse(tree, lapses):
    return any(is_lapse(node, lapses) for node in ast.walk(tree))


def names_of(target):
    """Return the names that an assignment sets."""
    if isinstance(target, ast.Tuple | ast.List):
        return [name for item in target.elts for name in names_of(item)]
    return [ast.unparse(target)]


def lapses_of(tree):
    """Return the names in ``tree`` that hold a measured time."""
    lapses = set()
    while True:
        found = set(lapses)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and contains_lapse(node.value, lapses):
                found.update(name for target in node.targets for name in names_of(target))
            elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr) and node.value:
                found.update(names_of(node.target) if contains_lapse(node.value, lapses) else ())
        if found == lapses:
            return lapses
        lapses = found


def offences(tree):
    """Yield the parts of ``tree`` that depend on real time: ``(line, kind, what)``."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            lapses = lapses_of(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Assert) and contains_lapse(node.test, lapses):
                    yield node.lineno, "compares", ast.unparse(node.test)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        numbers = [
            each.value
            for each in [*node.args, *(word.value for word in node.keywords if word.arg == name)]
            if isinstance(each, ast.Constant) and isinstance(each.value, int | float)
        ]
        if name == "sleep" and not (numbers and numbers[0] == 0) and not of_turned(node):
            yield node.lineno, "sleeps", ast.unparse(node)
        short = any(0 < number < GENEROUS_SECONDS for number in numbers)
        if name in LIMITS and short and not of_turned(node):
            yield node.lineno, "limits", ast.unparse(node)


def of_turned(call):
    """Whether ``call`` is one of a clock that a test turns."""
    called = call.func
    return isinstance(called, ast.Attribute) and ast.unparse(called.value) in TURNED


def found_in(path):
    return list(offences(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_depends_on_the_clock_on_the_wall(path):
    name = str(path.relative_to(ROOT))
    allowed = {"sleeps"} if name in MAY_SLEEP else set()
    allowed |= {"compares"} if name in MAY_COMPARE else set()
    assert [found for found in found_in(path) if found[1] not in allowed] == []


def test_every_exception_is_still_needed():
    for names, kind in ((MAY_SLEEP, "sleeps"), (MAY_COMPARE, "compares")):
        for name in names:
            assert kind in {found[1] for found in found_in(ROOT / name)}, name


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("began = monotonic()\nassert time.monotonic() - began < 5", ["compares"]),
        ("took = loop.time() - began\nassert took < 5", ["compares"]),
        ("slow = max(slow, time.time() - began)\nassert slow < 5", ["compares"]),
        ("a['s'] = perf_counter() - b\nc = a['s'], 1\nassert 1000 * max(c) < 5", ["compares"]),
        ("assert time.monotonic() < deadline, 'it hangs'", []),
        ("left = deadline - time.monotonic()\nassert left > 0, 'it hangs'", []),
        ("past = datetime.now(UTC) - timedelta(days=1)\nassert past in found", []),
        ("assert turned_clock.monotonic() - began < 5", []),
        ("await asyncio.sleep(0.15)", ["sleeps"]),
        ("sleep(PAUSE_SECONDS)", ["sleeps"]),
        ("await asyncio.sleep(0)", []),
        ("asyncio.timeout(5)", ["limits"]),
        ("process.wait(timeout=5)", []),
        ("asyncio.timeout(120)", []),
    ],
)
def test_dependence_on_real_time_is_found(code, kinds):
    indented = code.replace("\n", "\n    ")
    found = list(offences(ast.parse(f"async def test():\n    {indented}\n")))
    assert [kind for _, kind, _ in found] == kinds
