"""Signed state: opened as it was sealed, for its purpose, in its time, and by nobody else's key."""

from __future__ import annotations

import base64

import jwt
import pytest

from quartapp.identity.signed import InvalidSealError, Signed
from quartapp.identity.tokens import InvalidTokenError, Tokens
from quartapp.parts import core

USER = "0123456789abcdef01234567"
DATA = {"nonce": "ä", "next": "/class/1", "tries": [1, None, True]}


@pytest.fixture
def tokens(turned_clock):
    return Tokens("s" * 32, clock=turned_clock)


@pytest.fixture
def signed(tokens, turned_clock):
    return Signed(tokens, turned_clock)


@pytest.mark.parametrize("data", [DATA, {}], ids=["data", "nothing"])
def test_sealed_data_can_be_opened_by_another_process(signed, turned_clock, data):
    sealed = signed.seal("state", data, 60)
    assert signed.open("state", sealed) == data
    assert Signed(Tokens("s" * 32), turned_clock).open("state", sealed) == data


async def test_it_ends_with_its_time(signed, turned_clock):
    sealed = signed.seal("state", DATA, 0.5)
    await turned_clock.advance(0.4)
    assert signed.open("state", sealed) == DATA
    await turned_clock.advance(0.1)
    with pytest.raises(InvalidSealError, match="too old"):
        signed.open("state", sealed)


def test_other_purpose_or_secret_does_not_open_a_sealed_text(signed, turned_clock):
    sealed = signed.seal("state", DATA, 60)
    stranger = Signed(Tokens("t" * 32), turned_clock)
    for who, purpose in ((signed, "nonce"), (stranger, "state")):
        with pytest.raises(InvalidSealError):
            who.open(purpose, sealed)


def test_changed_data_does_not_open(signed):
    head, _, signature = signed.seal("state", DATA, 60).split(".")
    other = signed.seal("state", {**DATA, "next": "/elsewhere"}, 60).split(".")[1]
    with pytest.raises(InvalidSealError):
        signed.open("state", f"{head}.{other}.{signature}")


def test_unsigned_text_does_not_open(signed, turned_clock):
    payload = {"data": DATA, "exp": turned_clock.time() + 60}
    with pytest.raises(InvalidSealError):
        signed.open("state", jwt.encode(payload, None, algorithm="none"))


DEEP = base64.urlsafe_b64encode(b"[" * 100_000).decode()


@pytest.mark.parametrize(
    "text",
    ["", "x", "a.b.c", "ä.ö.ü", "\ud800.b.c", "a" * 100_000, f"{DEEP}.e30.eA"],
    ids=["empty", "letter", "dots", "umlauts", "surrogate", "long", "deep"],
)
def test_malformed_sealed_text_is_refused(signed, text):
    with pytest.raises(InvalidSealError):
        signed.open("state", text)


def test_a_sealed_text_is_no_token_and_a_token_is_no_sealed_text(signed, tokens):
    claims = {"id": USER, "role": "teacher", "iat": 0, "exp": 2**40}
    with pytest.raises(InvalidTokenError):
        tokens.verify(signed.seal("state", claims, 60))
    with pytest.raises(InvalidSealError):
        signed.open("state", tokens.issue(USER, "teacher", {"data": {}}))


def test_no_purpose_reaches_a_key_of_the_core(signed, tokens):
    key = tokens.derived_key("idempotency")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(signed.seal("idempotency", DATA, 60), key, algorithms=["HS256"])


def test_data_without_a_json_form_is_not_sealed(signed):
    with pytest.raises(TypeError):
        signed.seal("state", {"who": object()}, 60)


async def test_sealed_texts_of_an_app_expire_by_its_clock(serve, turned_clock):
    server = await serve(clock=turned_clock)
    sealed = core(server.app).signed.seal("state", DATA, 60)
    assert core(server.app).signed.open("state", sealed) == DATA
    await turned_clock.advance(60)
    with pytest.raises(InvalidSealError):
        core(server.app).signed.open("state", sealed)


def test_text_that_the_old_secret_sealed_is_opened(turned_clock):
    sealed = Signed(Tokens("o" * 32), turned_clock).seal("state", {"a": 1}, 60)
    during = Signed(Tokens("n" * 32, old_secret="o" * 32), turned_clock)
    assert during.open("state", sealed) == {"a": 1}
    assert Signed(Tokens("n" * 32), turned_clock).open("state", during.seal("state", {}, 60)) == {}
    with pytest.raises(InvalidSealError):
        Signed(Tokens("n" * 32), turned_clock).open("state", sealed)
