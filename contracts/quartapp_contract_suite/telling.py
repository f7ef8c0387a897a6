"""What a failed test says: what is wrong, what was asked, what came, and what the contract has."""

from __future__ import annotations

import re
from collections import defaultdict
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from quartapp_contract_suite.documents.documents import openapi_authority
from quartapp_contract_suite.http.operations import PARAMETER, methods, operations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quartapp_contract_suite.people import People

HERE = Path(__file__).parent
# At the end of a run. The JUnit file has all of every failure.
MOST_LINES = 50
LINE = 240
CASE = re.compile(r"\[([A-Za-z]+)\b")


def told(error: BaseException, place: str, people: People | None) -> str:
    """Return the text of a failure.

    Args:
        error: What was raised.
        place: File and line of the test.
        people: The people of the run, who have made the requests of the test; None for none.
    """
    lines = [*_sentence(error), f"test: {place}"]
    if people is None:
        return "\n".join(lines)
    if people.last is not None:
        lines[-1:-1] = _exchange(people.last)
    return _with_names("\n".join(lines), people.names)


def _sentence(error: BaseException) -> list[str]:
    """Return what is wrong: a test reads an answer as the contract has it, and may find another."""
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        # pytest also tells where each value comes from, at length.
        said = [
            line
            for line in str(error).splitlines()
            if line.strip() and not line.lstrip().startswith("+  ")
        ]
        return said or ["a check of the suite does not hold"]
    if isinstance(error, JSONDecodeError):
        return ["the answer is no JSON"]
    if isinstance(error, KeyError):
        return [f"the answer lacks {error}"]
    if isinstance(error, (LookupError, TypeError, ValueError, AttributeError)):
        return [f"the answer has another form than the contract says: {error}"]
    if isinstance(error, httpx.HTTPError):
        return [f"the server gave no answer: {str(error) or type(error).__name__}"]
    return f"{type(error).__name__}: {error}".splitlines()


def _exchange(answer: httpx.Response) -> list[str]:
    """Return the last request of a test, its answer, and the statuses in the contract."""
    request = answer.request
    where = request.url.raw_path.decode("ascii")
    sent = request.content.decode("utf-8", "replace")
    # An answer that is a stream, or that nobody has read, has no text.
    came = answer.text if answer.is_stream_consumed else "(a stream)"
    lines = [
        f"asked: {request.method} {where} {sent}".rstrip(),
        f"came: {answer.status_code} {came}".rstrip(),
    ]
    for template, item in openapi_authority()["paths"].items():
        path = "[^/]+".join(map(re.escape, PARAMETER.split(template)))
        if request.method in methods(item) and re.fullmatch(path, request.url.path):
            operation = item[request.method.lower()]
            lines.append(f"the contract: {operation['operationId']} has {_statuses(operation)}")
            break
    return lines


def _statuses(operation: Mapping[str, Mapping[str, object]]) -> str:
    return ", ".join(sorted(operation["responses"]))


def _with_names(text: str, names: Mapping[str, str]) -> str:
    """Return a text with the names of people and classes in the place of their ids."""
    for identifier, name in names.items():
        text = text.replace(identifier, f"<{name}>").replace(identifier.upper(), f"<{name}>")
    return text


def place_of(item: pytest.Item) -> str:
    """Return the file and the name of a test, from the folder of the suite."""
    path = item.path.relative_to(HERE) if item.path.is_relative_to(HERE) else item.path
    return f"{path.as_posix()}::{item.name}"


def failure_lines(reports: Sequence[pytest.TestReport]) -> list[str]:
    """Return failures by operation, the first of each kind in full, in ``MOST_LINES`` lines.

    Args:
        reports: Reports of the tests that failed.
    """
    groups: defaultdict[str, list[pytest.TestReport]] = defaultdict(list)
    known = {operation.id for operation in operations()}
    for report in reports:
        groups[_about(report.nodeid, known)].append(report)
    lines: list[str] = []
    for behind, (about, found) in enumerate(sorted(groups.items()), start=1 - len(groups)):
        if len(lines) == MOST_LINES - 1 and behind < 0:
            lines.append(f"and {1 - behind} more; the JUnit file has all failures")
            break
        number = f"{len(found):,} {'test' if len(found) == 1 else 'tests'}"
        block = [f"{about}: {number}", *_first_of_each_kind(found)]
        # Each of those behind it has a line of its own, as long as there is room.
        room = MOST_LINES - len(lines) + behind
        lines += block[: max(room, 1)]
    return [line if len(line) <= LINE else f"{line[:LINE]} ..." for line in lines]


def _about(nodeid: str, operations_known: set[str]) -> str:
    """Return the operation that a test is about; for a test about none, the test."""
    case = CASE.search(nodeid)
    if case is not None and case[1] in operations_known:
        return case[1]
    return nodeid.partition("[")[0].rpartition("quartapp_contract_suite/")[2]


def _first_of_each_kind(reports: Sequence[pytest.TestReport]) -> list[str]:
    kinds: defaultdict[str, list[pytest.TestReport]] = defaultdict(list)
    for report in reports:
        kinds[report.nodeid.partition("[")[0]].append(report)
    lines: list[str] = []
    for first, *others in kinds.values():
        lines += [f"  {line}" for line in first.longreprtext.splitlines()]
        if others:
            lines.append(f"  and {len(others):,} more of this kind")
    return lines
