"""The administrator's pages about the audit and the settings, without a browser."""

from __future__ import annotations

import re

import pytest

AUDIT = "/app/office/audit"
SETTINGS = "/app/office/settings"


async def office(serve):
    """Return a server, an administrator, and the administrator's browser."""
    server = await serve()
    admin = await server.person("admin", name="<The> office")
    return server, admin, server.page(admin)


async def test_entries_are_found_by_who_what_and_when(serve):
    server, admin, page = await office(serve)
    ada = await server.person("teacher", name="Ada Qq<b>")
    ben = await server.person("student", name="Ben Qq")
    await page.submit(f"/app/people/{ada.id}/disable")
    await page.submit(f"/app/people/{ben.id}/role", role="teacher")
    found = (await page.get(f"{AUDIT}?who=%3Cthe%3E+office&action=auth.role-changed&day=")).text
    assert "<bdi>&lt;The&gt; office</bdi>" in found
    assert "account: <bdi>Ben Qq</bdi>" in found
    assert "role: <del><bdi>student</bdi></del> <bdi>teacher</bdi>" in found
    assert "Ada Qq" not in found
    both = (await page.get(f"{AUDIT}?who={admin.id}")).text
    assert "Ada Qq&lt;b&gt;" in both
    assert "Ben Qq" in both
    assert "No entry was found" in (await page.get(f"{AUDIT}?day=2001-01-01")).text
    unclear = (await page.get(f"{AUDIT}?who=nobody+like+this")).text
    assert "Nobody with this name" in unclear
    assert "<code>auth." not in unclear
    for wrong in ("day=someday", "after=x"):
        assert (await page.get(f"{AUDIT}?{wrong}")).status_code == 400


async def test_many_entries_come_in_pages(serve, monkeypatch):
    monkeypatch.setattr("quartapp_web.audit_page.SHOWN", 2)
    server, admin, page = await office(serve)
    people = [await server.person("student", name=f"Qq {number}") for number in range(3)]
    for one in people:
        await page.submit(f"/app/people/{one.id}/revoke")
    first = (await page.get(f"{AUDIT}?who={admin.id}")).text
    (more,) = re.findall(r'href="(/app/office/audit\?[^"]+)"', first)
    second = (await page.get(more.replace("&amp;", "&"))).text
    shown = [[f"<bdi>Qq {number}</bdi>" in text for number in range(3)] for text in (first, second)]
    assert shown == [[False, True, True], [True, False, False]]


async def test_chain_is_verified_and_a_change_is_told(serve):
    server, _, page = await office(serve)
    verified = (await page.submit(f"{AUDIT}/verify")).text
    assert "are as they were written" in verified
    assert re.search(r"<code>\d{4}-\d\d-\d\d/\d+/[0-9a-f]{64}</code>", verified)
    entries = server.documents["audit"]
    entry = await entries.find_one({"action": "auth.registered"})
    assert entry is not None
    await entries.update_one({"_id": entry["_id"]}, {"$set": {"who": "0" * 24}})
    told = (await page.submit(f"{AUDIT}/verify")).text
    assert "were changed, deleted, inserted or moved" in told
    assert "are as they were written" not in told


async def test_settings_are_shown_with_their_origin_and_without_secrets(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    _, _, page = await office(serve)
    shown = (await page.get(SETTINGS)).text
    row = re.search(r"<code>registration = <bdi>([^<]*)</bdi>.*?</li>", shown, re.DOTALL)
    assert row is not None
    assert (row[1], "environment" in row[0]) == ("&#34;invite&#34;", True)
    assert "default</p>" not in shown
    whole = (await page.get(f"{SETTINGS}?all=1")).text
    assert "default</p>" in whole
    (secret,) = re.findall(r"<code>jwt_secret = <bdi>([^<]*)</bdi>", whole)
    assert set(secret.replace("&#34;", "")) == {"*"}


@pytest.mark.parametrize("role", ["teacher", "student"])
async def test_nobody_else_sees_audit_and_settings(serve, role):
    server, _, _ = await office(serve)
    page = server.page(await server.person(role))
    for path in (AUDIT, SETTINGS):
        assert (await page.get(path)).status_code == 403
    assert (await page.submit(f"{AUDIT}/verify")).status_code == 403
