"""The administrator's list of invitations, without a browser."""

from __future__ import annotations

import re

import pytest

PASSWORD = "a new password"


async def office(serve, monkeypatch):
    """Return a server where people are invited, and the browser of an administrator."""
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    server = await serve()
    return server, server.page(await server.person("admin"))


async def invited(page, email):
    made = await page.submit("/app/people/invite", role="teacher", email=email)
    (secret,) = re.findall(r'<code class="secret">([^<]+)</code>', made.text)
    return secret


async def accepted(server, secret, email):
    fields = {"name": "Eve Qqz", "email": email, "password": PASSWORD}
    answer = await server.page().submit("/app/invitation", invitation=secret, **fields)
    return answer.status_code


def actions(text, what):
    return re.findall(rf'action="(/app/people/invitations/[0-9a-f]+/{what})"', text)


async def test_invitation_is_listed_withdrawn_and_made_again(serve, monkeypatch):
    server, page = await office(serve, monkeypatch)
    secret = await invited(page, "eve@school.example")
    listed = (await page.get("/app/people/invitations")).text
    assert "<bdi>eve@school.example</bdi>" in listed
    assert "open until" in listed
    assert secret not in listed
    (withdraw,) = actions(listed, "withdraw")
    told = (await page.follow(await page.submit(withdraw))).text
    assert "The invitation is withdrawn" in told
    assert actions(told, "withdraw") == []
    assert await accepted(server, secret, "eve@school.example") == 400

    (again,) = actions(told, "again")
    made = await page.submit(again)
    (other,) = re.findall(r'<code class="secret">([^<]+)</code>', made.text)
    assert made.headers["cache-control"] == "no-store"
    assert await accepted(server, other, "else@school.example") == 400
    assert await accepted(server, other, "eve@school.example") == 303
    # Both pages were open before somebody used the invitation.
    used = actions((await page.get("/app/people/invitations")).text, "again")
    assert used == [again]


async def test_used_invitation_is_neither_withdrawn_nor_made_again(serve, monkeypatch):
    server, page = await office(serve, monkeypatch)
    secret = await invited(page, "")
    listed = (await page.get("/app/people/invitations")).text
    (withdraw,), (again,) = actions(listed, "withdraw"), actions(listed, "again")
    assert await accepted(server, secret, "eve@school.example") == 303
    for path in (withdraw, again):
        refused = await page.submit(path)
        assert refused.status_code == 409
        assert "An account was made with this invitation already" in refused.text
        assert 'class="secret"' not in refused.text
    missing = f"/app/people/invitations/{'0' * 24}/withdraw"
    assert (await page.submit(missing)).status_code == 404


async def test_many_invitations_come_in_pages(serve, monkeypatch):
    monkeypatch.setattr("quartapp_web.invitation_pages.SHOWN", 2)
    _, page = await office(serve, monkeypatch)
    emails = [f"eve{number}@school.example" for number in range(3)]
    for email in emails:
        await invited(page, email)
    first = await page.get("/app/people/invitations")
    (more,) = re.findall(r'href="(/app/people/invitations\?after=[0-9a-f]+)"', first.text)
    second = await page.get(more)
    shown = [[email in answer.text for email in emails] for answer in (first, second)]
    assert shown == [[False, True, True], [True, False, False]]


async def test_closed_server_makes_no_invitation_again(serve, monkeypatch, mongodb_uri):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    server = await serve(mongodb_uri=mongodb_uri)
    admin = await server.person("admin")
    page = server.page(admin)
    secret = await invited(page, "")
    (again,) = actions((await page.get("/app/people/invitations")).text, "again")
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "closed")
    closed = await serve(mongodb_uri=mongodb_uri)
    refused = await closed.page(admin).submit(again)
    assert (refused.status_code, "Registration is closed" in refused.text) == (409, True)
    # The earlier one is as good as before.
    assert await accepted(server, secret, "eve@school.example") == 303


@pytest.mark.parametrize("role", ["teacher", "student"])
async def test_nobody_else_sees_invitations(serve, monkeypatch, role):
    server, admin_page = await office(serve, monkeypatch)
    await invited(admin_page, "")
    (again,) = actions((await admin_page.get("/app/people/invitations")).text, "again")
    page = server.page(await server.person(role))
    assert (await page.get("/app/people/invitations")).status_code == 403
    for path in (again, again.replace("again", "withdraw")):
        assert (await page.submit(path)).status_code == 403
