"""Which tests a run has: by feature and by server; what it leaves out is told with the reason."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from quartapp.cli.contract import test as command
from quartapp_contract_suite.choice import (
    FEATURES,
    chosen_features,
    left_out_lines,
    operations_beside,
    operations_of,
)
from quartapp_contract_suite.documents.documents import openapi_authority
from quartapp_contract_suite.page import MOST_LINES, page

SERVER = "http://127.0.0.1:3000/<script>"


def report(nodeid, text="", when="call"):
    return pytest.TestReport(nodeid, (nodeid, 1, nodeid), {}, "passed", text, when)


def test_features_are_those_of_the_documents_tags():
    tags = {
        tag
        for item in openapi_authority()["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
        for tag in operation.get("tags", ())
    }
    assert set(FEATURES.values()) == tags


def test_the_command_s_help_names_all_features():
    (option,) = [one for one in command.params if one.name == "features"]
    assert option.help.endswith(f": {', '.join(FEATURES)}.")


def test_a_feature_that_is_none_is_named_and_nothing_is_no_choice():
    assert chosen_features(None) is None
    assert chosen_features("auth, live") == {"auth", "live"}
    with pytest.raises(pytest.UsageError, match="no feature is called chess; there are auth,"):
        chosen_features("auth,chess")
    with pytest.raises(pytest.UsageError, match="no feature is called nothing"):
        chosen_features(" , ")


def test_the_fuzz_leaves_out_what_belongs_to_no_feature():
    document = openapi_authority()
    assert {"login", "getMe"} <= operations_of(frozenset({"auth"}))
    beside = {one.id for one in operations_beside(frozenset({"auth"}), document)}
    assert {"createClass", "startAttendance"} <= beside
    assert not beside & operations_of(frozenset({"auth"}))
    assert operations_beside(None, document) == []


@pytest.fixture
def collected(tmp_path):
    """Collects the tests of the suite with options; returns the status and what pytest says."""

    def collect(*options):
        return subprocess.run(  # noqa: S603 - our own command
            [
                *(sys.executable, "-m", "quartapp.cli", "contract", "test", *options),
                *("--", "--collect-only", "-q", "-p", "no:randomly"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return collect


@pytest.mark.processes
def test_a_run_of_one_feature_has_its_tests_and_says_how_many_it_lacks(collected):
    found = collected("--features", "auth")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "[login: wrong password]" in found.stdout
    assert "createClass: " not in found.stdout
    assert "websocket/" not in found.stdout
    assert "documents/test_documents.py" in found.stdout
    assert "not of --contract-features auth" in found.stdout


@pytest.mark.processes
def test_where_no_server_answers_one_line_says_so_with_status_3(collected):
    with socket.socket() as taken:
        # Bound and not listening: nobody else gets the port, and nobody answers there.
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        found = collected(url)
    assert found.returncode == 3, found.stdout + found.stderr
    assert f"no server answers at {url}" in found.stderr
    assert "Traceback" not in found.stdout + found.stderr
    assert len(found.stderr.strip().splitlines()) == 1, found.stderr
    assert not found.stdout.strip()


def test_what_was_not_tested_is_told_with_the_reason():
    assert left_out_lines({"which need an administrator": 1_200, "of no use": 1}) == [
        "not tested: 1 test, of no use",
        "not tested: 1,200 tests, which need an administrator",
    ]


def test_the_report_for_people_is_one_file_that_shows_each_kind_of_failure_in_full():
    long = "\n".join(f"line {number}" for number in range(MOST_LINES + 5))
    made = page(
        SERVER,
        {
            "passed": [report("a.py::test_a"), report("a.py::test_a", when="setup")],
            "failed": [
                report("t.py::test_b[one]", "asked <b>GET</b>"),
                report("t.py::test_b[two]", long),
            ],
        },
        ["not tested: 2 tests, <reason>"],
    )
    assert "1 tests passed" in made
    assert "2 tests failed" in made
    assert "t.py::test_b (2)" in made
    assert "asked &lt;b&gt;GET&lt;/b&gt;" in made
    assert made.count("<details open>") == 1
    assert "(5 lines before)" in made
    assert "line 0\n" not in made
    assert "not tested: 2 tests, &lt;reason&gt;" in made
    assert "<script" not in made
    assert "<reason>" not in made
    assert not any(word in made for word in ("src=", "href=", "http-equiv", "@import", "url("))


def test_the_report_of_a_server_that_keeps_to_the_contract_says_so():
    made = page("one", {"passed": [report("a.py::test_a")]}, [])
    assert "The server keeps to the contract." in made
    assert "What failed" not in made
