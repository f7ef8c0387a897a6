"""Errors of the core. None of them knows a status code or a frame.

Services raise a :class:`DomainError`; a route or an event says which answer the error becomes.
"""

from __future__ import annotations

EXIT_MISTAKE = 2
"""Exit status of a command that was called or configured wrongly."""


class QuartappError(Exception):
    """A mistake in settings, plugins or surroundings: one message for the person who starts it."""


class PluginError(QuartappError):
    """A plugin that cannot be loaded or registered, by name, distribution and reason."""


class HookFailedError(QuartappError):
    """A hook implementation raised, hung, or returned the wrong type."""


class DomainError(Exception):
    """Base of what services raise when a use case cannot go on."""


class PreconditionFailedError(DomainError):
    """The thing is no longer in the version that the caller has seen."""


class DatabaseUnavailableError(DomainError):
    """MongoDB did not answer in time, or cannot take writes now. What was asked may be repeated."""
