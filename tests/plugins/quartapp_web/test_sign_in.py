"""The sign-in and the addresses of pages, without a browser."""

from __future__ import annotations

import pytest

from quartapp import Deny, hookimpl

STRANGE = "x" * 900


async def test_root_leads_browsers_to_the_pages_and_answers_clients_as_before(serve):
    server = await serve()
    page = server.page()
    answer = await page.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/")
    answer = await page.follow(answer)
    assert answer.headers["location"] == "/app/sign-in?next=%2Fapp%2F"
    for accept in ("application/json", "*/*", ""):
        answer = await server.api.get(f"{server.url}/", headers={"Accept": accept})
        assert answer.status_code == 404
        assert answer.json() == {"success": False, "error": "Not Found"}


async def test_each_role_has_a_first_page(serve):
    server = await serve()
    for role, first in (("teacher", "/app/today"), ("student", "/app/now")):
        answer = await server.page(await server.person(role)).get("/app/")
        assert (answer.status_code, answer.headers["location"]) == (303, first)


async def test_sign_in_sets_the_cookie_and_leads_to_the_page_asked_for(serve):
    server = await serve()
    ada = await server.person("teacher")
    page = server.page()
    asked = await page.get("/app/today?a=1&b=%C3%A4")
    form = await page.follow(asked)
    assert 'value="/app/today?a=1&amp;b=%C3%A4"' in form.text
    signed = await page.submit(
        "/app/sign-in",
        identifier=f" {ada.email.upper()} ",
        password=ada.password,
        next="/app/today?a=1&b=%C3%A4",
    )
    assert (signed.status_code, signed.headers["location"]) == (303, "/app/today?a=1&b=%C3%A4")
    assert "HttpOnly" in signed.headers["set-cookie"]
    assert (await page.follow(signed)).status_code == 200
    again = await page.get("/app/sign-in?next=/app/today")
    assert (again.status_code, again.headers["location"]) == (303, "/app/today")


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("https://evil.example/app/", "//evil.example", "/\\evil.example", "/api/v1/class"),
        *("", "\x00", "/app/\r\nX: 1", "/app/" + "x" * 3000),
    ],
)
async def test_sign_in_leads_to_no_other_site(serve, elsewhere):
    server = await serve()
    ada = await server.person("teacher")
    answer = await server.page().submit(
        "/app/sign-in", identifier=ada.email, password=ada.password, next=elsewhere
    )
    assert answer.headers.get("location", "/app/") == "/app/"
    assert answer.status_code in {303, 422}


@pytest.mark.parametrize(
    ("identifier", "password", "status"),
    [
        ("nobody@school.example", "secret-1", 400),
        ("nobody", "secret-1", 400),
        ("no\x00body", "secret-1", 400),
        ("@", "secret-1", 400),
        (STRANGE, STRANGE, 400),
        ("x" * 2000, "secret-1", 422),
        ("   ", "secret-1", 422),
        ("nobody", "", 422),
        ('"><script>', "secret-1", 400),
    ],
)
async def test_refused_sign_in_shows_the_form_again(serve, identifier, password, status):
    page = (await serve()).page()
    answer = await page.submit("/app/sign-in", identifier=identifier, password=password)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert "<script" not in answer.text
    assert "set-cookie" not in answer.headers


async def test_too_many_failures_tell_how_long_to_wait(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_FAILURES_PER_PAIR", "1")
    server = await serve()
    ada = await server.person("teacher")
    page = server.page()
    for status in (400, 429):
        answer = await page.submit("/app/sign-in", identifier=ada.email, password="wrong")
        assert answer.status_code == status
    assert int(answer.headers["retry-after"]) >= 1
    assert "Too many tries" in answer.text


async def test_policy_about_sign_in_holds_for_the_page(serve):
    class Closed:
        name = "closed"
        messages = ("Not at night",)

        @hookimpl
        def authorize(self, action, resource):
            asked = action == "login" and resource["body"].email == "eve@school.example"
            return Deny("Not at night") if asked else None

    page = (await serve(beside=[Closed])).page()
    answer = await page.submit("/app/sign-in", identifier="eve@school.example", password="secret-1")
    assert answer.status_code == 403
    assert "Not at night" in answer.text


async def test_sign_in_by_username(serve):
    server = await serve()
    ada = await server.person("teacher")
    await server.documents["users"].update_one(
        {"email": ada.email}, {"$set": {"username": "Ada", "usernameKey": "ada"}}
    )
    answer = await server.page().submit("/app/sign-in", identifier="ada", password=ada.password)
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/")


async def test_sign_out_ends_the_token(serve):
    server = await serve()
    ada = await server.person("teacher")
    page = server.page(ada)
    refused = await page.client.post("/app/sign-out", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    answer = await page.submit("/app/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/sign-in")
    assert not page.client.cookies
    assert (await server.api.get("/auth/me", headers=ada.headers)).status_code == 401
    again = await page.submit("/app/sign-out")
    assert (again.status_code, again.headers["location"]) == (303, "/app/sign-in")


async def test_errors_are_pages_under_app_and_json_elsewhere(serve):
    server = await serve()
    page = server.page(await server.person("student"))
    missing = await page.get("/app/<missing>")
    assert missing.status_code == 404
    assert "There is no such page" in missing.text
    assert "default-src 'none'" in missing.headers["content-security-policy"]
    assert (await page.get("/elsewhere")).json() == {"success": False, "error": "Not Found"}
    wrong = await page.client.put("/app/sign-in")
    assert wrong.status_code == 405
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    large = await page.submit("/app/sign-in", identifier="x" * 10_000, password="x")
    assert large.status_code == 413
    assert "This did not work" in large.text
