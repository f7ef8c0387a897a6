"""Tokens: verified once, and never for longer than they say."""

from __future__ import annotations

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
