"""What a token tells, and how long it holds, by the document: read without the server's key."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.people import API, PASSWORD, told_time

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People, Person

DAY_SECONDS = 24 * 3600
# A busy server answers late.
LATE_SECONDS = 60


def claims_of(token: str) -> dict[str, Any]:
    """Return what is in a token, which anybody can read."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return found


def test_a_token_holds_for_24_hours(people: People) -> None:
    person = people.teacher()
    claims = claims_of(person.token)
    now = told_time(people.http.get(f"{API}/auth/me", headers=person.headers)).timestamp()

    assert claims["exp"] - claims["iat"] == DAY_SECONDS, f"the token says {claims}"
    assert abs(claims["iat"] - now) < LATE_SECONDS, f"issued at another time: {claims}"


def test_a_token_tells_neither_name_nor_address_nor_password(people: People) -> None:
    person = people.student("Hedy Lamarr")

    told = json.dumps(claims_of(person.token)).lower()

    for secret in (person.email, person.email.partition("@")[0], "hedy", "lamarr", PASSWORD):
        assert secret.lower() not in told, f"a token tells {secret!r}: {told}"


def test_each_sign_in_has_a_token_of_its_own_and_each_holds(people: People) -> None:
    person = people.teacher()
    other = people.signed_in(person.email, PASSWORD)

    assert other.token != person.token
    assert all(_is_known(people, one) for one in (person, other))


def test_signing_out_ends_one_token_and_no_other(people: People) -> None:
    person = people.teacher()
    other = people.signed_in(person.email, PASSWORD)

    out = people.http.post(f"{API}/auth/logout", headers=person.headers)

    assert out.status_code == 200, out.text
    assert not _is_known(people, person), "the token that was signed out still counts"
    assert _is_known(people, other), "a sign-out has ended another token of the account"


def _is_known(people: People, person: Person) -> bool:
    answer = people.http.get(f"{API}/auth/me", headers=person.headers)
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200
