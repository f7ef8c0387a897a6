"""Which tests a run has, and why it lacks the others: by feature, by server, by what is given."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quartapp.testing.fuzz import LeftOut
from quartapp_contract_suite.accounts import FOR_GIVEN, LACKING
from quartapp_contract_suite.documents.documents import openapi_authority
from quartapp_contract_suite.http.operations import methods

if TYPE_CHECKING:
    from collections.abc import Mapping

# Tags of the contract by the name of the feature.
FEATURES = {
    "auth": "auth",
    "classes": "class",
    "live": "attendance",
    "records": "records",
    "calendar": "calendar",
    "office": "office",
    "admin": "admin",
    "service": "service",
}
# What servers without registration refuse to everybody.
REGISTERING = {"registerUser", "createInvitation", "listInvitations", "revokeInvitation"}
NO_REGISTRATION = "which need a server on which people register"
# The feature of tests that are about no single operation, by the beginning of their path.
PARTS = {
    "http/test_administration.py": "admin",
    "http/test_doors.py": "auth",
    "http/test_effects.py": "classes",
    "http/test_guessing.py": "auth",
    "http/test_lists.py": "admin",
    "http/test_lock.py": "records",
    "http/test_scale.py": "admin",
    "http/test_tokens.py": "auth",
    "http/test_views.py": "records",
    "websocket/": "live",
}
HERE = Path(__file__).parent
LEFT_OUT = pytest.StashKey[Counter[str]]()


def chosen_features(text: str | None) -> frozenset[str] | None:
    """Return the features of an option; None for all.

    Args:
        text: Names with commas between; None for all.

    Raises:
        pytest.UsageError: There is no such feature.
    """
    if text is None:
        return None
    names = frozenset(filter(None, map(str.strip, text.split(","))))
    unknown = sorted(names - FEATURES.keys())
    if unknown or not names:
        given = ", ".join(unknown) or "nothing"
        raise pytest.UsageError(f"no feature is called {given}; there are {', '.join(FEATURES)}")
    return names


def operations_of(features: frozenset[str]) -> frozenset[str]:
    """Return the operationIds of the contract that belong to features.

    Args:
        features: Names of the features.
    """
    tags = {FEATURES[name] for name in features}
    return frozenset(
        item[method.lower()]["operationId"]
        for item in openapi_authority()["paths"].values()
        for method in methods(item)
        if tags & set(item[method.lower()].get("tags", ()))
    )


def operations_beside(features: frozenset[str] | None, served: dict[str, Any]) -> list[LeftOut]:
    """Return the operations of a server's document that do not belong to features.

    Args:
        features: Names of the features; None for all.
        served: The server's document.
    """
    if features is None:
        return []
    chosen = operations_of(features)
    return [
        LeftOut(item[method.lower()]["operationId"], f"{method} {path}", "not of the features")
        for path, item in served["paths"].items()
        for method in sorted(methods(item))
        if item[method.lower()]["operationId"] not in chosen
    ]


class Choice:
    """The choice of tests of one run.

    Args:
        features: Names of the features; None for all.
        unmet: Marks of tests that cannot run, each with what they need.
        other: Marks of tests for other servers, each with the only argument that fits this one.
        is_closed: Whether nobody may register on the server.
        is_given: Whether the run has accounts that were there before, and no others.
    """

    def __init__(
        self,
        features: frozenset[str] | None,
        unmet: Mapping[str, str],
        other: Mapping[str, tuple[object, ...]],
        *,
        is_closed: bool = False,
        is_given: bool = False,
    ) -> None:
        self._is_closed = is_closed
        self._is_given = is_given
        self._features = features
        self._operations = operations_of(features) if features else frozenset()
        self._unmet = unmet
        self._other = other

    def reason_against(self, item: pytest.Item) -> str | None:
        """Return why a test is left out; None for a test that runs.

        Args:
            item: The test.
        """
        for mark, needs in self._unmet.items():
            if item.get_closest_marker(mark):
                return needs
        for mark, fitting in self._other.items():
            if any(found.args != fitting for found in item.iter_markers(mark)):
                return f"for servers with another setting: {mark}"
        if self._is_closed and _operation_of(item) in REGISTERING:
            return NO_REGISTRATION
        if self._is_given and not _place(item).startswith(FOR_GIVEN):
            return LACKING
        if self._features is not None and not self._is_chosen(item):
            return f"not of --contract-features {','.join(sorted(self._features))}"
        return None

    def _is_chosen(self, item: pytest.Item) -> bool:
        operation = _operation_of(item)
        if operation is not None:
            return operation in self._operations
        place = _place(item)
        feature = next((name for part, name in PARTS.items() if place.startswith(part)), None)
        # A test of no feature is about all of them, such as the comparison of documents.
        return feature is None or feature in (self._features or ())


def _place(item: pytest.Item) -> str:
    """Return where a test is: its path in the suite, and its name."""
    return f"{item.path.relative_to(HERE).as_posix()}::{item.name}"


def _operation_of(item: pytest.Item) -> str | None:
    """Return the operationId that a test is about; None for a test about none or several."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    for name in ("row", "operation"):
        if name in parameters:
            found = parameters[name]
            # A row names its operation, an operation its id, and some tests have the id alone.
            return str(getattr(found, "operation", None) or getattr(found, "id", found))
    return None


def left_out_lines(reasons: Counter[str]) -> list[str]:
    """Return the lines that say which tests did not run, and why.

    Args:
        reasons: Numbers of tests by the reason.
    """
    return [
        f"not tested: {number:,} {'test' if number == 1 else 'tests'}, {reason}"
        for reason, number in sorted(reasons.items())
    ]
