"""The settings in force, with the place that each comes from."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, SecretStr

from quartapp import SettingsInForce, load_settings
from quartapp.settings.of_plugins import load_plugin_settings

SECRET = "a secret that nobody may see, of 40 bytes"


class Mail(BaseModel):
    """Settings of a plugin."""

    server: str = "localhost"
    password: SecretStr | None = None
    headers: dict[str, str] = {}
    hook_url: str = ""
    retries: int = 3


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("MONGODB_URI", "JWT_SECRET", "PORT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def shown(**given):
    settings = {"": load_settings(**given), "mail": load_plugin_settings("mail", Mail)}
    return {(one.owner, one.name): one for one in SettingsInForce(settings).all}


def test_each_setting_is_told_with_its_origin(folder, monkeypatch):
    (folder / "quartapp.toml").write_text(
        'timezone = "Europe/Berlin"\nport = 1234\n[plugins.mail]\nserver = "mail.example"\n'
    )
    (folder / ".env").write_text(f"JWT_SECRET={SECRET}\nQUARTAPP_MAIL_RETRIES=5\n")
    monkeypatch.setenv("PORT", "4321")
    found = shown(workers=2)
    told = {
        key: (found[key].value, found[key].origin)
        for key in (
            *(("", "timezone"), ("", "port"), ("", "workers"), ("", "docs"), ("", "jwt_secret")),
            *(("mail", "server"), ("mail", "retries"), ("mail", "hook_url")),
        )
    }
    assert told == {
        ("", "timezone"): ('"Europe/Berlin"', "quartapp.toml"),
        ("", "port"): ("4321", "environment"),
        ("", "workers"): ("2", "command line"),
        ("", "docs"): ("true", "default"),
        ("", "jwt_secret"): ("********", ".env"),
        ("mail", "server"): ('"mail.example"', "quartapp.toml"),
        ("mail", "retries"): ("5", ".env"),
        ("mail", "hook_url"): ('""', "default"),
    }
    assert "time zone" in found["", "timezone"].description.lower()


def test_secrets_are_in_no_value(folder, monkeypatch):
    monkeypatch.setenv("MONGODB_URI", f"mongodb://me:{SECRET[:8]}@db.example/?x=1")
    monkeypatch.setenv("JWT_SECRET", SECRET)
    monkeypatch.setenv("QUARTAPP_MAIL_PASSWORD", SECRET)
    monkeypatch.setenv("QUARTAPP_MAIL_HEADERS", f'{{"api-key": "{SECRET}", "plain": "x"}}')
    monkeypatch.setenv("QUARTAPP_MAIL_HOOK_URL", f"https://me:{SECRET[:8]}@hooks.example/{SECRET}")
    found = shown()
    assert all("secret" not in one.value for one in found.values())
    assert found["mail", "headers"].value == '{"api-key": "********", "plain": "x"}'
    assert found["mail", "hook_url"].value == '"https://hooks.example/..."'
    assert found["mail", "password"].value == "********"
