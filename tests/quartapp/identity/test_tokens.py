"""Tokens: verified once, and never for longer than they say."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import jwt
import pytest

from quartapp.identity import tokens as security
from quartapp.identity.tokens import InvalidTokenError, Tokens

USER = "0123456789abcdef01234567"


def test_a_token_that_was_good_before_is_none_after_its_time():
    tokens = Tokens("s" * 32, lifetime=1)
    token = tokens.issue(USER, "teacher")
    principal = tokens.verify(token)
    assert tokens.verify(token) is principal
    while time.time() < principal.expires_at:
        pass
    with pytest.raises(InvalidTokenError):
        tokens.verify(token)


def test_nobody_can_change_what_a_token_said():
    tokens = Tokens("s" * 32)
    principal = tokens.verify(tokens.issue(USER, "teacher", {"tenant": "north"}))
    assert principal.claims["tenant"] == "north"
    with pytest.raises(TypeError):
        principal.claims["tenant"] = "south"


def test_what_is_remembered_has_a_bound(monkeypatch):
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
