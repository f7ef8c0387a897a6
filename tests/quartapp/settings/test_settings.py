"""Settings: where they come from, which source wins, and what a person hears of a bad one."""

from __future__ import annotations

import pytest

from quartapp.settings.core import load_settings
from quartapp.settings.files import SettingsFileError

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _empty_surroundings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "MONGODB_URI", "uri", "URI", "JWT_SECRET"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_apply_without_any_source():
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 3000)
    assert settings.mongodb_uri is None
    assert settings.jwt_secret is None


@pytest.mark.parametrize("name", ["MONGODB_URI", "uri"])
def test_the_uri_has_its_old_and_its_usual_name(monkeypatch, name):
    monkeypatch.setenv(name, "mongodb://db.example/school")
    assert load_settings().mongodb_uri.get_secret_value() == "mongodb://db.example/school"


def test_a_blank_uri_is_none(monkeypatch):
    monkeypatch.setenv("MONGODB_URI", " ")
    assert load_settings().mongodb_uri is None


def test_the_command_line_wins_over_environment_over_dotenv_over_toml(monkeypatch, tmp_path):
    (tmp_path / "quartapp.toml").write_text(f'port = 1\nhost = "a"\njwt_secret = "{SECRET}"\n')
    assert load_settings().port == 1
    (tmp_path / ".env").write_text("PORT=2\nQUARTAPP_HOST=b\n")
    assert (load_settings().port, load_settings().host) == (2, "b")
    monkeypatch.setenv("PORT", "3")
    monkeypatch.setenv("QUARTAPP_HOST", "c")
    assert (load_settings().port, load_settings().host) == (3, "c")
    settings = load_settings(port=4, host=None)
    assert (settings.port, settings.host) == (4, "c")
    assert settings.jwt_secret.get_secret_value() == SECRET


def test_lists_are_written_with_commas_or_in_toml(monkeypatch, tmp_path):
    (tmp_path / "quartapp.toml").write_text('allowed_origins = ["https://a.example"]\n')
    assert load_settings().allowed_origins == ("https://a.example",)
    monkeypatch.setenv("QUARTAPP_ALLOWED_ORIGINS", "https://b.example, https://c.example,")
    assert load_settings().allowed_origins == ("https://b.example", "https://c.example")


def test_the_exact_list_of_plugins_is_in_toml_or_environment(monkeypatch, tmp_path):
    (tmp_path / "quartapp.toml").write_text('[plugins]\nenabled = ["auth"]\n')
    assert load_settings().plugins == ("auth",)
    monkeypatch.setenv("QUARTAPP_PLUGINS", "auth,classes")
    assert load_settings().plugins == ("auth", "classes")


def test_secrets_are_in_no_representation(monkeypatch):
    monkeypatch.setenv("JWT_SECRET", SECRET)
    monkeypatch.setenv("MONGODB_URI", "mongodb://user:password@db.example/school")
    text = repr(load_settings()) + str(load_settings().model_dump())
    assert SECRET not in text
    assert "password" not in text.replace("password_", "")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "eighty", "PORT"),
        ("PORT", "65536", "PORT"),
        ("PORT", "-1", "PORT"),
        ("JWT_SECRET", "short", "JWT_SECRET: must be 32 bytes or more"),
        ("QUARTAPP_HOOK_TIMEOUT", "0", "QUARTAPP_HOOK_TIMEOUT"),
        ("QUARTAPP_DATABASE_TIMEOUT", "soon", "QUARTAPP_DATABASE_TIMEOUT"),
        ("QUARTAPP_DATABASE_TIMEOUT", "1e6", "QUARTAPP_DATABASE_TIMEOUT"),
        ("QUARTAPP_DATABASE", "a.b", "QUARTAPP_DATABASE"),
        ("QUARTAPP_TIMEZONE", "Europe/Nowhere", "QUARTAPP_TIMEZONE: is no IANA name"),
        ("QUARTAPP_TIMEZONE", "Europe", "QUARTAPP_TIMEZONE: is no IANA name"),
        ("QUARTAPP_TIMEZONE", "zone.tab", "QUARTAPP_TIMEZONE: is no IANA name"),
        ("QUARTAPP_TIMEZONE", "/etc/localtime", "QUARTAPP_TIMEZONE: is no IANA name"),
        ("QUARTAPP_TIMEZONE", "../Europe/Berlin", "QUARTAPP_TIMEZONE: is no IANA name"),
        ("QUARTAPP_TIMEZONE", "Zürich", "QUARTAPP_TIMEZONE: is no IANA name"),
        ("QUARTAPP_TIMEZONE", "x" * 300, "QUARTAPP_TIMEZONE: is no IANA name"),
        ("QUARTAPP_CORS_ORIGINS", "https://a.example/", "each must be an origin"),
        ("QUARTAPP_CORS_ORIGINS", "a.example", "each must be an origin"),
        ("QUARTAPP_CORS_ORIGINS", "null", "each must be an origin"),
        ("QUARTAPP_CORS_ORIGINS", "https://a.example,*", "`*` is any origin, so it stands alone"),
    ],
)
def test_a_bad_setting_is_named_and_its_value_not_repeated(monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsFileError) as raised:
        load_settings()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_bad_settings_are_one_message_and_status_2(run_cli):
    status, output, said = await run_cli("serve", PORT="eighty", JWT_SECRET="a s3cret")
    assert status == 2
    assert "PORT" in said
    assert "JWT_SECRET: must be 32 bytes or more" in said
    assert len(said.strip().splitlines()) == 1
    assert "s3cret" not in said
    assert output == ""


