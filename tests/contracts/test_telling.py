"""A failed test of the suite says what was asked, what came and what the contract has."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from quartapp_contract_suite.people import People
from quartapp_contract_suite.telling import LINE, MOST_LINES, failure_lines, told

CLASS = "695f79181c9d440000a1b2d1"
PLACE = "http/test_table.py::test_answer[getClass: mine]"
TABLE = "contracts/quartapp_contract_suite/http/test_table.py::test_answer"


@pytest.fixture
def people():
    with People("http://127.0.0.1:9") as made:
        made.names[CLASS] = "class Logic"
        yield made


def answered(people, method, path, **answer):
    request = httpx.Request(method, f"http://127.0.0.1:9{path}", json={"className": "Logic"})
    people.last = httpx.Response(request=request, **answer)


def mistake(text):
    """Return what is raised by a test that reads an answer as the contract has it."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - whatever json raises
        json.loads(text)
    return caught.value


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (mistake("<html>"), "the answer is no JSON"),
        (KeyError("data"), "the answer lacks 'data'"),
        (TypeError("it is a list"), "the answer has another form than the contract says: it is"),
        (httpx.ReadTimeout("timed out"), "the server gave no answer: timed out"),
        (httpx.ReadTimeout(""), "the server gave no answer: ReadTimeout"),
        (AssertionError(""), "a check of the suite does not hold"),
        (AssertionError("updatedAt stays\n\n +  where 1 = f()\n"), "updatedAt stays"),
    ],
)
def test_a_wrong_answer_is_told_as_one(people, error, sentence):
    answered(people, "GET", f"/api/v1/class/{CLASS}", status_code=418, text="<html>")
    lines = told(error, PLACE, people).splitlines()
    assert lines[0].startswith(sentence)
    assert lines[1:] == [
        'asked: GET /api/v1/class/<class Logic> {"className":"Logic"}',
        "came: 418 <html>",
        "the contract: getClass has 200, 304, 401, 403, 404, 500, 503",
        f"test: {PLACE}",
    ]


def test_a_failure_without_an_exchange_says_what_is_wrong_and_where(people):
    assert told(KeyError("data"), PLACE, people).splitlines()[1:] == [f"test: {PLACE}"]
    assert told(KeyError("data"), PLACE, None).splitlines()[1:] == [f"test: {PLACE}"]
    answered(people, "GET", "/nowhere", status_code=404, text="")
    assert told(KeyError("data"), PLACE, people).splitlines()[2:] == ["came: 404", f"test: {PLACE}"]


def report(nodeid, text):
    return pytest.TestReport(nodeid, (nodeid, 1, nodeid), {}, "failed", text, "call")


def test_failures_are_told_by_operation_the_first_of_each_kind_in_full():
    other = TABLE.replace("test_answer", "test_other")
    reports = [
        report(f"{TABLE}[getClass: mine]", "one\ntwo"),
        report(f"{TABLE}[getClass: another]", "three"),
        report(f"{other}[getClass]", "x" * 1000),
        report(f"{other}[addStudent-nothing]", "four"),
        report(f"{other}[of no operation]", "five"),
    ]
    lines = failure_lines(reports)
    assert lines[:2] == ["addStudent: 1 test", "  four"]
    assert lines[2:6] == ["getClass: 3 tests", "  one", "  two", "  and 1 more of this kind"]
    assert lines[6] == f"  {'x' * (LINE - 2)} ..."
    assert lines[7:] == ["http/test_table.py::test_other: 1 test", "  five"]


@pytest.mark.parametrize("number", [1, 2, 20, 49, 50, 51, 500])
def test_many_failures_are_fifty_lines_and_each_that_has_room_is_named(number):
    reports = [report(f"{TABLE}_{case:03}", "line\n" * 100) for case in range(number)]
    lines = failure_lines(reports)
    assert len(lines) == MOST_LINES
    named = [line for line in lines if line.endswith(": 1 test")]
    if number <= MOST_LINES:
        assert len(named) == number
    else:
        assert len(named) == MOST_LINES - 1
        assert lines[-1] == f"and {number - MOST_LINES + 1} more; the JUnit file has all failures"


class Wrong(BaseHTTPRequestHandler):
    """A server of another kind: whatever is asked, it answers a page."""

    def answer(self):
        page = b"<html>It works!</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_POST = answer  # noqa: N815 - the names of the library

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def serving():
    with ThreadingHTTPServer(("127.0.0.1", 0), Wrong) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.processes
def test_a_run_against_another_kind_of_server_ends_in_a_few_lines_without_a_traceback(tmp_path):
    with serving() as url:
        done = subprocess.run(  # noqa: S603 - our own command
            [
                *(sys.executable, "-m", "quartapp.cli", "contract", "test", url),
                *("--", "-q", "-p", "no:randomly", "-k", "test_headers or test_tokens"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1, done.stdout + done.stderr
    _, told_at_the_end = done.stdout.split(" what failed ", 1)
    lines = told_at_the_end.partition(" the contract ")[0].splitlines()[1:]
    assert len(lines) <= MOST_LINES + 1, done.stdout
    assert "  POST /auth/register: 200 <html>It works!</html>" in lines, done.stdout
    assert "  the contract: registerUser has " in done.stdout
    for word in ("Traceback", "JSONDecodeError", "KeyError"):
        assert word not in done.stdout, done.stdout
