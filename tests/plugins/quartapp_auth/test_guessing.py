"""Failed sign-ins make further attempts wait: by account and network, by account, by network."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import core
from quartapp_auth import TooManyFailuresError, UserService
from quartapp_auth.settings import AuthSettings
from quartapp_auth.signing_in.guessing import Guessing, network_of

HOME, SCHOOL, FAR = "192.0.2.7", "198.51.100.20", "2001:db8:1:2:3:4:5:6"
WRONG = (400, "Invalid email or password", None)
UNKNOWN = (404, "User not found", None)
DOUBLED_WAITS = [1, 2, 4, 8, 16, 32, 60, 60]


def refused(seconds):
    return 429, "Too Many Requests", str(seconds)


@pytest.fixture
async def started(serve, turned_clock):
    """The function that starts a server behind a proxy, whose clock stands still."""

    async def start():
        server = await serve(clock=turned_clock, trusted_proxies=1)
        server.api.headers["Connection"] = "close"  # the turned clock ends those that are kept
        return server

    return start


async def sign_in(server, person, address, password=None, **identifier):
    """Status and error of a sign-in, and the seconds that the client has to wait."""
    body = {"password": password or person.password, **(identifier or {"email": person.email})}
    headers = {} if address is None else {"X-Forwarded-For": address}
    answer = await server.api.post("/auth/login", json=body, headers=headers)
    return answer.status_code, answer.json().get("error"), answer.headers.get("Retry-After")


async def guess(server, person, address, **identifier):
    return await sign_in(server, person, address, "a guess", **identifier)


async def metric(server, name):
    text = (await server.api.get(f"{server.url}/metrics")).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


def test_ten_failures_of_an_account_from_one_network_are_no_reason_to_wait():
    settings = AuthSettings()
    assert settings.failures_per_pair == 10
    assert settings.failures_per_account == 100
    assert settings.failures_per_network == 300


async def test_each_failure_beyond_the_limit_doubles_the_wait_up_to_a_minute(started, turned_clock):
    server = await started()
    person, other = await server.person("teacher"), await server.person("teacher")
    assert [await guess(server, person, HOME) for _ in range(10)] == [WRONG] * 10
    for seconds in DOUBLED_WAITS:
        # The right password is refused as well, and neither attempt makes the wait longer.
        assert await guess(server, person, HOME) == refused(seconds)
        assert await sign_in(server, person, "192.0.2.200") == refused(seconds)
        await turned_clock.advance(seconds)
        assert await guess(server, person, HOME) == WRONG
    assert await sign_in(server, other, HOME) == (200, None, None)
    assert await sign_in(server, person, SCHOOL) == (200, None, None)
    await turned_clock.advance(59.5)
    assert await sign_in(server, person, HOME) == refused(1)
    await turned_clock.advance(0.5)
    assert await sign_in(server, person, HOME) == (200, None, None)
    assert [await guess(server, person, HOME) for _ in range(10)] == [WRONG] * 10
    assert await guess(server, person, HOME) == refused(1)
    await turned_clock.advance(3600)
    assert [await guess(server, person, HOME) for _ in range(10)] == [WRONG] * 10
    assert await guess(server, person, HOME) == refused(1)
    assert await metric(server, "quartapp_auth_failures_total") == 38
    assert await metric(server, 'quartapp_auth_refused_total{limit="pair"}') == 19


async def test_account_is_guessed_by_address_and_username_and_nobodys_account_too(
    started, monkeypatch
):
    monkeypatch.setenv("QUARTAPP_AUTH_FAILURES_PER_PAIR", "4")
    server = await started()
    users = core(server.app).services.get(UserService)
    person = await server.person("student")
    await users.register("Ada", "ada@school.example", "secret1", "student", username="Ada")
    for identifier in (
        {"email": "ada@school.example"}, {"email": " ADA@School.example "},
        {"username": "ada"}, {"username": "\uff21\uff24\uff21 "},
    ):  # fmt: skip
        assert await guess(server, person, HOME, **identifier) == WRONG
    assert await guess(server, person, HOME, username="ADA") == refused(1)
    assert await guess(server, person, HOME, email="ada@school.example") == refused(1)
    for name in ("nobody", "NOBODY", " Nobody", "nobody"):
        assert await guess(server, person, HOME, username=name) == UNKNOWN
    assert await guess(server, person, HOME, username="nobody") == refused(1)


async def test_account_has_one_limit_for_all_networks_but_those_where_it_has_signed_in(
    started, turned_clock, monkeypatch
):
    monkeypatch.setenv("QUARTAPP_AUTH_FAILURES_PER_ACCOUNT", "3")
    server = await started()
    person, other = await server.person("teacher"), await server.person("teacher")
    assert await sign_in(server, person, SCHOOL) == (200, None, None)
    await turned_clock.advance(100)
    for address in ("203.0.113.1", FAR, "2001:db8:1:3::1"):
        assert await guess(server, person, address) == WRONG
        await turned_clock.advance(100)
    # The ten minutes began with the first failure.
    assert await sign_in(server, person, HOME) == refused(300)
    assert await sign_in(server, person, SCHOOL) == (200, None, None)
    assert await sign_in(server, other, HOME) == (200, None, None)
    assert await metric(server, 'quartapp_auth_refused_total{limit="account"}') == 1
    await turned_clock.advance(300)
    assert await sign_in(server, person, HOME) == (200, None, None)


async def test_network_has_one_limit_for_all_accounts_that_counts_failures_alone(
    started, turned_clock, monkeypatch
):
    monkeypatch.setenv("QUARTAPP_AUTH_FAILURES_PER_NETWORK", "3")
    server = await started()
    person, other = await server.person("student"), await server.person("student")
    assert [await sign_in(server, person, SCHOOL) for _ in range(5)] == [(200, None, None)] * 5
    for number in range(3):
        assert await guess(server, person, SCHOOL, username=f"nobody {number}") == UNKNOWN
    assert await sign_in(server, other, SCHOOL) == refused(600)
    assert await sign_in(server, other, HOME) == (200, None, None)
    assert await metric(server, 'quartapp_auth_refused_total{limit="network"}') == 1
    await turned_clock.advance(600)
    assert await sign_in(server, other, SCHOOL) == (200, None, None)


async def test_this_machine_has_the_limit_of_the_pair_alone(started, monkeypatch):
    for limit in ("PAIR", "ACCOUNT", "NETWORK"):
        monkeypatch.setenv(f"QUARTAPP_AUTH_FAILURES_PER_{limit}", "2")
    server = await started()
    person, other = await server.person("student"), await server.person("student")
    assert [await guess(server, person, None) for _ in range(2)] == [WRONG] * 2
    assert await guess(server, person, "127.0.0.1") == refused(1)
    assert await sign_in(server, other, None) == (200, None, None)
    assert await sign_in(server, person, HOME) == (200, None, None)
    assert [await guess(server, other, "::1") for _ in range(2)] == [WRONG] * 2
    assert await sign_in(server, other, "::1") == refused(1)


async def test_guesses_side_by_side_on_two_servers_learn_no_more_than_one_after_the_other(
    started,
):
    servers = [await started(), await started()]
    person = await servers[0].person("teacher")
    guesses = [guess(server, person, HOME) for server in servers for _ in range(20)]
    answers = await asyncio.gather(*guesses)
    assert sorted(answers) == [WRONG] * 10 + [refused(1)] * 30
    for server in servers:
        assert await sign_in(server, person, HOME) == refused(1)


async def test_success_side_by_side_with_too_many_failures_is_not_told(started):
    server = await started()
    person = await server.person("teacher")
    guessing = core(server.app).services.get(Guessing)

    async def verify():
        # Other guesses reach the limit while this password is checked.
        assert [await guess(server, person, HOME) for _ in range(10)] == [WRONG] * 10
        return "the token"

    with pytest.raises(TooManyFailuresError) as error:
        await guessing.attempt(person.id, HOME, verify)
    assert error.value.retry_after == 1


async def test_counters_name_neither_account_nor_network_and_end_by_themselves(started):
    server = await started()
    person = await server.person("teacher")
    await guess(server, person, HOME)
    await sign_in(server, person, SCHOOL)
    kept = await server.documents["failedSignIns"].find({}).to_list()
    assert len(kept) == 4
    for document in kept:
        assert document["expires"]
        assert not any(text in str(document) for text in (person.id, person.email, "192.0", "198."))
    indexes = await server.documents["failedSignIns"].index_information()
    assert indexes["expires_1"]["expireAfterSeconds"] == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("<local>", "unknown"),
    ],
)
def test_network_of_an_address(address, network):
    assert network_of(address).name == network
    assert not network_of(address).loopback


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_network_of_this_machine(address):
    assert network_of(address).loopback
