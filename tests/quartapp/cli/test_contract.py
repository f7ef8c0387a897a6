"""``quartapp contract``, as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from quartapp.cli.main import main
from quartapp.contract.files import openapi_file, read_document
from quartapp.contract.openapi.compare import differences
from quartapp_contract_suite.people import PASSWORD, People
from quartapp_contract_suite.server import make_admin, running_server, server_in
from tests.support.plugins import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.processes


@pytest.fixture
def quartapp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    # The plugins that are on by default are those whose contract it is.
    (tmp_path / "quartapp.toml").write_text(f"[plugins]\nenabled = {json.dumps(DEFAULT)}")
    return lambda *arguments: CliRunner().invoke(main, ["contract", *arguments])


def test_check_is_content_with_the_bundled_plugins(quartapp: Callable[..., Result]) -> None:
    result = quartapp("check")

    assert (result.exit_code, result.output) == (0, "the server keeps to the contract\n")


def test_check_tells_of_drift_and_fails(quartapp: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "quartapp.toml").write_text('[plugins]\nenabled = ["auth"]')

    result = quartapp("check")

    assert result.exit_code == 1
    assert "drift: GET /api/v1/class: this configuration does not have it\n" in result.output


def test_show_prints_the_document_as_yaml(quartapp: Callable[..., Result]) -> None:
    result = quartapp("show")

    assert result.exit_code == 0
    assert differences(read_document(openapi_file()), yaml.safe_load(result.output)) == []


@pytest.mark.parametrize(("kind", "version"), [("openapi", "3.1.0"), ("asyncapi", "3.0.0")])
def test_show_prints_either_document_as_json(
    kind: str, version: str, quartapp: Callable[..., Result]
) -> None:
    result = quartapp("show", "--format", kind, "--json")

    assert json.loads(result.output)[kind] == version


def test_a_mistake_in_the_settings_is_one_sentence(
    quartapp: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "quartapp.toml").write_text('[plugins]\nenabled = ["nonsense"]')

    result = quartapp("check")

    assert result.exit_code == 2
    assert "plugin nonsense is not installed" in result.output
    assert "Traceback" not in result.output


def test_the_tests_run_against_a_server_that_is_named(tmp_path: Path) -> None:
    with running_server() as url:
        result = subprocess.run(  # noqa: S603 - our own command
            [
                *(sys.executable, "-m", "quartapp.cli", "contract", "test", url),
                *("--", "-k", "table and (getHealth or getMe or account_that_is_gone)"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    results = tmp_path / "contract-results.xml"
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    # Whoever does not tell the secret cannot have that one asked.
    assert "test_an_account_that_is_gone" not in results.read_text()


ADMIN = "root@school.example"
ME = "test_table and getMe and answer_is"
ACCOUNT = "user create {email} --name {name} --role {role} --password-stdin"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Provide a server on which nobody may register, and its folder."""
    folder = tmp_path_factory.mktemp("closed")
    with server_in(folder, QUARTAPP_AUTH_REGISTRATION="closed") as url:
        make_admin(folder, ADMIN, PASSWORD)
        yield url, folder


def run_suite(url: str, cwd: Path, *arguments: str, only: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [
            *(sys.executable, "-m", "quartapp.cli", "contract", "test", url, *arguments),
            *("--", "-p", "no:randomly", "-k", only),
        ],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_an_administrator_makes_the_people_of_a_closed_server(
    closed: tuple[str, Path], tmp_path: Path
) -> None:
    options = ("--registration", "closed", "--admin", f"{ADMIN}:{PASSWORD}")
    result = run_suite(closed[0], tmp_path, *options, only="getMe or registerUser")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "tests, which need a server on which people register" in result.stdout
    assert "registerUser" not in (tmp_path / "contract-results.xml").read_text()


def test_a_command_makes_the_people_of_a_closed_server(
    closed: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = closed
    command = f"{sys.executable} -m quartapp.cli {ACCOUNT} --data-dir {folder / 'data'}"
    result = run_suite(url, tmp_path, "--accounts", command, only=ME)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout

    result = run_suite(url, tmp_path, "--accounts", "false", only=ME)
    assert result.returncode == 1
    assert "--accounts ended with status 1" in result.stdout


def test_accounts_that_are_there_are_used_and_what_needs_new_people_is_told(
    closed: tuple[str, Path], tmp_path: Path
) -> None:
    url, _ = closed
    options: list[str] = []
    with People(url) as people:
        people.maker = people.made_by(people.signed_in(ADMIN, PASSWORD))
        for role, number in (("teacher", 2), ("student", 4)):
            for _ in range(number):
                email = people.person("Somebody", role).email
                options += [f"--{role}", f"{email}:{PASSWORD}"]
    only = "websocket and (done_keeps_all or student_sees_their_own) or getMe"
    result = run_suite(url, tmp_path, *options, only=only)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "tests, which need new people: let them register, or give --accounts" in result.stdout
    names = (tmp_path / "contract-results.xml").read_text()
    assert "test_done_keeps_all_records" in names
    assert "answer_is_as_the_table_says" not in names

    result = run_suite(url, tmp_path, *options[2:], only=only)
    assert result.returncode == 4
    assert "the tests need 2 of --teacher and 4 of --student, each another account" in result.stderr
