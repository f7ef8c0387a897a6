"""Guessing a password is refused after some failures, and only for that account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp_contract_suite.http.matching import mismatch
from quartapp_contract_suite.http.table.rows import error
from quartapp_contract_suite.people import PASSWORD

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People

LOGIN = "/api/v1/auth/login"
# More than the failures that any server allows before a wait. A slow machine takes longer than the
# first waits, so the number of failures until a refusal is no part of this test.
MOST_GUESSES = 200


def test_guessing_is_refused_with_the_time_of_the_next_attempt(people: People) -> None:
    guessed, other = people.teacher(), people.teacher()
    wrong = {"email": guessed.email, "password": "a guess"}
    right = {"email": other.email, "password": PASSWORD}

    for _ in range(MOST_GUESSES):
        answer = people.http.post(LOGIN, json=wrong)
        if answer.status_code != 400:
            break
        assert mismatch(error("Invalid email or password"), answer.json()) is None

    assert answer.status_code == 429, answer.text
    assert mismatch(error("Too Many Requests"), answer.json()) is None, answer.text
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert people.http.post(LOGIN, json=right).status_code == 200
