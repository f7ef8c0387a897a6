"""The configuration of the documentation: ``tox -e docs`` builds it without the network."""

from __future__ import annotations

import ast
from collections import defaultdict
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils.nodes import Element, TextElement
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).parent.parent

project = "quartapp"
author = "The quartapp maintainers"
copyright = "the quartapp maintainers, ISC licence"  # noqa: A001 - Sphinx's name
release = version = version_of("quartapp")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples", "_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"quartapp {release}"
html_copy_source = False
html_show_sphinx = False

# Every reference in a docstring has to lead somewhere.
nitpicky = True

# Names of ours that have no page.
UNLISTED = {
    # Type variables, which autodoc takes for classes.
    "quartapp.database.database.Args",
    "quartapp.database.database.Key",
    "quartapp.database.database.Result",
    "quartapp.database.database.Value",
    "quartapp.database.model.Kind",
    "quartapp.parts.Service",
    # Fields of models with the names of types.
    "quartapp_attendance.models.date",
    # Aliases and handles that no author's code names.
    "quartapp.clock.Limit",
    "quartapp.hooks.changes.Audited",
    "quartapp.identity.grants.Ask",
    "quartapp.clock.Timer",
    "quartapp.realtime.events.Messages",
    "quartapp.encoding.JsonObject",
    # Errors with messages for people; no code catches these classes.
    "quartapp.errors.DatabaseConfigurationError",
    "quartapp.http.answers.ApiError",
    "quartapp.http.answers.FieldError",
    "quartapp.server.listening.ServerError",
    "quartapp.settings.files.SettingsFileError",
    # Arguments of constructors of services and of the core.
    "quartapp_excuses.access.ExcuseAccess",
    "quartapp_excuses.applying.Applying",
    "quartapp_guardians.settings.GuardiansSettings",
    "quartapp_mail.sender.Sender",
    "quartapp_mail.settings.MailSettings",
    "quartapp.audit.form.Position",
    "quartapp.http.event_stream.Greet",
    "quartapp_classes.watch.ClassWatch",
    "quartapp_classes.writing.ClassWriter",
    "quartapp_office.carrying.Carrying",
    "quartapp_reports.warning_rules.WarningRules",
    "quartapp.database.joint_reads.JointReads",
    "quartapp.http.fields._Trimmed",
    "quartapp.identity.authenticator.Authenticator",
    "quartapp.database.outbox.Deliver",
    "quartapp.database.shared_time.SharedTime",
    "quartapp.hooks.dispatcher.Dispatcher",
    "quartapp.realtime.channel.Channel",
    "quartapp.realtime.places.PlaceFiles",
    "quartapp_auth.credentials.codes.Codes",
    "quartapp_auth.settings.RegistrationSetting",
    "quartapp_classes.settings.ClassesSettings",
    "quartapp.realtime.registry.EventRegistry",
    "quartapp.realtime.answering.Answerable",
    "quartapp.realtime.wire.Parcel",
    "quartapp_attendance.closing.Closing",
    "quartapp_attendance.expiry.Expiry",
    "quartapp_attendance.hook_calls.AttendanceHooks",
    "quartapp_attendance.live.broadcasts.KeptBroadcasts",
    "quartapp_attendance.live.references.AppliedError",
    "quartapp_attendance.live.session_log.SessionLog",
    "quartapp_attendance.live.sessions.LiveSessions",
    "quartapp_attendance.records.Records",
    "quartapp_auth.credentials.password_rule.PasswordRule",
    "quartapp_auth.signing_in.guessing.Guessing",
    "quartapp_auth.signing_in.hashing.Hashing",
    "quartapp_auth.metrics.AuthMetrics",
    "quartapp_auth.signing_in.passwords.Passwords",
    "quartapp_classes.finding.ClassFinder",
    "quartapp.embedded.watch.Watch",
    "quartapp_auth.registering.rule.RegistrationRule",
    "quartapp.database.migrations.Migrations",
    "quartapp.realtime.handling.Watchdog",
    "quartapp_auth.settings.AuthSettings",
    "quartapp_reports.settings.ReportsSettings",
    "quartapp_auth.signing_in.states.AccountStates",
}
# Names of other projects that appear in inherited signatures, so that no module of ours has them.
FOREIGN = {"_F", "CliSettingsSource", "DotenvType", "EnvPrefixTarget", "PathType", "PluginManager"}

ALIAS = "TypeAlias"


def names() -> dict[str, set[str]]:
    """Collect the meanings of short names: definitions and imports of our modules.

    Annotations have short names, and many of their imports are executed by type checkers alone.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for folder in (ROOT, ROOT / "plugins"):
        for file in folder.glob("quartapp*/**/*.py"):
            module = ".".join(file.relative_to(folder).with_suffix("").parts)
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        found[alias.asname or alias.name].add(f"{node.module}.{alias.name}")
                elif isinstance(node, ast.ClassDef):
                    found[node.name].add(f"{module}.{node.name}")
                elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    found[node.targets[0].id].add(f"{module}.{node.targets[0].id}")
                elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == ALIAS:
                    # Other annotated names are values.
                    name = ast.unparse(node.target)
                    found[name].add(f"{module}.{name}")
    return found


NAMES = names()


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: TextElement
) -> Element | None:
    """Lead a name to its page. Names of other projects stay text: this build is offline."""
    short = node["reftarget"].rpartition(".")[2]
    if not short.isidentifier() or short in FOREIGN:
        return contnode  # a piece of an annotation may be a pattern
    meant = {node["reftarget"]} if "." in node["reftarget"] else NAMES[short]
    ours = [name for name in sorted(meant) if name.startswith("quartapp")]
    if meant and (not ours or UNLISTED.intersection(ours)):
        return contnode
    for name in ours:
        package = name.partition(".")[0]
        for listed in (name, f"{package}.{short}", f"{package}.testing.{short}"):
            # Any kind of object, as annotations name aliases like classes.
            place = (env, node["refdoc"], app.builder, "obj")
            found = env.domains.python_domain.resolve_xref(*place, listed, node, contnode)
            if found is not None:
                return found
    return None


def setup(app: Sphinx) -> None:
    """Let Sphinx ask :func:`resolve` about each reference that it does not find."""
    app.connect("missing-reference", resolve, priority=950)  # after its own look at built-ins
