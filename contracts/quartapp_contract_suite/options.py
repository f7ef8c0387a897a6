"""The options of a contract run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp_contract_suite.accounts import NEEDED
from quartapp_contract_suite.choice import FEATURES

if TYPE_CHECKING:
    import pytest

DEPTHS = {"quick": 0.25, "default": 1.0, "deep": 10.0}
REGISTRATIONS = ("open", "invite", "closed")


def add_options(parser: pytest.Parser) -> None:
    """Add the options of a contract run.

    Args:
        parser: Parser of pytest's options.
    """
    group = parser.getgroup("contract", "the contract of quartapp")
    group.addoption(
        "--base-url",
        metavar="URL",
        help="The server to test. Without it, one is started on the embedded database.",
    )
    group.addoption(
        "--contract-depth",
        choices=tuple(DEPTHS),
        default="default",
        help="quick: a quarter of the cases; deep: ten times as many.",
    )
    group.addoption(
        "--contract-seed",
        type=int,
        default=0,
        help="Seed of the generated cases.  [default: 0]",
    )
    group.addoption(
        "--contract-jwt-secret",
        metavar="SECRET",
        help="The JWT_SECRET of the server of --base-url; tests that make tokens need the secret.",
    )
    group.addoption(
        "--contract-admin",
        "--admin",
        metavar="EMAIL:PASSWORD",
        help="An administrator of the server of --base-url; tests of what administrators do need "
        "one.",
    )
    group.addoption(
        "--contract-registration",
        choices=REGISTRATIONS,
        help="Who may register on the server: everybody, people whom the administrator invites, or "
        "nobody, where the administrator or --accounts makes the people of the run.  "
        "[default: closed where accounts are given, else open]",
    )
    group.addoption(
        "--accounts",
        metavar="COMMAND",
        help="A command that makes an account on the server of --base-url. {name}, {email}, {role} "
        "and {password} are replaced; without {password}, the password is the input.",
    )
    for role in NEEDED:
        group.addoption(
            f"--{role}",
            metavar="EMAIL:PASSWORD",
            action="append",
            default=[],
            help=f"A {role} of the server of --base-url, for servers that make no accounts for the "
            "run; repeatable. What needs new people is left out.",
        )
    group.addoption(
        "--contract-features",
        metavar="NAMES",
        help=f"Test these features alone, with commas between: {', '.join(FEATURES)}.",
    )
    group.addoption(
        "--contract-html",
        metavar="FILE",
        help="Write a report for people to this file, beside the JUnit file.",
    )
    group.addoption(
        "--contract-mail",
        action="store_true",
        help="The server sends mail, and mails one-time codes. A server that the run starts gets "
        "the plugin mail, and sends nothing, as there is no mail server.",
    )
    group.addoption(
        "--plugin",
        metavar="NAME",
        action="append",
        default=[],
        help="A plugin to add to the default plugins of the server that the run starts; "
        "repeatable.",
    )
