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
from quartapp_contract_suite.server import running_server
from tests.support.plugins import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable
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
