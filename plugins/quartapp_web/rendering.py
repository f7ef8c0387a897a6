"""The templates of the pages, in the language of the visitor."""

from __future__ import annotations

from gettext import GNUTranslations, NullTranslations
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from quart import Response, request

from quartapp import core
from quartapp_auth import PasswordChange, UserNotFoundError, UserService
from quartapp_web.sections import Sections

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart import Quart

    from quartapp import Principal
    from quartapp_web.sections import Section

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
            text: The text in English; an empty one stays empty.
        """
        # Catalogues have their own description under the empty text.
        return self._translations[self.language()].gettext(text) if text else ""

    def all_translated(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Return texts in the language of the current request.

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
        frame = {"person": None, "sections": (), "on_account": False}
        frame["has_accounts"] = has_accounts()
        shown = {"language": language, **frame, **values}
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
        (section.path, _label(pages, section), _is_current(section))
        for section in core().services.get(Sections).seen_by(principal)
    )
    person = await _name_of(principal)
    on_account = request.path.startswith("/app/account")
    frame = {"person": person, "sections": sections, "on_account": on_account}
    return pages.page(template, status, **frame, **values)


async def framed_page(
    principal: Principal, title: str, content: str, status: int = HTTPStatus.OK
) -> Response:
    """Return a page of a plugin's own, with the look and the navigation of all pages.

    Args:
        principal: The person who sees the page.
        title: Heading of the page, and title in the browser.
        content: HTML below the heading as ``markupsafe.Markup``. Plain text is escaped.
        status: HTTP status code.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    return await page_for(principal, "framed.html", status, title=title, content=content)


def has_accounts(app: Quart | None = None) -> bool:
    """Tell whether this server keeps the passwords itself, so that people change them here.

    Args:
        app: The app; None for the one of the current request.
    """
    return core(app).services.find(PasswordChange) is not None


def home_of(principal: Principal) -> str:
    """Return the path of the page that a person sees first."""
    return core().services.get(Sections).seen_by(principal)[0].path


def valid_for(principal: Principal) -> int:
    """Return for how long the sign-in of a person is valid, in whole seconds.

    What another system vouches for cannot be renewed here: 0.

    Args:
        principal: The person.
    """
    if "iat" not in principal.claims:
        return 0
    return max(1, int(principal.expires_at - core().clock.time()))


def _label(pages: Pages, section: Section) -> str:
    return section.labels.get(pages.language()) or pages.translated(section.label)


def _is_current(section: Section) -> bool:
    return request.path == section.path or request.path.startswith(f"{section.path.rstrip('/')}/")


async def _name_of(principal: Principal) -> str:
    try:
        return (await core().services.get(UserService).get(principal.id)).display_name
    except UserNotFoundError:
        # Another system vouches for the person, who has no account here.
        return ""
