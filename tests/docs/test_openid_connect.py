"""The example of a sign-on by OpenID Connect, against an identity provider with real keys."""

from __future__ import annotations

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from tests.docs.test_how_to import HOW_TO
from tests.support.identity_provider import CLIENT, IdentityProvider


@pytest.fixture
def provider(monkeypatch):
    server = IdentityProvider()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("QUARTAPP_OPENID_ISSUER", server.issuer)
    monkeypatch.setenv("QUARTAPP_OPENID_CLIENT_SECRET", CLIENT[1])
    yield server
    server.stop()
    thread.join()


@pytest.fixture
async def server(serve, example, provider, turned_clock):
    plugin = example("openid_connect", HOW_TO).OpenIdPlugin()
    return await serve(beside=[plugin], clock=turned_clock)


@pytest.fixture
def new_browser(server):
    def open_browser():
        page = server.page()
        # The server takes a connection that is kept while the clock is turned for a silent one.
        page.client.headers["Connection"] = "close"
        return page

    return open_browser


@pytest.fixture
def browser(new_browser):
    return new_browser()


@pytest.fixture
def other_browser(new_browser):
    return new_browser()


async def way_back(browser):
    """Go to the provider, and return the address that it sends the browser back to."""
    begun = await browser.get("/sign-on")
    assert begun.status_code == 303, begun.text
    agreed = await browser.follow(begun)
    return agreed.headers["Location"]


async def sign_on(browser):
    return await browser.get(await way_back(browser))


async def accounts(server):
    return await server.documents["users"].count_documents({})


async def test_whom_the_provider_vouches_for_is_signed_in_to_one_account(server, new_browser):
    for _ in range(2):
        browser = new_browser()
        landed = await browser.follow(await sign_on(browser))
        assert (landed.status_code, landed.url.path) == (200, "/docs")
        me = (await browser.get("/api/v1/auth/me")).json()["data"]
        assert (me["name"], me["role"]) == ("grace hopper", "teacher")
    assert await accounts(server) == 1


async def assert_refused(browser, answer, server):
    assert (answer.status_code, "Sign-on failed" in answer.text) == (400, True)
    assert (await browser.get("/api/v1/auth/me")).status_code == 401
    assert await accounts(server) == 0


async def test_another_state_is_refused(server, browser):
    address = await way_back(browser)
    await assert_refused(browser, await browser.get(address.replace("state=", "state=x")), server)


async def test_a_way_back_is_of_no_use_in_another_browser(server, browser, other_browser):
    address = await way_back(browser)
    await assert_refused(other_browser, await other_browser.get(address), server)
    await way_back(other_browser)
    await assert_refused(other_browser, await other_browser.get(address), server)


async def test_a_way_back_can_be_gone_once(browser):
    address = await way_back(browser)
    kept = dict(browser.client.cookies)
    assert (await browser.get(address)).status_code == 303
    assert not kept.keys() & browser.client.cookies.keys()
    assert (await browser.get(address)).status_code == 400
    # Nor does it help to have kept the cookie: the provider takes a code once.
    browser.client.cookies.update(kept)
    assert (await browser.get(address)).status_code == 400


async def test_who_comes_back_too_late_is_refused(server, browser, turned_clock):
    address = await way_back(browser)
    await turned_clock.advance(601)
    await assert_refused(browser, await browser.get(address), server)


async def test_who_is_not_let_in_by_the_provider_is_refused(server, browser, provider):
    provider.answers = {"error": "access_denied"}
    await assert_refused(browser, await sign_on(browser), server)


OTHER_CLAIMS = {
    "nonce": {"nonce": "another"},
    "audience": {"aud": "another client"},
    "issuer": {"iss": "https://elsewhere.example"},
    "expired": {"exp": 1_700_000_000},
    "no-nonce": {"nonce": None},
    "no-subject": {"sub": None},
}


@pytest.mark.parametrize("claims", OTHER_CLAIMS.values(), ids=OTHER_CLAIMS)
async def test_an_id_token_of_other_claims_is_refused(server, browser, provider, claims):
    provider.changes = claims
    await assert_refused(browser, await sign_on(browser), server)


async def test_an_id_token_without_a_signature_is_refused(server, browser, provider):
    provider.signs = provider.unsigned
    await assert_refused(browser, await sign_on(browser), server)


async def test_an_id_token_that_is_signed_with_the_public_key_is_refused(server, browser, provider):
    provider.signs = provider.signed_by_public_key
    await assert_refused(browser, await sign_on(browser), server)


async def test_an_id_token_of_another_key_is_refused(server, browser, provider):
    other = generate_private_key(public_exponent=65537, key_size=2048)
    provider.signs = lambda claims: provider.signed(claims, other)
    await assert_refused(browser, await sign_on(browser), server)


async def test_new_keys_of_the_provider_are_found(browser, provider):
    assert (await sign_on(browser)).status_code == 303
    provider.rotate()
    assert (await sign_on(browser)).status_code == 303


async def test_an_address_that_nobody_has_verified_takes_no_account_over(server, browser, provider):
    owner = await server.person("teacher")
    provider.person |= {"email": owner.email, "email_verified": False}
    assert (await sign_on(browser)).status_code == 403
    login = {"email": owner.email, "password": owner.password}
    assert (await server.api.post("/auth/login", json=login)).status_code == 200
    # A word is no assurance either.
    provider.person |= {"email_verified": "true"}
    assert (await sign_on(browser)).status_code == 403
    assert await accounts(server) == 1


@pytest.mark.parametrize("way", ["broken", "down"])
async def test_a_provider_that_is_down_is_told_from_a_refusal(server, browser, provider, way):
    address = await way_back(browser)
    provider.is_broken = True
    if way == "down":
        provider.stop()
    answer = await browser.get(address)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert await accounts(server) == 0


async def test_a_provider_that_was_down_at_first_is_asked_again(browser, provider):
    provider.is_broken = True
    assert (await browser.get("/sign-on")).status_code == 503
    provider.is_broken = False
    assert (await sign_on(browser)).status_code == 303
