"""``quartapp plugin new``: a generator of a working plugin package with tests."""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from quartapp.cli.mistakes import mistakes_explained
from quartapp.errors import QuartappError
from quartapp.hooks.discovery import OWN_DISTRIBUTION, installed_plugins
from quartapp.version import __version__

TEMPLATES = Path(__file__).parent / "templates" / "plugin"
SUFFIX = ".j2"
NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")


class ScaffoldError(QuartappError):
    """The error for a plugin that cannot be written under its name or in its folder."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a new plugin and its parts.

    Attributes:
        name: Name of the plugin.
    """

    name: str

    @property
    def distribution(self) -> str:
        """Name of the distribution."""
        return f"quartapp-{self.name.replace('_', '-')}"

    @property
    def package(self) -> str:
        """Name of the import package."""
        return f"quartapp_{self.name}"

    @property
    def class_name(self) -> str:
        """Prefix of the names of the plugin's classes."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    def check(self) -> None:
        """Refuse a name that is not valid or not free.

        Raises:
            ScaffoldError: The name is not valid, or an installed plugin or package has it.
        """
        if not NAME.fullmatch(self.name) or keyword.iskeyword(self.name):
            raise ScaffoldError(
                f"{self.name!r} is no name for a plugin: it takes small letters, digits and "
                "underscores, begins with a letter, has 30 characters at most, and is no word "
                "of Python's"
            )
        taken = installed_plugins().get(self.name)
        if taken is not None:
            raise ScaffoldError(
                f"a plugin called {self.name} is installed already, by {taken}; "
                "choose another name, or uninstall that"
            )
        try:
            found = distribution(self.distribution)
        except PackageNotFoundError:
            pass
        else:
            raise ScaffoldError(
                f"{self.distribution} {found.version} is installed already; choose another name"
            )
        if find_spec(self.package) is not None:
            raise ScaffoldError(
                f"a package {self.package} can be imported already; choose another name"
            )


def write_plugin(name: str, into: Path, origin: str | None = None) -> Path:
    """Write a new plugin's package.

    Args:
        name: Name of the plugin.
        into: Folder in which the plugin's folder is made.
        origin: URL of the quartapp that the plugin's tests install; None takes the package index's.

    Returns:
        The plugin's folder.

    Raises:
        ScaffoldError: The name is not valid or not free, or the folder exists or cannot be written.
    """
    names = Names(name)
    names.check()
    folder = into / names.distribution
    if folder.exists() or folder.is_symlink():
        raise ScaffoldError(f"{folder} is there already; nothing was written")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - the output is no HTML
    )
    given = {
        "name": names.name,
        "distribution": names.distribution,
        "package": names.package,
        "class_name": names.class_name,
        "event": names.name.upper(),
        "prefix": f"QUARTAPP_{names.name.upper()}_",
        "version": __version__,
        "origin": origin,
    }
    try:
        for template in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
            inside = template.relative_to(TEMPLATES).as_posix()
            path = folder / _target(inside, names)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(environment.get_template(inside).render(given), encoding="utf-8")
    except OSError as error:
        raise ScaffoldError(f"cannot write {folder}: {error.strerror}") from error
    return folder


def _target(template: str, names: Names) -> str:
    if template == f"gitignore{SUFFIX}":
        return ".gitignore"
    return template.removesuffix(SUFFIX).replace("__package__", names.package)


def own_origin() -> str | None:
    """Return the origin of this installation of quartapp (PEP 610).

    Returns:
        A URL that pip understands; None if quartapp came from a package index.
    """
    text = distribution(OWN_DISTRIBUTION).read_text("direct_url.json")
    if text is None:
        return None
    document = json.loads(text)
    url = str(document["url"])
    version_control = document.get("vcs_info")
    if version_control is not None:
        return f"{version_control['vcs']}+{url}@{version_control['commit_id']}"
    parts = urlsplit(url)
    # The file may be gone, such as a wheel in the temporary folder of a build.
    return url if parts.scheme != "file" or Path(parts.path).exists() else None


@click.group()
def plugin() -> None:
    """Write plugins."""


@plugin.command()
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The folder to make the plugin's folder in.  [default: this one]",
)
@click.option(
    "--quartapp",
    "origin",
    metavar="URL",
    help="The quartapp to test the plugin with: the URL of a folder, wheel or repository.  "
    "[default: where this one came from]",
)
def new(name: str, into: Path, origin: str | None) -> None:
    """Write a package for a plugin NAME. It works, and its tests pass: run tox in it."""
    with mistakes_explained():
        folder = write_plugin(name, into, origin or own_origin())
    click.echo(f"wrote {folder}")
    click.echo(f"now: cd {folder} && tox")
