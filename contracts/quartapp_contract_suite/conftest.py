"""Options and fixtures of the contract tests; see README.md above this folder."""

from __future__ import annotations

import gc
import secrets
import shlex
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from quartapp.contract.schemas import kept_by_servers
from quartapp_contract_suite.accounts import NEEDED, ByCommand, Given, check_given, pair
from quartapp_contract_suite.choice import (
    LEFT_OUT,
    NO_REGISTRATION,
    Choice,
    chosen_features,
    left_out_lines,
)
from quartapp_contract_suite.http.report import summary_lines as http_lines
from quartapp_contract_suite.options import DEPTHS, add_options
from quartapp_contract_suite.page import write_page
from quartapp_contract_suite.people import PASSWORD, TIMEOUT_SECONDS, People
from quartapp_contract_suite.server import make_admin, server_in
from quartapp_contract_suite.telling import failure_lines, place_of, told
from quartapp_contract_suite.websocket.report import summary_lines as websocket_lines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from quartapp_contract_suite.people import Person

OWN_SECRET = secrets.token_hex(32)
JUNIT_FILE = "contract-results.xml"
# For the connection, and again for the answer.
ANSWER_SECONDS = 2.0
NO_ANSWER = 3
# A server that sends mail, and finds no mail server: what it wants to send waits for one.
MAIL_SETTINGS = {
    "QUARTAPP_MAIL_SMTP_HOST": "127.0.0.1",
    "QUARTAPP_MAIL_SMTP_PORT": "9",
    "QUARTAPP_MAIL_SMTP_SECURITY": "none",
    "QUARTAPP_MAIL_MAIL_FROM": "attendance@school.example",
    "QUARTAPP_MAIL_RESET_PAGE": "https://attendance.school.example/reset",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a contract run."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Write the results to a JUnit file, even without ``--junit-xml``, and look for the server."""
    if hasattr(config, "workerinput"):
        return
    if config.option.xmlpath is None:
        config.option.xmlpath = JUNIT_FILE
    if config.option.tbstyle == "auto":
        # The end of the run tells failures by operation, and not one after the other.
        config.option.contract_told = True
        config.option.tbstyle, config.option.reportchars = "no", "sxX"
    if url := config.getoption("--base-url"):
        _require_answer(url.rstrip("/"))


def _require_answer(url: str) -> None:
    """End the run with status 3 and one line where no server answers."""
    try:
        httpx.get(f"{url}/healthz", timeout=ANSWER_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        pytest.exit(f"no server answers at {url}: {reason}", returncode=NO_ANSWER)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is imported out of the searches for garbage, which would look at all of it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are for other servers, or that cannot run against this one.

    Raises:
        pytest.UsageError: ``--plugin`` is given for a server that this run does not start, or the
            run has no administrator who could invite people.
    """
    registration = _registration(config)
    given = _given(config)
    check_given(given)
    unmet = {"needs_registration": NO_REGISTRATION} if registration == "closed" else {}
    if config.getoption("--base-url"):
        if config.getoption("--plugin"):
            raise pytest.UsageError("--plugin is for a server that is started, not for --base-url")
        unmet["needs_own_server"] = "which need a server that the run starts itself"
        if not config.getoption("--contract-jwt-secret"):
            unmet |= {"needs_jwt_secret": "which need the server's secret: --contract-jwt-secret"}
        if not config.getoption("--contract-admin"):
            unmet["needs_admin"] = "which need an administrator: --contract-admin EMAIL:PASSWORD"
            if registration == "invite":
                raise pytest.UsageError("people are invited by an administrator: --contract-admin")
            if registration == "closed" and not (given or config.getoption("--accounts")):
                raise pytest.UsageError(
                    "somebody makes the people of the run: an administrator (--admin), a command "
                    "(--accounts), or give accounts that are there (--teacher and --student)"
                )
    elif given or config.getoption("--accounts"):
        raise pytest.UsageError("--accounts, --teacher and --student are for --base-url")

    fitting = {"registration": (registration,), "mail": (config.getoption("--contract-mail"),)}
    choice = Choice(
        chosen_features(config.getoption("--contract-features")),
        unmet,
        fitting,
        is_closed=registration == "closed",
        is_given=bool(given),
    )
    reasons = {item: reason for item in items if (reason := choice.reason_against(item))}
    config.stash[LEFT_OUT] = Counter(reasons.values())
    if reasons:
        config.hook.pytest_deselected(items=list(reasons))
        items[:] = [item for item in items if item not in reasons]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a failure say what was asked and what came, unless ``--tb`` asks for a traceback."""
    report = yield
    people = getattr(item, "funcargs", {}).get("people")
    if report.failed and call.excinfo is not None and item.config.getoption("contract_told", False):
        report.longrepr = told(call.excinfo.value, place_of(item), people)
    if people is not None and report.when == "teardown":
        people.last = None
    return report


def _given(config: pytest.Config) -> dict[str, Sequence[str]]:
    """Return the accounts that the run was given, by role; empty where it makes its own."""
    given: dict[str, Sequence[str]] = {role: config.getoption(f"--{role}") for role in NEEDED}
    return given if any(given.values()) else {}


def _registration(config: pytest.Config) -> str:
    """Return who may register on the server under test: ``open``, ``invite`` or ``closed``."""
    setting: str | None = config.getoption("--contract-registration")
    makes_none = _given(config) or config.getoption("--accounts")
    return setting or ("closed" if makes_none else "open")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases ran."""
    reports = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    properties = [pair for report in reports for pair in report.user_properties]
    config = terminalreporter.config
    failed = [*terminalreporter.stats.get("failed", ()), *terminalreporter.stats.get("error", ())]
    if failed and config.getoption("contract_told", False):
        terminalreporter.section("what failed")
        for line in failure_lines(failed):
            terminalreporter.line(line)
    lines = [*http_lines(properties), *websocket_lines(properties)]
    lines += left_out_lines(config.stash.get(LEFT_OUT, Counter()))
    if file := config.getoption("--contract-html"):
        server = config.getoption("--base-url") or "started by the run"
        write_page(Path(file), server, terminalreporter.stats, lines)
        lines.append(f"the report for people is in {file}")
    if lines:
        terminalreporter.section("the contract")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def plugins(request: pytest.FixtureRequest) -> list[str]:
    """Return arguments for ``quartapp serve`` that add the plugins of ``--plugin``."""
    names = request.config.getoption("--plugin")
    if request.config.getoption("--contract-mail") and "mail" not in names:
        names = [*names, "mail"]
    return [f"--plugin={name}" for name in names]


@pytest.fixture(scope="session")
def registration(request: pytest.FixtureRequest) -> str:
    """Return who may register on the server under test: ``open``, ``invite`` or ``closed``."""
    return _registration(request.config)


@pytest.fixture(scope="session")
def own_folder() -> Iterator[Path]:
    """Provide the folder of the server that the run starts."""
    with tempfile.TemporaryDirectory(prefix="quartapp-contract-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def base_url(
    request: pytest.FixtureRequest, plugins: list[str], registration: str, own_folder: Path
) -> Iterator[str]:
    """Provide the address of the server under test, without a slash at the end."""
    given: str | None = request.config.getoption("--base-url")
    if given:
        yield given.rstrip("/")
        return
    settings = {"QUARTAPP_AUTH_REGISTRATION": registration}
    if request.config.getoption("--contract-mail"):
        settings |= MAIL_SETTINGS
    with server_in(own_folder, *plugins, JWT_SECRET=OWN_SECRET, **settings) as url:
        yield url


@pytest.fixture(scope="session")
def jwt_secret(request: pytest.FixtureRequest) -> str | None:
    """Return the secret with which the server under test signs tokens; None if it is unknown."""
    if request.config.getoption("--base-url"):
        given: str | None = request.config.getoption("--contract-jwt-secret")
        return given
    return OWN_SECRET


@pytest.fixture(scope="session")
def depth(request: pytest.FixtureRequest) -> float:
    """Return the factor for the number of generated cases."""
    return DEPTHS[request.config.getoption("--contract-depth")]


@pytest.fixture(scope="session")
def features(request: pytest.FixtureRequest) -> frozenset[str] | None:
    """Return the features that are tested; None for all."""
    return chosen_features(request.config.getoption("--contract-features"))


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of the generated cases."""
    return int(request.config.getoption("--contract-seed"))


@pytest.fixture
def again(request: pytest.FixtureRequest, seed: int, plugins: list[str]) -> str:
    """Return the command that runs one test once more, with the same generated cases."""
    option = request.config.getoption
    parts = ["pytest", f"{request.path}::{request.node.name}", f"--contract-seed={seed}"]
    parts += [f"--contract-depth={option('--contract-depth')}", *plugins]
    parts += [f"--base-url={url}"] if (url := option("--base-url")) else []
    return shlex.join(parts)


@pytest.fixture(scope="session")
def openapi(base_url: str) -> dict[str, Any]:
    """Return the OpenAPI document of the server under test, with what it asks of servers alone."""
    document: dict[str, Any] = kept_by_servers(_served(f"{base_url}/openapi.json"))
    return document


@pytest.fixture(scope="session")
def asyncapi(base_url: str) -> dict[str, Any]:
    """Return the AsyncAPI document of the server under test."""
    return _served(f"{base_url}/asyncapi.json")


def _served(url: str) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(url, timeout=TIMEOUT_SECONDS).raise_for_status().json()
    return document


@pytest.fixture(scope="session")
def people(
    base_url: str, registration: str, request: pytest.FixtureRequest, own_folder: Path
) -> Iterator[People]:
    """Provide a maker of accounts on the server under test."""
    with People(base_url) as made:
        if given := _given(request.config):
            made.given = Given(given)
        elif command := request.config.getoption("--accounts"):
            made.maker = ByCommand(command)
        elif registration != "open" and (one := _admin(request, made, own_folder)):
            made.inviter = one if registration == "invite" else None
            made.maker = made.made_by(one) if registration == "closed" else None
        yield made


@pytest.fixture(scope="module", autouse=True)
def _given_people_begin_again(request: pytest.FixtureRequest) -> None:
    """Let each module of tests have the accounts that the run was given, from the first on."""
    if _given(request.config):
        people: People = request.getfixturevalue("people")
        assert people.given is not None
        people.given.begin()


@pytest.fixture(scope="session")
def admin(request: pytest.FixtureRequest, people: People, own_folder: Path) -> Person | None:
    """Return an administrator; None where the run has none, and leaves out what needs one."""
    return people.inviter or _admin(request, people, own_folder)


def _admin(request: pytest.FixtureRequest, people: People, own_folder: Path) -> Person | None:
    given: str | None = request.config.getoption("--contract-admin")
    if given:
        return people.signed_in(*pair(given, "--admin"))
    if request.config.getoption("--base-url"):
        return None
    email = f"{uuid.uuid4().hex}@school.example"
    make_admin(own_folder, email, PASSWORD)
    return people.signed_in(email, PASSWORD)