def test_every_bad_setting_is_named_at_once(monkeypatch):
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("JWT_SECRET", "y")
    with pytest.raises(SettingsFileError) as raised:
        load_settings()
    assert "PORT" in str(raised.value)
    assert "JWT_SECRET" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"port = ", "quartapp.toml cannot be read"),
        (b'host = "\xff"', "quartapp.toml cannot be read"),
        (b"porrt = 1", "quartapp.toml: unknown setting porrt"),
        (b'port = "x"', "PORT: "),
    ],
)
def test_a_bad_toml_is_one_message(tmp_path, text, message):
    (tmp_path / "quartapp.toml").write_bytes(text)
    with pytest.raises(SettingsFileError) as raised:
        load_settings()
    assert message in str(raised.value)


async def test_a_bad_setting_of_a_plugin_names_the_plugin(run_cli, tmp_path):
    (tmp_path / "quartapp.toml").write_text('[plugins.attendance]\nscope = "school"')
    status, _, said = await run_cli("serve", "--port", "0", "--data-dir", "data")
    assert status == 2
    assert "plugin attendance" in said
    assert "scope" in said.lower()
    assert "Traceback" not in said


async def test_with_a_uri_a_secret_has_to_be_given(run_cli, mongodb_uri):
    status, output, said = await run_cli("serve", "--port", "0", MONGODB_URI=mongodb_uri)
    assert status == 2
    assert "JWT_SECRET is not set" in said
    assert "openssl rand -hex 32" in said
    assert "Traceback" not in said
    assert output == ""


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("mongodb://127.0.0.1:99999", "MONGODB_URI"),
        ("mongodb://user:hunter22@127.0.0.1:1/x", "127.0.0.1:1"),
    ],
)
async def test_a_uri_that_leads_nowhere_is_one_message(run_cli, uri, message):
    status, _, said = await run_cli("serve", "--port", "0", MONGODB_URI=uri, JWT_SECRET=SECRET)
    assert status == 2
    assert message in said.strip().splitlines()[-1]
    assert "Traceback" not in said
    assert "hunter22" not in said


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0", 0),
        (" 2 ", 2),
        ("127.0.0.1", ["127.0.0.1/32"]),
        ("127.0.0.1, ::1 ,10.7.0.0/16,", ["127.0.0.1/32", "::1/128", "10.7.0.0/16"]),
        ("", []),
    ],
)
def test_trusted_proxies_are_networks_or_their_number(monkeypatch, written, read):
    monkeypatch.setenv("QUARTAPP_TRUSTED_PROXIES", written)
    proxies = load_settings().trusted_proxies
    assert (proxies if isinstance(proxies, int) else [str(one) for one in proxies]) == read


def test_trusted_proxies_are_written_in_toml_too(tmp_path):
    (tmp_path / "quartapp.toml").write_text('trusted_proxies = ["10.7.0.0/16"]\n')
    assert [str(one) for one in load_settings().trusted_proxies] == ["10.7.0.0/16"]
    (tmp_path / "quartapp.toml").write_text("trusted_proxies = 1\n")
    assert load_settings().trusted_proxies == 1


@pytest.mark.parametrize(
    "written", ["-1", "1.5", "proxy.example", "10.7.0.1/16", "10.0.0.0/33", "1,x", "1" * 100_000]
)
def test_other_trusted_proxies_are_refused_in_one_line(monkeypatch, written):
    monkeypatch.setenv("QUARTAPP_TRUSTED_PROXIES", written)
    with pytest.raises(SettingsFileError, match="QUARTAPP_TRUSTED_PROXIES: must be networks"):
        load_settings()


@pytest.mark.parametrize("written", ["short", "t" * 15, "t" * 16 + "\n", "t t" * 9, "\u00e4" * 16])
def test_metrics_token_that_no_header_carries_is_refused(monkeypatch, written):
    monkeypatch.setenv("QUARTAPP_METRICS_TOKEN", written)
    with pytest.raises(SettingsFileError, match="QUARTAPP_METRICS_TOKEN: must be 16 or more"):
        load_settings()


def test_blank_metrics_token_and_old_secret_are_none(monkeypatch):
    monkeypatch.setenv("QUARTAPP_METRICS_TOKEN", " ")
    monkeypatch.setenv("JWT_SECRET_OLD", "")
    settings = load_settings()
    assert settings.metrics_token is None
    assert settings.jwt_secret_old is None


def test_short_old_secret_is_refused(monkeypatch):
    monkeypatch.setenv("JWT_SECRET_OLD", "short")
    with pytest.raises(SettingsFileError, match="JWT_SECRET_OLD: must be 32 bytes or more"):
        load_settings()
