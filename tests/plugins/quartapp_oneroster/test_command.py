from __future__ import annotations

import os
import pty
import subprocess
import sys

import click
import pytest

from quartapp import Plugins
from quartapp.hooks.discovery import discover, given
from quartapp_oneroster.plugin import OneRosterPlugin


def in_terminal(arguments, environment):
    """Run the command with a terminal for standard error; status, and what it showed."""
    ours, theirs = pty.openpty()
    program = "from quartapp_oneroster.commands import roster; roster()"
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "TERM": "xterm", **environment},
        stderr=theirs,
        stdout=subprocess.DEVNULL,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(ours)
    return process.wait(30), shown.decode()


def test_the_plugin_brings_the_command():
    cli = click.Group("quartapp")
    plugins = Plugins([*discover(), given(OneRosterPlugin)], hook_timeout=5)
    found = plugins.contributions.commands(cli)["roster"]
    assert isinstance(found, click.Group)
    assert set(found.commands) == {"import"}


def test_it_is_switched_on_by_its_name(school):
    """The real program, with the plugin named in the environment and in quartapp.toml."""
    folder = school.small().write()
    command = [sys.executable, "-m", "quartapp.cli", "roster", "import", str(folder)]
    surroundings = {**os.environ, "MONGODB_URI": school.uri}

    def run(**more):
        return subprocess.run(  # noqa: S603 - our own program
            command, env={**surroundings, **more}, capture_output=True, text=True, check=False
        )

    without = run()
    assert without.returncode == 2
    assert "No such command 'roster'" in without.stderr
    result = run(QUARTAPP_EXTRA_PLUGINS="oneroster")
    assert result.returncode == 0, result.stderr
    assert school.roll("c1") == ["ann", "bob"]
    (folder.parent / "quartapp.toml").write_text('extra_plugins = ["oneroster"]\n')
    assert run().returncode == 0


def test_a_terminal_gets_bars(school):
    folder = school.small().write()
    status, shown = in_terminal(["import", str(folder)], school.environment)
    assert status == 0, shown
    for phase in ("Reading the set", "Reading the database", "Writing accounts"):
        assert phase in shown
    assert "100%" in shown
    assert school.roll("c1") == ["ann", "bob"]


def test_other_outputs_get_plain_lines(school):
    result = school.bring_in(school.small())
    assert result.stderr.splitlines()[:3] == [
        "Reading the set: done",
        "Reading the database: done",
        "Comparing: done",
    ]


def test_an_embedded_database_serves_too(school, tmp_path, monkeypatch):
    school.small().write()
    monkeypatch.setattr(school, "uri", "")
    folder = tmp_path / "set"
    result = school.run("roster", "import", folder, "--data-dir", tmp_path / "data")
    assert result.exit_code == 0, result.output
    again = school.run("roster", "import", folder, "--data-dir", tmp_path / "data")
    assert "accounts: 3 as they are" in again.stdout
    command = ("user", "set-password", "ann@school.example", "--stdin", "--data-dir")
    assert school.run(*command, tmp_path / "data", stdin="long enough\n").exit_code == 0


def test_a_database_that_does_not_answer_is_told_in_one_message(school):
    program = (
        "from quartapp.cli.main import CommandLine; "
        "from quartapp_oneroster.commands import roster; "
        "cli = CommandLine('quartapp'); cli.add_command(roster); cli()"
    )
    result = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, "roster", "import", school.small().write()],
        env={
            **os.environ,
            "MONGODB_URI": "mongodb://127.0.0.1:1/",
            "QUARTAPP_DATABASE_TIMEOUT": "0.3",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "Error: MongoDB at 127.0.0.1:1 does not answer" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("options", [["--as-of", "tomorrow"], ["--show", "-1"]])
def test_options_are_checked(school, options):
    result = school.run("roster", "import", school.small().write(), *options)
    assert result.exit_code == 2
    assert "Invalid value" in result.stderr
