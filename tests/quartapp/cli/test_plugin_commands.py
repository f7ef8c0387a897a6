"""Commands of plugins, and what becomes of the command line when a plugin is broken."""

import os
import subprocess
import sys

import click
import pytest

from quartapp.cli.main import main
from quartapp.errors import PluginError
from quartapp.hooks.discovery import given
from quartapp.hooks.plugins import Plugins
from quartapp.hooks.specs import hookimpl

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
GREETING = """
import click
from quartapp.hooks.specs import hookimpl
from quartapp.errors import QuartappError

class Plugin:
    @hookimpl
    def register_commands(self, cli):
        @click.command()
        @click.option("--loud", is_flag=True)
        def greet(loud):
            'Say hello.'
            if loud:
                raise QuartappError("this is a library")
            click.echo("hello")
        return [greet]
"""


class Commands:
    """A plugin with commands of these names."""

    def __init__(self, name, *commands):
        self.name = name
        self._commands = commands

    @hookimpl
    def register_commands(self):
        return [click.Command(command) for command in self._commands]


def commands_of(*plugins):
    loaded = [given(plugin) for plugin in plugins]
    return Plugins(loaded, hook_timeout=5).contributions.commands(main)


@pytest.fixture
def quartapp(tmp_path):
    """Return a function that runs ``quartapp`` with an installed plugin of the given source."""

    def run(source, *words):
        folder = tmp_path / "installed"
        information = folder / "greeting-1.0.dist-info"
        information.mkdir(parents=True, exist_ok=True)
        (information / "METADATA").write_text(METADATA.format(name="greeting"))
        (information / "entry_points.txt").write_text("[quartapp]\ngreeting = greeting:Plugin\n")
        (folder / "greeting.py").write_text(source)
        return subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-m", "quartapp.cli", *words],
            env={**os.environ, "PYTHONPATH": str(folder)},
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run


def test_register_commands_adds_to_the_command_line(quartapp):
    helped = quartapp(GREETING, "--help")
    assert helped.returncode == 0
    assert "Say hello." in helped.stdout
    assert "demo" in helped.stdout
    assert quartapp(GREETING, "greet").stdout == "hello\n"


def test_an_error_of_a_plugins_command_is_one_message_and_status_2(quartapp):
    told = quartapp(GREETING, "greet", "--loud")
    assert (told.returncode, told.stderr) == (2, "Error: this is a library\n")


def test_a_command_of_our_own_is_not_replaced():
    with pytest.raises(
        PluginError,
        match=r"plugin farm \(given\): its command serve is refused, "
        r"as quartapp has its own serve",
    ):
        commands_of(Commands("farm", "serve"))


def test_two_plugins_with_one_command_are_both_named():
    with pytest.raises(
        PluginError, match=r"plugin b \(given\): its command sync .* plugin a \(given\)"
    ):
        commands_of(Commands("a", "sync"), Commands("b", "sync"))


def test_object_that_is_no_command_is_refused():
    class Wrong:
        name = "wrong"

        @hookimpl
        def register_commands(self):
            return [print]

    with pytest.raises(PluginError, match=r"plugin wrong .* must return a list of Command"):
        commands_of(Wrong())


@pytest.mark.parametrize("words", [["--help"], []])
def test_help_is_shown_beside_a_broken_plugin_and_the_plugin_named(quartapp, words):
    told = quartapp("raise RuntimeError('no such book')", *words)
    assert told.returncode == 2
    assert "serve" in told.stdout
    assert told.stderr == (
        "Error: plugin greeting (greeting 1.0) cannot be loaded: RuntimeError: no such book\n"
    )


def test_an_unknown_command_beside_a_broken_plugin_says_what_is_broken(quartapp):
    told = quartapp("raise RuntimeError('no such book')", "greet")
    assert told.returncode == 2
    assert "plugin greeting (greeting 1.0) cannot be loaded" in told.stderr
    assert "Traceback" not in told.stderr


def test_help_of_our_own_command_needs_no_plugin(quartapp):
    assert quartapp("raise RuntimeError('no such book')", "serve", "--help").returncode == 0


def test_commands_are_known_despite_mistakes_in_other_settings(quartapp, monkeypatch):
    monkeypatch.setenv("JWT_SECRET", "too short")
    assert quartapp(GREETING, "greet").stdout == "hello\n"
