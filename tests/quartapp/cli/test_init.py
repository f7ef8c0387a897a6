"""`quartapp init` writes settings that load, explains each, and overwrites nothing."""

from __future__ import annotations

import stat
import tomllib

import pytest
from click.testing import CliRunner

from quartapp.cli.main import main
from quartapp.hooks.discovery import discover
from quartapp.hooks.plugins import Plugins
from quartapp.settings.core import Settings, load_settings
from quartapp.settings.of_plugins import load_plugin_settings
from quartapp.settings.written import settings_text
from quartapp_attendance.settings import AttendanceSettings
from quartapp_auth.settings import AuthSettings
from tests.support.plugins import OPTIONAL


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return an empty working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("JWT_SECRET", "MONGODB_URI", "uri", "PORT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def init(*arguments):
    """Run the command."""
    return CliRunner().invoke(main, ["init", *arguments])


def test_what_is_written_is_what_the_server_reads(folder):
    result = init()

    assert result.exit_code == 0, result.output
    assert load_plugin_settings("attendance", AttendanceSettings).scope == "class"
    assert load_plugin_settings("auth", AuthSettings).registration == "invite"
    secret = load_settings().jwt_secret.get_secret_value()
    assert len(secret) == 64
    for name in ("quartapp.toml", ".env"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert secret not in (folder / "quartapp.toml").read_text()
    assert secret not in result.output


def test_each_server_gets_a_secret_of_its_own(folder):
    init("one")
    init("two")

    assert (folder / "one" / ".env").read_text() != (folder / "two" / ".env").read_text()


@pytest.mark.parametrize("present", ["quartapp.toml", ".env"])
def test_a_file_that_is_there_stays_and_nothing_is_written(folder, present):
    (folder / present).write_text("# mine\n")

    result = init()

    assert (result.exit_code, result.output) == (
        2,
        f"Error: {present} is there already, and stays as it is\n",
    )
    assert [path.name for path in folder.iterdir()] == [present]
    assert (folder / present).read_text() == "# mine\n"


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(folder):
    (folder / "file").write_text("")

    result = init("file/inside")

    assert result.exit_code == 2
    assert result.output.startswith("Error: the settings cannot be written: ")
    assert result.output.count("\n") == 1


def test_each_setting_is_explained_and_its_line_can_be_used_as_it_is(folder):
    text = settings_text([("attendance", AttendanceSettings)])
    blocks = [block.splitlines() for block in text.split("\n\n")[1:]]
    used = [block[-1].removeprefix("# ") for block in blocks]
    (folder / "quartapp.toml").write_text("\n".join(used))

    settings = load_settings()

    for block in blocks:
        assert len(block) > 1 or block[0].startswith("["), block
    written = tomllib.loads("\n".join(used))
    secrets = {"jwt_secret", "jwt_secret_old", "metrics_token"}
    assert {*written} - {"plugins"} == {*Settings.model_fields} - {"plugins"} - secrets
    assert {*written["plugins"]["attendance"]} == {*AttendanceSettings.model_fields}
    examples = {name for name, field in Settings.model_fields.items() if field.examples}
    fresh = Settings.model_construct()
    for name in written.keys() - {"plugins"} - examples:
        assert getattr(settings, name) == getattr(fresh, name), name


def test_the_lines_of_each_bundled_plugin_can_be_used_as_they_are(folder):
    models = [
        (plugin.name, type(settings))
        for plugin, settings in Plugins(discover(None, OPTIONAL), 5.0).contributions.settings()
    ]
    blocks = [block.splitlines() for block in settings_text(models).split("\n\n")[1:]]
    (folder / "quartapp.toml").write_text(
        "\n".join(block[-1].removeprefix("# ") for block in blocks)
    )

    assert {"auth", "attendance", "checkin", "mail", "statuses", "webhooks"} <= {
        name for name, _ in models
    }
    for name, model in models:
        load_plugin_settings(name, model)
        assert all(field.description for field in model.model_fields.values()), name
