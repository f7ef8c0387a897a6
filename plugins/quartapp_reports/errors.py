"""Domain errors of the reports plugin."""

from __future__ import annotations

from quartapp import DomainError


class XlsxNotInstalledError(DomainError):
    """The library that writes XLSX files, which the extra ``xlsx`` brings, is not installed."""
