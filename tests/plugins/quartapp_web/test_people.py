"""The administrator's pages about people, without a browser."""

from __future__ import annotations

import re

import pytest

PASSWORD = "a new password"


async def office(serve, monkeypatch):
    """Return a server, an administrator and the administrator's browser."""
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    server = await serve()
    admin = await server.person("admin")
    return server, admin, server.page(admin)


async def test_people_are_found_by_name_and_role(serve, monkeypatch):
    server, admin, page = await office(serve, monkeypatch)
    ada = await server.person("teacher", name="<Ada> Zzyzx")
    ben = await server.person("student", name="Ben Zzyzx")
    both = (await page.get("/app/people/?search=zzy&role=")).text
    assert f'href="/app/people/{ada.id}"><bdi>&lt;Ada&gt; Zzyzx</bdi>' in both
    assert ben.id in both
    assert admin.id not in both
    students = (await page.get("/app/people/?search=zzy&role=student")).text
    assert (ada.id in students, ben.id in students) == (False, True)
    assert "Nobody was found" in (await page.get("/app/people/?search=nobodyatall")).text
    assert (await page.get("/app/people/?after=x")).status_code == 400
    assert '<a href="/app/people/" aria-current="page">People</a>' in students


async def test_many_people_come_in_pages(serve, monkeypatch):
    monkeypatch.setattr("quartapp_web.people_pages.SHOWN", 2)
    server, _, page = await office(serve, monkeypatch)
    people = [await server.person("student", name=f"Qqx {number}") for number in range(3)]
    first = await page.get("/app/people/?search=qqx")
    (more,) = re.findall(r'href="(/app/people/\?[^"]+)"', first.text)
    second = await page.get(more.replace("&amp;", "&"))
    shown = [[one.id in answer.text for one in people] for answer in (first, second)]
    assert shown == [[True, True, False], [False, False, True]]


async def test_account_is_disabled_enabled_and_signed_out(serve, monkeypatch):
    server, _, page = await office(serve, monkeypatch)
    ada = await server.person("teacher")
    path = f"/app/people/{ada.id}"

    async def status():
        return (await server.api.get("/auth/me", headers=ada.headers)).status_code

    assert await status() == 200
    done = await page.submit(f"{path}/revoke")
    assert "signed out everywhere" in (await page.follow(done)).text
    assert await status() == 401
    done = await page.submit(f"{path}/disable")
    assert "Enable the account" in (await page.follow(done)).text
    body = {"email": ada.email, "password": ada.password}
    assert (await server.api.post("/auth/login", json=body)).status_code == 400
    done = await page.submit(f"{path}/enable")
    assert "Disable the account" in (await page.follow(done)).text
    assert (await server.api.post("/auth/login", json=body)).status_code == 200


async def test_role_is_changed_but_the_last_administrator_stays(serve, monkeypatch, mongodb_uri):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    server = await serve(mongodb_uri=mongodb_uri)
    admin = await server.person("admin")
    page, ada = server.page(admin), await server.person("student")
    done = await page.submit(f"/app/people/{ada.id}/role", role="teacher")
    assert 'value="teacher" selected' in (await page.follow(done)).text
    for role in ("", "nothing", "x" * 200):
        refused = await page.submit(f"/app/people/{ada.id}/role", role=role)
        assert (refused.status_code, "Choose a role" in refused.text) == (422, True)
    for change, fields in (("role", {"role": "teacher"}), ("disable", {})):
        refused = await page.submit(f"/app/people/{admin.id}/{change}", **fields)
        assert refused.status_code == 422
        assert "Nobody else is an administrator" in refused.text


async def test_code_for_a_new_password_is_shown_once(serve, monkeypatch):
    server, _, page = await office(serve, monkeypatch)
    ada = await server.person("student")
    made = await page.submit(f"/app/people/{ada.id}/reset")
    assert made.headers["cache-control"] == "no-store"
    (code,) = re.findall(r'<code class="secret">([^<]+)</code>', made.text)
    assert code not in (await page.get(f"/app/people/{ada.id}")).text
    answer = await server.page().submit("/app/reset", code=code, newPassword=PASSWORD)
    assert answer.status_code == 303
    body = {"email": ada.email, "password": PASSWORD}
    assert (await server.api.post("/auth/login", json=body)).status_code == 200


async def test_invitation_is_for_a_role_and_perhaps_an_address(serve, monkeypatch):
    server, _, page = await office(serve, monkeypatch)
    assert "Make the invitation" in (await page.get("/app/people/invite")).text
    made = await page.submit("/app/people/invite", role="teacher", email="")
    (secret,) = re.findall(r'<code class="secret">([^<]+)</code>', made.text)
    fields = {"name": "Eve", "email": "eve@school.example", "password": PASSWORD}
    accepted = await server.page().submit("/app/invitation", invitation=secret, **fields)
    assert accepted.status_code == 303
    for wrong, told in (
        ({"role": "teacher", "email": "no address"}, "Type an e-mail address"),
        ({"role": "nothing", "email": ""}, "Choose a role"),
    ):
        refused = await page.submit("/app/people/invite", **wrong)
        assert (refused.status_code, told in refused.text) == (422, True), refused.text


async def test_closed_server_makes_no_invitation(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "closed")
    server = await serve()
    page = server.page(await server.person("admin"))
    refused = await page.submit("/app/people/invite", role="teacher", email="")
    assert (refused.status_code, "Registration is closed" in refused.text) == (422, True)


@pytest.mark.parametrize("role", ["teacher", "student"])
async def test_nobody_else_sees_or_changes_people(serve, monkeypatch, role):
    server, admin, _ = await office(serve, monkeypatch)
    page = server.page(await server.person(role))
    assert "/app/people/" not in (await page.follow(await page.get("/app/"))).text
    for path in ("", "invite", admin.id):
        assert (await page.get(f"/app/people/{path}")).status_code == 403
    for change in ("disable", "enable", "revoke", "reset", "role"):
        answer = await page.submit(f"/app/people/{admin.id}/{change}", role="student")
        assert answer.status_code == 403
    foreign = await server.page(admin).client.post(
        f"/app/people/{admin.id}/revoke", headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    missing = await server.page(admin).submit(f"/app/people/{'0' * 24}/enable")
    assert missing.status_code == 404
