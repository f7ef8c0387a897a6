"""The mark of texts in code that the catalogues translate."""

from __future__ import annotations


def _(text: str) -> str:
    """Return a text as it is; the text is translated when a page shows it.

    Args:
        text: The text in English.
    """
    return text
