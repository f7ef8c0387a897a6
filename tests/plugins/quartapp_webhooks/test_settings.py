"""Settings that are refused, with a message that says which and why, and names no secret."""

from __future__ import annotations

import pytest

from quartapp import QuartappError
from quartapp_classes.testing import class_room
from quartapp_webhooks.settings import WebhooksSettings

SECRET = "whsec_" + "QUFB" * 10
URL = "https://hooks.example/x"


def endpoint(**changed):
    return {"url": URL, "secret": SECRET, **changed}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"endpoints": [{"url": URL}]}, "ENDPOINTS_0_SECRET: Field required"),
        ({"endpoints": [endpoint(secret="hush-hush")]}, "must begin with whsec_"),
        ({"endpoints": [endpoint(secret="whsec_hush-hush!")]}, "must be base64"),
        ({"endpoints": [endpoint(secret="whsec_QUFB")]}, "must hold 24 to 64 bytes, has 3"),
        ({"endpoints": [endpoint(former_secret="hush-hush")]}, "FORMER_SECRET: must begin with"),
        ({"endpoints": [endpoint(url="ftp://hooks.example/")]}, "must begin with https://"),
        ({"endpoints": [endpoint(url="hooks.example")]}, "must begin with https://"),
        ({"endpoints": [endpoint(url="https://")]}, "name a host"),
        ({"endpoints": [endpoint(url="https://[::1/")]}, "is no URL"),
        ({"endpoints": [endpoint(url="https://hush-hush@hooks.example/")]}, "user name"),
        ({"endpoints": [endpoint(url=f"{URL}#top")]}, "must not have a fragment"),
        ({"endpoints": [endpoint(events=[])]}, "names no event"),
        ({"endpoints": [endpoint(events=["Class Created"])]}, "EVENTS_0"),
        ({"endpoints": [endpoint(colour="red")]}, "ENDPOINTS_0_COLOUR"),
        ({"endpoints": [endpoint(), endpoint()]}, "is there twice"),
        ({"endpoints": [endpoint(url="http://127.0.0.1:80/")]}, "set allow_private = true"),
        ({"endpoints": [endpoint(url="http://[::ffff:10.0.0.1]/")]}, "allow_private"),
        ({"endpoints": [endpoint(url="http://169.254.169.254/")]}, "allow_private"),
        ({"tries": 0}, "QUARTAPP_WEBHOOKS_TRIES"),
        ({"timeout_seconds": 0}, "QUARTAPP_WEBHOOKS_TIMEOUT_SECONDS"),
        ({"timeout_seconds": 61}, "QUARTAPP_WEBHOOKS_TIMEOUT_SECONDS"),
        ({"endpoints": [endpoint(events=["class.made"])]}, "wants the event class.made, which no"),
        ({"per_endpoint": 0}, "QUARTAPP_WEBHOOKS_PER_ENDPOINT"),
        ({"keep_dead_days": 1}, "QUARTAPP_WEBHOOKS_KEEP_DEAD_DAYS"),
    ],
)
async def test_a_bad_setting_names_the_plugin_the_setting_and_the_reason(
    serve, configure, settings, said
):
    configure(**{"allow_private": False, **settings})
    with pytest.raises(QuartappError, match="plugin webhooks") as caught:
        await serve(extra_plugins=("webhooks",))
    assert said in str(caught.value)
    assert "hush-hush" not in str(caught.value)


async def test_settings_come_from_quartapp_toml(serve, monkeypatch, tmp_path, receiver, eventually):
    (tmp_path / "quartapp.toml").write_text(
        f"""
        extra_plugins = ["webhooks"]

        [plugins.webhooks]
        allow_private = true

        [[plugins.webhooks.endpoints]]
        url = "{receiver.url}"
        secret = "{receiver.secret}"
        events = ["user.registered"]
        """
    )
    monkeypatch.chdir(tmp_path)
    server = await serve()
    await class_room(server, await server.person("teacher"))

    async def told():
        return receiver.types

    assert await eventually(told) == ["user.registered"]


def test_a_secret_is_not_shown():
    settings = WebhooksSettings.model_validate(
        {"endpoints": [endpoint(former_secret="whsec_" + "QkJC" * 10)]}
    )
    for shown in (repr(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "QUFB" not in shown
        assert "QkJC" not in shown


def test_the_query_of_a_url_is_not_shown():
    settings = WebhooksSettings.model_validate({"endpoints": [endpoint(url=f"{URL}?token=t")]})
    assert settings.endpoints[0].shown_url == f"{URL}?…"
