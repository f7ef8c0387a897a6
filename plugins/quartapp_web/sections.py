"""The entries of the navigation: plugins bring them, and each person sees their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quartapp import PluginError, core

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quart import Quart

    from quartapp import Principal


def everybody(principal: Principal) -> bool:
    """Tell that a person sees an entry, whoever they are.

    Args:
        principal: The person.
    """
    return True


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation, which leads to a page.

    Attributes:
        path: Path of the page, such as ``/app/library``. Refusals below ``/app/`` look like those
            of the other pages.
        label: Text of the entry, in English.
        labels: The text in further languages, by their codes, such as ``{"de": "Bücherei"}``.
        shown_to: Tells whether a person sees the entry. The page itself declares who may use it.
        order: Place of the entry; those of the bundled pages are 10, 20 and so on. A person begins
            at the page of the entry that they see first.

    Raises:
        ValueError: The path is no path of this server, or the label is empty.
    """

    path: str
    label: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    shown_to: Callable[[Principal], bool] = everybody
    order: int = 100

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.path.startswith("//"):
            raise ValueError(f"the path of a section has to begin with one /, not {self.path!r}")
        if not self.label.strip():
            raise ValueError("a section needs a label")


class Sections:
    """The entries that all plugins bring, in their order.

    Args:
        app: The app, whose plugins are asked once.

    Raises:
        PluginError: A plugin returned something else than sections, or two have one path.
    """

    def __init__(self, app: Quart) -> None:
        owners: dict[str, object] = {}
        found: list[Section] = []
        dispatcher = core(app).plugins.dispatcher
        for owner, brought in dispatcher.collect_now("register_sections", app=app):
            if not isinstance(brought, (list, tuple)):
                raise PluginError(f"plugin {owner}: register_sections must return a list")
            for section in brought:
                if not isinstance(section, Section):
                    raise PluginError(f"plugin {owner}: register_sections must return sections")
                other = owners.setdefault(section.path, owner)
                if other is not owner or section.path in {one.path for one in found}:
                    raise PluginError(
                        f"the section {section.path} is brought by both {other} and {owner}"
                    )
                found.append(section)
        self._all = tuple(sorted(found, key=lambda section: section.order))

    def seen_by(self, principal: Principal) -> list[Section]:
        """Return the entries that a person sees, in their order.

        Args:
            principal: The person.
        """
        return [section for section in self._all if section.shown_to(principal)]
