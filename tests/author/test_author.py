"""The steps of a plugin author, from the first command on. ``tox -e author`` runs them.

It makes environments and fills them from the package index, but for quartapp, which is built here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(.+?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CAPTION = re.compile(r":caption: (\S+?)(, at the end)?\n(.*)", re.DOTALL)
SECONDS = 900


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Build a wheel of this quartapp, and return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    command = [*build, str(ROOT)]
    subprocess.run(command, check=True, timeout=SECONDS)  # noqa: S603 - our own
    (built,) = folder.glob("quartapp-*.whl")
    return built


@pytest.fixture
def shell(tmp_path, wheel):
    """Return a function that runs lines of a shell, in the folder where the last lines ended."""
    place = tmp_path / "place"
    place.write_text(f"cd '{tmp_path}'\n")
    # No settings of ours, and none of the environment that these tests run in.
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TOX_", "QUARTAPP_", "PYTEST_", "VIRTUAL_ENV", "PYTHON"))
    }

    def run(lines):
        script = f". '{place}'\n{lines}\n{{ echo cd \"'$PWD'\"; export -p; }} > '{place}'\n"
        done = subprocess.run(  # noqa: S603 - the tutorial's own lines
            ["bash", "-e", "-c", script],  # noqa: S607 - the one there is
            # Most modules of an environment are never imported; "no" is how pip reads this option.
            env={**clean, "PIP_FIND_LINKS": str(wheel.parent), "PIP_NO_COMPILE": "no"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}"
        return done.stdout

    return run


def test_the_tutorial_does_what_it_says(shell, tmp_path):
    """Run every command and write every file of the tutorial, in order."""
    outputs = []
    for kind, text in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if kind == "sh":
            outputs.append(shell(text))
            continue
        caption = CAPTION.fullmatch(text)
        assert caption is not None, f"a block that is neither run nor written: {text}"
        name, at_the_end, content = caption.groups()
        path = tmp_path / "quartapp-library" / name
        before = path.read_text(encoding="utf-8")
        path.write_text(before + content if at_the_end else content.lstrip("\n"))
    made, first, changed, installed = outputs
    assert "wrote quartapp-library" in made
    assert " 10 passed in " in first
    assert changed.count(" 11 passed in ") == 2
    assert "congratulations" in changed
    assert "operationId: countLibrary" in changed
    assert "LIBRARY_WRITE" in installed


def test_a_generated_plugin_finds_a_quartapp_that_was_never_released(shell, wheel, tmp_path):
    """Check that a plugin made by an unreleased quartapp asks for that very one."""
    shell("unset PIP_FIND_LINKS")
    shell(f"'{sys.executable}' -m quartapp.cli plugin new shelf --quartapp {wheel.as_uri()}")
    said = shell(f"cd quartapp-shelf && '{sys.executable}' -m tox")
    assert " 10 passed in " in said
    assert "congratulations" in said
