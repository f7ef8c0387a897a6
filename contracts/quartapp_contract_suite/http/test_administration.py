"""What a change of an account by an administrator does to its tokens, and to the next sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quartapp_contract_suite.people import API, PASSWORD

if TYPE_CHECKING:
    import httpx

    from quartapp_contract_suite.people import People, Person

pytestmark = pytest.mark.needs_admin
OTHER_PASSWORD = f"{PASSWORD}-2"


class Account:
    """A student who is signed in, and the administrator who changes the account."""

    def __init__(self, people: People, admin: Person) -> None:
        self._people, self._admin = people, admin
        self.person = people.student()
        self._path = f"{API}/admin/people/{self.person.id}"

    def change(self, method: str, what: str, body: object) -> None:
        """Change the account as the administrator."""
        answer = self._people.http.request(
            method, f"{self._path}/{what}", json=body, headers=self._admin.headers
        )
        assert answer.status_code == 200, f"{what}: {answer.text}"

    def seen(self) -> object:
        """Return the account as the administrator sees it."""
        answer = self._people.http.get(self._path, headers=self._admin.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def token_holds(self) -> bool:
        """Tell whether the token of the first sign-in still counts."""
        answer = self._people.http.get(f"{API}/auth/me", headers=self.person.headers)
        assert answer.status_code in {200, 401}, answer.text
        return answer.status_code == 200

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        """Try to sign in, and return the answer."""
        credentials = {"email": self.person.email, "password": password}
        return self._people.http.post(f"{API}/auth/login", json=credentials)


@pytest.fixture
def account(people: People, admin: Person) -> Account:
    """Return an account of its own."""
    return Account(people, admin)


@pytest.mark.parametrize(
    ("method", "what", "body", "password"),
    [
        pytest.param("POST", "revoke", {}, PASSWORD, id="tokens revoked"),
        pytest.param("PUT", "role", {"role": "teacher"}, PASSWORD, id="another role"),
        pytest.param(
            "PUT", "password", {"password": OTHER_PASSWORD}, OTHER_PASSWORD, id="another password"
        ),
    ],
)
def test_a_change_ends_tokens_and_lets_people_sign_in_anew(
    account: Account, method: str, what: str, body: object, password: str
) -> None:
    assert account.token_holds()

    account.change(method, what, body)

    assert not account.token_holds(), f"a token from before still counts after {what}"
    anew = account.sign_in(password)
    assert anew.status_code == 200, f"nobody signs in after {what}: {anew.text}"


def test_a_disabled_account_has_neither_tokens_nor_sign_in_until_it_is_enabled(
    account: Account,
) -> None:
    account.change("POST", "disable", {})

    assert not account.token_holds(), "a token of a disabled account still counts"
    refused = account.sign_in()
    assert refused.status_code == 400, f"a disabled account may sign in: {refused.text}"

    account.change("POST", "enable", {})

    anew = account.sign_in()
    assert anew.status_code == 200, f"an enabled account may not sign in: {anew.text}"


def test_a_rehearsed_erasure_changes_nothing(account: Account) -> None:
    before = account.seen()

    account.change("POST", "erase", {"dryRun": True})

    assert account.seen() == before
    assert account.token_holds(), "the rehearsal has ended a token"
