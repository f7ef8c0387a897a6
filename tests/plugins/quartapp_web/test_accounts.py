"""Pages about accounts, without a script: passwords, codes, invitations and the set-up."""

from __future__ import annotations

import re

import pytest

from quartapp import Deny, core, hookimpl
from quartapp_auth import Invitations, Resets, Setup

PASSWORD = "a new password"


@pytest.fixture(autouse=True)
def _by_invitation(monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")


async def signed_in(server, email, password=PASSWORD):
    page = server.page()
    answer = await page.submit("/app/sign-in", identifier=email, password=password)
    return answer.status_code == 303


async def test_password_is_changed_and_this_browser_stays_signed_in(serve):
    server = await serve()
    ada = await server.person("teacher")
    page = server.page(ada)
    assert "Change the password" in (await page.get("/app/account")).text
    changed = await page.submit(
        "/app/account/password", password=ada.password, newPassword=PASSWORD
    )
    assert (changed.status_code, changed.headers["location"]) == (303, "/app/account?changed=yes")
    assert "Your password is changed" in (await page.follow(changed)).text
    assert (await server.api.get("/auth/me", headers=ada.headers)).status_code == 401
    assert not await signed_in(server, ada.email, ada.password)
    assert await signed_in(server, ada.email)


@pytest.mark.parametrize(
    ("password", "new", "told"),
    [
        ("wrong", PASSWORD, "This is not your present password."),
        ("", PASSWORD, "Type your present password."),
        ("right", "short", "Choose a password of 8 to 72 characters."),
        ("right", "seven77", "Choose a password of 8 to 72 characters."),
        ("right", "password", "among the most common ones"),
        ("right", "x" * 73, "Choose a password of 8 to 72 characters."),
    ],
)
async def test_refused_change_says_what_to_do_beside_the_field(serve, password, new, told):
    server = await serve()
    ada = await server.person("teacher")
    given = ada.password if password == "right" else password
    page = server.page(ada)
    answer = await page.submit("/app/account/password", password=given, newPassword=new)
    assert answer.status_code == 422
    assert "<title>Error: My account" in answer.text
    # In the summary, and beside the field.
    assert answer.text.count(told) >= 2
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{new}"' not in answer.text
    assert await signed_in(server, ada.email, ada.password)


async def test_sign_out_everywhere_ends_all_tokens(serve):
    server = await serve()
    ada = await server.person("teacher")
    other = server.page(ada)
    page = server.page(ada)
    answer = await page.submit("/app/account/sign-out-everywhere")
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/sign-in")
    assert not page.client.cookies
    assert (await other.get("/app/today")).headers["location"].startswith("/app/sign-in")


@pytest.mark.parametrize("path", ["account/password", "account/sign-out-everywhere", "reset"])
async def test_forms_of_other_sites_change_nothing(serve, path):
    server = await serve()
    ada = await server.person("teacher")
    answer = await server.page(ada).client.post(
        f"/app/{path}",
        data={"password": ada.password, "newPassword": PASSWORD, "code": "x"},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert await signed_in(server, ada.email, ada.password)


async def test_code_sets_a_password_once(serve):
    server = await serve()
    ada = await server.person("student")
    made = await core(server.app).services.get(Resets).make(ada.id)
    page = server.page()
    short = await page.submit("/app/reset", code=made.text, newPassword="short")
    assert (short.status_code, "8 to 72" in short.text) == (422, True)
    common = await page.submit("/app/reset", code=made.text, newPassword="password")
    assert (common.status_code, "most common" in common.text) == (400, True)
    typed = made.text.replace("-", " ").lower()
    answer = await page.submit("/app/reset", code=typed, newPassword=PASSWORD)
    assert "Your password is set" in (await page.follow(answer)).text
    assert await signed_in(server, ada.email)
    again = await page.submit("/app/reset", code=made.text, newPassword="another password")
    assert again.status_code == 400
    assert "This code is not right" in again.text
    assert made.text not in again.text


async def test_without_mail_the_office_gives_the_code(serve):
    page = (await serve()).page()
    shown = (await page.get("/app/forgotten")).text
    assert "office gives you a code" in shown
    assert 'name="email"' not in shown
    refused = await page.submit("/app/forgotten", email="ada@school.example")
    assert refused.status_code == 403
    assert "This server sends no mail" in refused.text


async def test_invitation_makes_an_account_and_signs_in(serve):
    server = await serve()
    invitations = core(server.app).services.get(Invitations)
    _, secret = await invitations.make("teacher", None)
    page = server.page()
    fields = {"invitation": secret, "name": "<Ada>", "email": "ADA@school.example"}
    wrong = await page.submit("/app/invitation", **fields | {"email": "ada"}, password=PASSWORD)
    assert wrong.status_code == 422
    assert "Type an e-mail address" in wrong.text
    assert 'value="&lt;Ada&gt;"' in wrong.text
    assert secret not in wrong.text
    made = await page.submit("/app/invitation", **fields, password=PASSWORD)
    assert (made.status_code, made.headers["location"]) == (303, "/app/")
    assert "<bdi>&lt;Ada&gt;</bdi>" in (await page.get("/app/today")).text
    for invitation, email, told in (
        (secret, "eve@school.example", "This invitation is not right"),
        ("no such text", "eve@school.example", "This invitation is not right"),
        ((await invitations.make("student", None))[1], "ada@school.example", "has an account"),
    ):
        changed = {"invitation": invitation, "email": email}
        refused = await server.page().submit(
            "/app/invitation", **fields | changed, password=PASSWORD
        )
        assert (refused.status_code, told in refused.text) == (400, True), refused.text


async def test_set_up_makes_the_first_administrator_once(serve, mongodb_uri):
    server = await serve(mongodb_uri=mongodb_uri)
    code = await core(server.app).services.get(Setup).open()
    page = server.page()
    fields = {"name": "Ada", "email": "ada@school.example", "password": PASSWORD}
    wrong = await page.submit("/app/setup", code="0000", **fields)
    assert (wrong.status_code, "does not make an administrator" in wrong.text) == (400, True)
    assert PASSWORD not in wrong.text
    made = await page.submit("/app/setup", code=code, **fields)
    assert (made.status_code, made.headers["location"]) == (303, "/app/")
    person = (await server.api.get("/auth/me", headers=bearer(page))).json()["data"]
    assert person["role"] == "admin"
    eve = fields | {"email": "eve@school.example"}
    assert (await server.page().submit("/app/setup", code=code, **eve)).status_code == 400


def bearer(page):
    (token,) = page.client.cookies.values()
    return {"Authorization": f"Bearer {token}"}


async def test_too_many_failures_are_a_page_that_says_so(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_FAILURES_PER_PAIR", "1")
    server = await serve()
    page = server.page(await server.person("teacher"))
    for status in (422, 429):
        answer = await page.submit("/app/account/password", password="wrong", newPassword=PASSWORD)
        assert answer.status_code == status
    assert "Too many tries" in answer.text
    assert re.fullmatch(r"\d+", answer.headers["retry-after"])


async def test_policies_about_the_routes_hold_for_the_pages(serve):
    class Closed:
        name = "closed"
        messages = ("Not now",)

        @hookimpl
        def authorize(self, action, resource):
            actions = {"changePassword", "logoutAll", "resetPassword", "registerUser", "setUp"}
            return Deny("Not now") if action in actions and "body" in resource else None

    server = await serve(beside=[Closed])
    ada = await server.person("teacher")
    page = server.page(ada)
    fields = {"password": ada.password, "newPassword": PASSWORD, "code": "x", "name": "Eve"}
    fields |= {"invitation": "x", "email": "eve@school.example"}
    for path in ("account/password", "reset", "invitation", "setup"):
        answer = await page.submit(f"/app/{path}", **fields)
        assert (answer.status_code, "Not now" in answer.text) == (403, True), path
