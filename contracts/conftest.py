"""Options and fixtures of the contract tests; see README.md beside this file."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Found wherever this folder lies: in a checkout, or inside the installed package.
sys.path.insert(0, str(Path(__file__).parent))

import ws_report
from contract_support import fuzz
from contract_support.people import People
from contract_support.server import running_server

# Fixtures of the single rows of the WebSocket contract.
from ws_lesson import cast as cast
from ws_lesson import connect as connect
from ws_lesson import document as document
from ws_lesson import lesson as lesson

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEP_FACTOR = 10
OWN_SECRET = secrets.token_hex(32)
JUNIT_FILE = "contract-results.xml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a contract run."""
    group = parser.getgroup("contract", "the contract of quartapp")
    group.addoption(
        "--base-url",
        metavar="URL",
        help="The server to test. Without it, one is started on the embedded database.",
    )
    group.addoption(
        "--contract-depth",
        choices=("default", "deep"),
        default="default",
        help="deep: ten times the cases.",
    )
    group.addoption(
        "--contract-seed",
        type=int,
        default=0,
        help="Where generated cases begin; another number, other cases.  [default: 0]",
    )
    group.addoption(
        "--contract-jwt-secret",
        metavar="SECRET",
        help="The JWT_SECRET of the server of --base-url; some tokens cannot be made without.",
    )
    group.addoption(
        "--contract-openapi",
        metavar="FILE_OR_URL",
        help="Fuzz what this document says; by default openapi.yaml. With a server's own "
        "/openapi.json, the routes of its plugins are tried as well.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep the results as a JUnit file also when none was asked for."""
    if config.option.xmlpath is None and not hasattr(config, "workerinput"):
        config.option.xmlpath = JUNIT_FILE


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot be asked of somebody else's server."""
    if not config.getoption("--base-url"):
        return
    beyond = ["needs_own_server"]
    if not config.getoption("--contract-jwt-secret"):
        beyond.append("needs_jwt_secret")
    left_out = [item for item in items if any(map(item.get_closest_marker, beyond))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases ran."""
    reports = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    properties = [pair for report in reports for pair in report.user_properties]
    lines = [*fuzz.summary_lines(properties), *ws_report.summary_lines(properties)]
    if lines:
        terminalreporter.section("the contract")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def base_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the server under test is, without a slash at the end."""
    given: str | None = request.config.getoption("--base-url")
    if given:
        yield given.rstrip("/")
        return
    with running_server(JWT_SECRET=OWN_SECRET) as url:
        yield url


@pytest.fixture(scope="session")
def jwt_secret(request: pytest.FixtureRequest) -> str | None:
    """What the server under test signs tokens with; None when nobody told."""
    if request.config.getoption("--base-url"):
        given: str | None = request.config.getoption("--contract-jwt-secret")
        return given
    return OWN_SECRET


@pytest.fixture(scope="session")
def depth(request: pytest.FixtureRequest) -> int:
    """What to multiply the number of generated cases with."""
    return DEEP_FACTOR if request.config.getoption("--contract-depth") == "deep" else 1


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """Where generated cases begin."""
    return int(request.config.getoption("--contract-seed"))


@pytest.fixture(scope="session")
def people(base_url: str) -> Iterator[People]:
    """Makes accounts on the server under test."""
    with People(base_url) as made:
        yield made
