"""Clients that are generated from openapi.yaml compile, and work against the server.

A published generator, in the version that the client's folder pins, makes each client in a folder
of its own; npm and pip need their registries. A program that walks through the API uses the
generated types. Other programs have mistakes that the compiler must find, so that types that allow
everything fail the test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.people import days_ago
from quartapp_contract_suite.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = Path(__file__).parent
OPENAPI = CLIENTS.parent.parent / "openapi.yaml"
INSTALL_SECONDS = 240.0
RUN_SECONDS = 120.0


def run(*command: str | Path, cwd: Path, seconds: float = RUN_SECONDS) -> str:
    """Run a command, and return its standard output.

    Args:
        command: A program, looked up in PATH, and its arguments.
        cwd: Working directory of the program.
        seconds: Time limit, in seconds.

    Raises:
        AssertionError: The program failed; the message has its output.
    """
    program = shutil.which(command[0])
    assert program, f"{command[0]} is not installed; the client tests need it"
    done = subprocess.run(  # noqa: S603 - commands of this file
        [program, *command[1:]],
        cwd=cwd,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def address() -> str:
    """Return an e-mail address that nobody has."""
    return f"{uuid.uuid4().hex}@school.example"


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """Start a server, and provide its address without a slash at the end."""
    with running_server() as url:
        yield url


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the generated TypeScript types and the programs that use them."""
    folder = tmp_path_factory.mktemp("client") / "typescript"
    shutil.copytree(CLIENTS / "typescript", folder, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(OPENAPI, folder)
    run("npm", "ci", "--no-audit", "--no-fund", cwd=folder, seconds=INSTALL_SECONDS)
    run("npm", "run", "generate", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the generated Python client, the programs that use it, and their venv."""
    folder = tmp_path_factory.mktemp("client") / "python"
    shutil.copytree(CLIENTS / "python", folder)
    run(
        *(scripts(with_venv(folder)) / "openapi-python-client", "generate", "--path", OPENAPI),
        *("--meta", "none", "--output-path", "quartapp_client"),
        *("--config", "generator.yaml", "--fail-on-warning"),
        cwd=folder,
    )
    return folder


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with openapi-generator and a venv for the Python client that it makes."""
    folder = tmp_path_factory.mktemp("generator") / "python"
    shutil.copytree(CLIENTS / "openapi_generator_python", folder)
    return with_venv(folder)


def with_venv(folder: Path) -> Path:
    """Install the requirements of ``folder`` into a venv in it, and return ``folder``."""
    run(sys.executable, "-m", "venv", "venv", cwd=folder)
    requirements = ("install", "--quiet", "--no-compile", "--requirement", "requirements.txt")
    run(scripts(folder) / "pip", *requirements, cwd=folder, seconds=INSTALL_SECONDS)
    return folder


def openapi_generator(generator: Path, kind: str, output: Path, *options: str) -> None:
    """Make a client from openapi.yaml as it is: no option lets the generator skip a check.

    Args:
        generator: Folder of the venv with openapi-generator, which needs Java.
        kind: Name of the generator, such as ``python``.
        output: Folder for the client.
        options: Options that concern names alone.
    """
    command = ("openapi-generator-cli", "generate", "--input-spec", str(OPENAPI))
    binary, *arguments = command
    run(
        *(scripts(generator) / binary, *arguments, "--generator-name", kind),
        *("--output", output, *options),
        cwd=generator,
    )


def scripts(folder: Path) -> Path:
    """Return the folder of the programs of the venv in ``folder``."""
    return folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")


def test_the_typescript_client_compiles_and_walks(typescript: Path, base_url: str) -> None:
    run("npm", "run", "compile", cwd=typescript)
    teacher, student = address(), address()
    seen = json.loads(run("node", "built/walk.js", base_url, teacher, student, cwd=typescript))
    assert seen["me"]["email"] == seen["teacher"] == teacher
    assert seen["roll"] == [seen["studentId"]]
    assert seen["students"] == [student]
    assert seen["className"] == "Mathematics 101"
    assert seen["classId"] == seen["startedId"] == seen["sessionClassId"]
    assert seen["status"] is None
    assert seen["refused"] == "attendance session is active"


def test_the_python_client_fits_its_types_and_walks(python: Path, base_url: str) -> None:
    types = ("--strict", "--follow-imports=silent", "walk.py", "mistakes.py")
    run(scripts(python) / "mypy", *types, cwd=python)
    email = address()
    printed = run(scripts(python) / "python", "walk.py", base_url, email, cwd=python)
    seen: dict[str, Any] = json.loads(printed)
    assert seen["me"] == seen["registered"]
    assert seen["me"]["email"] == email
    assert seen["refused"] == "Invalid email or password"
    assert seen["created"]["teacherId"] == seen["me"]["_id"]
    assert seen["classes"] == [seen["created"]]


def check_walk(seen: dict[str, Any], teacher: str) -> None:
    """Check what a client of openapi-generator saw on its walk."""
    assert seen["me"] == teacher
    assert seen["teacherId"] == seen["teacher"]
    assert seen["roll"] == [seen["student"]]
    assert len(set(seen["started"])) == 1
    assert seen["status"] == "absent"
    assert seen["outcome"] == "closed"
    assert seen["statuses"] == [["absent"]]
    assert seen["refused"] == 409
    assert seen["error"] == "attendance session is active"


def test_openapi_generators_python_client_fits_its_types_and_walks(
    generator: Path, base_url: str
) -> None:
    openapi_generator(
        *(generator, "python", generator), "--additional-properties=packageName=quartapp_client"
    )
    types = ("--strict", "--follow-imports=silent", "walk.py", "mistakes.py")
    run(scripts(generator) / "mypy", *types, cwd=generator)
    teacher, student = address(), address()
    words = ("walk.py", base_url, teacher, student, days_ago(1))
    printed = run(scripts(generator) / "python", *words, cwd=generator)
    check_walk(json.loads(printed), teacher)


def test_openapi_generators_typescript_client_compiles_and_walks(
    generator: Path, base_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "typescript"
    source = CLIENTS / "openapi_generator_typescript"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("node_modules"))
    openapi_generator(generator, "typescript-fetch", folder / "client")
    run("npm", "ci", "--no-audit", "--no-fund", cwd=folder, seconds=INSTALL_SECONDS)
    run("npm", "run", "compile", cwd=folder)
    teacher, student = address(), address()
    words = ("built/walk.js", base_url, teacher, student, days_ago(1))
    check_walk(json.loads(run("node", *words, cwd=folder)), teacher)
