"""Errors of the core, without status codes and frames.

Services raise a :class:`DomainError`; a route or an event declares the answer to the error.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

EXIT_MISTAKE = 2
"""Exit status of a command that was called or configured wrongly."""


class QuartappError(Exception):
    """A mistake in settings, plugins or surroundings: one message for the person who starts it.

    Attributes:
        exit_status: Exit status of a command that ends with the error.
    """

    exit_status: ClassVar[int] = EXIT_MISTAKE


class PluginError(QuartappError):
    """A plugin that cannot be loaded or registered, by name, distribution and reason."""


class HookFailedError(QuartappError):
    """A failure of a hook implementation, which raised, hung, or returned the wrong type."""


class NotDeliveredError(QuartappError):
    """A failure that ``deliver`` explains: why, and when the next try is due.

    Args:
        reason: Why nothing was delivered, for ``quartapp outbox list`` and the log.
        again_in: Seconds until the next try; None gives up, and the entry is dead.
        kept_days: How long a dead entry is kept, for ``quartapp outbox retry``.
        about: What the log says beside.
    """

    def __init__(
        self,
        reason: str,
        *,
        again_in: float | None,
        kept_days: float = 30.0,
        about: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.again_in = again_in
        self.kept_days = kept_days
        self.about = dict(about or {})


class DatabaseConfigurationError(QuartappError):
    """The error for a MongoDB that the server cannot use."""


class DomainError(Exception):
    """Base class of the errors with which a service ends a use case.

    Attributes:
        details: Further members of ``data`` in the ``ERROR`` that answers a frame.
        beside: Further members of that ``ERROR``, for sockets of version 1.
        retry_after: Seconds until the use case may succeed, for the header ``Retry-After`` of the
            answer to a request; None leaves out the header, except at 429 (2 seconds).
    """

    details: Mapping[str, object] = MappingProxyType({})
    beside: Mapping[str, object] = MappingProxyType({})
    retry_after: float | None = None


class PreconditionFailedError(DomainError):
    """The thing is no longer in the version that the caller has seen."""


class DatabaseUnavailableError(DomainError):
    """A failure of MongoDB to answer in time or to take writes; the use case may be repeated."""
