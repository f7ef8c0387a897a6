"""Options and fixtures of the contract tests; see README.md beside this file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Found wherever this folder lies: in a checkout, or inside the installed package.
sys.path.insert(0, str(Path(__file__).parent))

from contract_support.people import People
from contract_support.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEP_FACTOR = 10


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


@pytest.fixture(scope="session")
def base_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the server under test is, without a slash at the end."""
    given: str | None = request.config.getoption("--base-url")
    if given:
        yield given.rstrip("/")
        return
    with running_server() as url:
        yield url


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
