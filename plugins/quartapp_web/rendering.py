"""The templates of the pages, in the language of the visitor."""

from __future__ import annotations

from gettext import GNUTranslations, NullTranslations
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from quart import Response, request

from quartapp import core
from quartapp_attendance import AttendanceService
from quartapp_auth import UserNotFoundError, UserService
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quartapp import Principal

HERE = Path(__file__).parent
DOMAIN = "web"
ORIGINAL = "en"
"""The language of the texts in templates and code."""


class Pages:
    """Renders the templates of this plugin.

    The texts of each further language are in ``locale/<language>/LC_MESSAGES``, as catalogues of
    gettext. The compiled catalogues lie beside, so that nothing has to be built.
    """

    def __init__(self) -> None:
        self._translations: dict[str, NullTranslations] = {ORIGINAL: NullTranslations()}
        for compiled in sorted(HERE.glob(f"locale/*/LC_MESSAGES/{DOMAIN}.mo")):
            with compiled.open("rb") as file:
                self._translations[compiled.parents[1].name] = GNUTranslations(file)
        self._environments = {
            language: _environment(translations)
            for language, translations in self._translations.items()
        }

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the pages are in, as their codes."""
        return tuple(self._translations)

    def language(self) -> str:
        """Return the code of the language that suits the browser of the current request best."""
        best: str | None = request.accept_languages.best_match(self.languages)
        return best or ORIGINAL

    def translated(self, text: str) -> str:
        """Return a text in the language of the current request; the text itself without one.

        Args:
            text: The text in English.
        """
        return self._translations[self.language()].gettext(text)

    def script_texts(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Return what a script says, in the language of the current request.

        Args:
            texts: The texts in English, by their names.
        """
        return {name: self.translated(text) for name, text in texts.items()}

    def page(self, template: str, status: int = HTTPStatus.OK, /, **values: object) -> Response:
        """Return a page.

        Args:
            template: Name of the template.
            status: HTTP status code.
            values: Values of the template.
        """
        language = self.language()
        shown = {"language": language, "person": None, "sections": (), **values}
        text = self._environments[language].get_template(template).render(shown)
        response = Response(text, status, mimetype="text/html")
        response.vary.add("Accept-Language")
        return response


def _environment(translations: NullTranslations) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The extension adds this method while the environment is made.
    install = environment.install_gettext_translations  # type: ignore[attr-defined]
    install(translations, newstyle=True)
    return environment


async def page_for(
    principal: Principal, template: str, status: int = HTTPStatus.OK, /, **values: object
) -> Response:
    """Return a page of a signed-in person, with the navigation.

    Args:
        principal: The person.
        template: Name of the template.
        status: HTTP status code.
        values: Values of the template.
    """
    pages = core().services.get(Pages)
    sections = tuple(
        (path, pages.translated(label), request.path == path)
        for path, label in _sections(principal)
    )
    person = await _name_of(principal)
    return pages.page(template, status, person=person, sections=sections, **values)


def home_of(principal: Principal) -> str:
    """Return the path of the page that a person sees first."""
    return _sections(principal)[0][0]


def _sections(principal: Principal) -> list[tuple[str, str]]:
    permissions = core().roles.permissions_of(principal.role)
    calls = core().services.get(AttendanceService).calls_rolls(principal)
    if "attendance:read" in permissions and not calls:
        return [("/app/now", _("Now")), ("/app/my-attendance", _("My attendance"))]
    return [("/app/today", _("Today"))]


async def _name_of(principal: Principal) -> str:
    try:
        return (await core().services.get(UserService).get(principal.id)).display_name
    except UserNotFoundError:
        # Another system vouches for the person, who has no account here.
        return ""
