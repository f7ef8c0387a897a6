"""The hook of the plugin of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quart import Quart

    from quartapp_web.sections import Section


@hookspec
def register_sections(app: Quart) -> Iterable[Section]:
    """Return entries for the navigation of the pages; called at build. Collected.

    The plugin brings the page itself by ``register_blueprints``, and may give it the look of all
    pages with :func:`quartapp_web.framed_page`. Two entries cannot have one path. A plugin that
    also works without the pages marks the implementation with ``@hookimpl(optionalhook=True)``.

    Args:
        app: The app.

    Example:
        >>> @hookimpl
        ... def register_sections(self, app):
        ...     return [Section("/app/library", "Library", labels={"de": "Bücherei"})]
    """
    raise NotImplementedError
