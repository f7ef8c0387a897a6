"""Where the accounts of a run come from, on servers on which not everybody may register."""

from __future__ import annotations

import shlex
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp_contract_suite.people import People, Person

COMMAND_SECONDS = 60.0
# How many people the tests for given accounts have; see ``Cast`` of the table and of the socket.
NEEDED = {"teacher": 2, "student": 4}
# Tests that need people of both roles and nothing that only new people have, such as their names.
FOR_GIVEN = (
    "documents/",
    "http/test_hidden.py",
    "http/test_table.py::test_a_",
    "http/test_table.py::test_another_",
    "http/test_table.py::test_no_text_",
    "http/test_table.py::test_request_",
    "http/test_table.py::test_the_case_",
    "http/test_table.py::test_unknown_",
    "http/test_table.py::test_wrong_role_",
    "websocket/test_errors.py",
    "websocket/test_resume.py",
    "websocket/test_table.py",
    "websocket/test_version1.py",
)
LACKING = (
    "which need new people: let them register, or give --accounts COMMAND, or an administrator "
    "with --registration closed"
)


def pair(text: str, option: str) -> tuple[str, str]:
    """Return the address and the password of an option.

    Args:
        text: ``EMAIL:PASSWORD``; the password may have colons.
        option: Name of the option, for the message.

    Raises:
        pytest.UsageError: The text has another form.
    """
    email, colon, password = text.partition(":")
    if not (email and colon and password):
        raise pytest.UsageError(f"{option} takes EMAIL:PASSWORD")
    return email, password


def check_given(accounts: dict[str, Sequence[str]]) -> None:
    """Refuse accounts that are too few for the tests that use them.

    Args:
        accounts: ``EMAIL:PASSWORD`` of each account, by role.

    Raises:
        pytest.UsageError: There are too few accounts of a role, or one is told in another form.
    """
    for role, found in accounts.items():
        for one in found:
            pair(one, f"--{role}")
    if any(len(set(found)) < NEEDED[role] for role, found in accounts.items()):
        wanted = " and ".join(f"{number} of --{role}" for role, number in NEEDED.items())
        raise pytest.UsageError(f"the tests need {wanted}, each another account")


class Given:
    """Accounts that were there before the run; a module of tests begins with the first again."""

    def __init__(self, accounts: dict[str, Sequence[str]]) -> None:
        self._accounts = accounts
        self._used: Counter[str] = Counter()
        self._signed_in: dict[str, Person] = {}

    def begin(self) -> None:
        """Begin with the first account of each role."""
        self._used.clear()

    def next(self, people: People, role: str) -> Person:
        """Return the next person of a role; skip the test if there is none.

        Args:
            people: Who signs in.
            role: ``teacher`` or ``student``.
        """
        number = self._used[role]
        if number == len(self._accounts[role]):
            pytest.skip(f"needs another account: --{role}")
        self._used[role] += 1
        account = self._accounts[role][number]
        if account not in self._signed_in:
            person = people.signed_in(*pair(account, f"--{role}"))
            if person.role != role:
                pytest.exit(f"--{role} {person.email} is a {person.role}", returncode=2)
            self._signed_in[account] = person
        return self._signed_in[account]


class ByCommand:
    """Accounts that a command of the server's operators makes, one at a time.

    Args:
        command: The command, as a shell splits it. ``{name}``, ``{email}``, ``{role}`` and
            ``{password}`` are replaced; without ``{password}``, it is the first line of the input.
    """

    def __init__(self, command: str) -> None:
        self._words = shlex.split(command)

    def __call__(self, name: str, email: str, role: str, password: str) -> None:
        """Make an account.

        Raises:
            AssertionError: The command failed.
        """
        values = {"{name}": name, "{email}": email, "{role}": role, "{password}": password}
        words = list(self._words)
        for mark, value in values.items():
            words = [word.replace(mark, value) for word in words]
        done = subprocess.run(  # noqa: S603 - the command that the operator of the run gave
            words,
            input=f"{password}\n",
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        said = (done.stderr or done.stdout).strip()
        assert done.returncode == 0, f"--accounts ended with status {done.returncode}: {said}"
