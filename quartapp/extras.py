"""Extras: requirements that a distribution installs only when somebody asks for them."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def missing_of(extra: str, of: Distribution) -> list[str]:
    """Find the requirements of an extra that are not installed.

    Args:
        extra: The name of the extra. An extra that ``of`` does not declare needs nothing.
        of: The distribution that declares the extra.

    Returns:
        The names of distributions, in the order in which ``of`` names them.
    """
    name = canonicalize_name(extra)
    # Most plugins have no extra, and the requirements take long to parse.
    if name not in map(canonicalize_name, of.metadata.get_all("Provides-Extra", ())):
        return []
    wanted = map(Requirement, of.requires or ())
    return [
        requirement.name
        for requirement in wanted
        if _brought_by(name, requirement) and not _is_installed(requirement.name)
    ]


def command_for(extra: str, of: Distribution) -> str:
    """Return the command that installs an extra."""
    return f"pip install '{of.name}[{extra}]'"


def _brought_by(extra: str, requirement: Requirement) -> bool:
    """Tell whether a requirement applies to this machine only because of the extra."""
    marker = requirement.marker
    return (
        marker is not None
        and marker.evaluate({"extra": extra})
        and not marker.evaluate({"extra": ""})
    )


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
