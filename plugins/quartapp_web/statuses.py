"""How pages show statuses: a word, a letter that is also a key, and a hue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp import core
from quartapp_attendance import TEACHER, StatusRegistry
from quartapp_web.rendering import Pages
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

# The stylesheet has a hue for each of them; other statuses have the hue of what they count as.
HUES = frozenset({"present", "absent", "late", "excused"})
# Letters for statuses whose own letters are all taken.
SPARE = "123456789"


@dataclass(frozen=True, slots=True)
class ShownStatus:
    """A status on a page.

    Attributes:
        code: Code of the status.
        label: Name of the status in the visitor's language.
        letter: Letter in the disc, which no other status of the page has.
        hue: Name of the colour.
        counts_as: The count that includes the status, ``present`` or ``absent``.
        is_offered: Whether teachers may choose the status.
    """

    code: str
    label: str
    letter: str
    hue: str
    counts_as: str
    is_offered: bool


def shown_statuses(codes: Iterable[str] = ()) -> list[ShownStatus]:
    """Return the statuses of the app, those that teachers choose first.

    Args:
        codes: Codes of marks that are shown; one that the app no longer has gets a status too.
    """
    pages, registry = core().services.get(Pages), core().services.get(StatusRegistry)
    known = sorted(registry.all, key=lambda status: TEACHER not in status.set_by)
    rows = [
        (status.code, pages.translated(status.label), TEACHER in status.set_by) for status in known
    ]
    further = {code for code in codes if code} - set(registry.codes)
    rows += [(code, code, False) for code in sorted(further)]
    shown: list[ShownStatus] = []
    for code, label, is_offered in rows:
        counts_as = registry.counts_as(code)
        letter = free_letter(label, {other.letter for other in shown})
        hue = code if code in HUES else counts_as
        shown.append(ShownStatus(code, label, letter, hue, counts_as, is_offered))
    return shown


def free_letter(label: str, taken: Set[str]) -> str:
    """Return the first letter of a label that is not taken, in upper case.

    Args:
        label: The label.
        taken: Letters of other statuses.
    """
    letters = [letter.upper() for letter in label if letter.isalnum()]
    free = [letter for letter in (*letters, *SPARE) if letter not in taken and len(letter) == 1]
    return free[0] if free else "?"


BUNDLED_LABELS = (_("Present"), _("Absent"), _("Late"), _("Excused"), _("Left early"))
"""Labels of the bundled plugins, which the catalogues translate."""
