"""Tokens: verified once, and never for longer than they say."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime

import jwt
import pytest

from quartapp.identity import tokens as security
from quartapp.identity.tokens import InvalidTokenError, Tokens

USER = "0123456789abcdef01234567"


async def test_cached_token_is_refused_after_its_time(turned_clock):
    tokens = Tokens("s" * 32, lifetime=10, clock=turned_clock)
    token = tokens.issue(USER, "teacher")
    principal = tokens.verify(token)
    await turned_clock.advance(9.9)
    assert tokens.verify(token) is principal
    await turned_clock.advance(0.1)
    with pytest.raises(InvalidTokenError):
        tokens.verify(token)


async def test_token_outside_its_time_is_refused_when_not_cached(turned_clock):
    now = int(turned_clock.time())
    claims = {"id": USER, "role": "teacher", "iat": now, "exp": now + 20, "nbf": now + 10}
    token = jwt.encode(claims, "s" * 32, algorithm="HS256")

    def is_good():
        try:
            Tokens("s" * 32, clock=turned_clock).verify(token)
        except InvalidTokenError:
            return False
        return True

    assert not is_good()
    await turned_clock.advance(10)
    assert is_good()
    await turned_clock.advance(10)
    assert not is_good()


@pytest.mark.parametrize("name", ["exp", "nbf"])
@pytest.mark.parametrize("value", ["soon", None, [], float("inf")])
def test_token_with_an_unreadable_time_is_refused(name, value):
    claims = {"id": USER, "role": "teacher", "iat": 0, "exp": 10**10, name: value}
    with pytest.raises(InvalidTokenError):
        Tokens("s" * 32).verify(jwt.encode(claims, "s" * 32, algorithm="HS256"))


def raw_token(headers=None, **claims):
    now = int(time.time())
    complete = {"id": USER, "role": "teacher", "iat": now, "exp": now + 10_000, **claims}
    # jwt.encode refuses claims that its own decode would refuse.
    return jwt.PyJWS().encode(json.dumps(complete).encode(), "s" * 32, headers=headers)


async def test_token_issued_in_the_future_is_refused_beyond_the_leeway(turned_clock):
    now = int(turned_clock.time())
    near, far = raw_token(iat=now + 60), raw_token(iat=now + 61)
    assert Tokens("s" * 32, clock=turned_clock).verify(near).id == USER
    with pytest.raises(InvalidTokenError):
        Tokens("s" * 32, clock=turned_clock).verify(far)
    await turned_clock.advance(1)
    assert Tokens("s" * 32, clock=turned_clock).verify(far).id == USER


@pytest.mark.parametrize("issuer", ["somebody else", "", "quartapp ", None, 7, ["quartapp"], {}])
def test_token_of_another_issuer_is_refused(issuer):
    with pytest.raises(InvalidTokenError):
        Tokens("s" * 32).verify(raw_token(iss=issuer))


def test_token_names_its_issuer_and_its_key_and_reveals_neither_secret():
    token = Tokens("s" * 32).issue(USER, "teacher", {"iss": "somebody else"})
    assert jwt.decode(token, "s" * 32, algorithms=["HS256"])["iss"] == "quartapp"
    name = jwt.get_unverified_header(token)["kid"]
    others = (Tokens(secret).issue(USER, "teacher") for secret in ("t" * 32, "u" * 32))
    assert len({name, *(jwt.get_unverified_header(other)["kid"] for other in others)}) == 3


def test_tokens_of_the_old_secret_are_valid_and_new_ones_are_signed_with_the_new():
    before = Tokens("o" * 32)
    during = Tokens("n" * 32, old_secret="o" * 32)
    after = Tokens("n" * 32)
    old, new = before.issue(USER, "teacher"), during.issue(USER, "teacher")
    assert during.verify(old).id == during.verify(new).id == after.verify(new).id == USER
    for tokens, token in (
        (before, new),
        (after, old),
        (Tokens("x" * 32, old_secret="y" * 32), old),
    ):
        with pytest.raises(InvalidTokenError):
            tokens.verify(token)


def test_token_without_the_name_of_its_key_is_valid_with_either_secret():
    token = raw_token()
    assert "kid" not in jwt.get_unverified_header(token)
    for tokens in (Tokens("s" * 32, old_secret="o" * 32), Tokens("n" * 32, old_secret="s" * 32)):
        assert tokens.verify(token).id == USER
    with pytest.raises(InvalidTokenError):
        Tokens("n" * 32, old_secret="o" * 32).verify(token)


def test_token_with_the_name_of_another_key_is_refused():
    other = jwt.get_unverified_header(Tokens("o" * 32).issue(USER, "teacher"))["kid"]
    for name in (other, "", "none", "../jwt-secret", "0" * 1000):
        with pytest.raises(InvalidTokenError):
            Tokens("s" * 32, old_secret="o" * 32).verify(raw_token({"kid": name}))


@pytest.mark.parametrize("header", ["[" * 9000, "7", '{"alg": "HS256", "kid": 7}', "null", "\x00"])
def test_token_with_an_odd_header_is_refused(header):
    parts = [
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in (header, "{}")
    ]
    with pytest.raises(InvalidTokenError):
        Tokens("s" * 32).verify(f"{'.'.join(parts)}.AAAA")


def test_claims_of_a_token_are_immutable():
    tokens = Tokens("s" * 32)
    principal = tokens.verify(tokens.issue(USER, "teacher", {"tenant": "north"}))
    assert principal.claims["tenant"] == "north"
    with pytest.raises(TypeError):
        principal.claims["tenant"] = "south"


def test_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(security, "REMEMBERED_TOKENS", 3)
    tokens = Tokens("s" * 32)
    for number in range(10):
        issued = tokens.issue(USER, "teacher", {"number": number})
        assert tokens.verify(issued).claims["number"] == number
        assert len(tokens._verified) <= 3


def test_a_token_without_end_ends_with_the_calendar():
    claims = {"id": USER, "role": "teacher", "iat": 0, "exp": 10**400}
    principal = Tokens("s" * 32).verify(jwt.encode(claims, "s" * 32, algorithm="HS256"))
    assert datetime.fromtimestamp(principal.expires_at, UTC).year == 9999
