"""quartapp: live servers that are made of plugins.

What this package and :mod:`quartapp.testing` export is public, and kept from version to version as
the changelog promises. All modules below are internal, and change as they have to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp._exports import lazily

if TYPE_CHECKING:
    from quartapp.app import create_app as create_app
    from quartapp.audit.action import AuditAction as AuditAction
    from quartapp.audit.action import AuditEntry as AuditEntry
    from quartapp.audit.audit import Audit as Audit
    from quartapp.audit.verification import Verification as Verification
    from quartapp.audit.verification import Verified as Verified
    from quartapp.cli.main import main as main
    from quartapp.clock import Clock as Clock
    from quartapp.database.bulk import bulk_write as bulk_write
    from quartapp.database.bulk import read_pages as read_pages
    from quartapp.database.changed import Hearing as Hearing
    from quartapp.database.changed import changed_ids as changed_ids
    from quartapp.database.database import Database as Database
    from quartapp.database.documents import Document as Document
    from quartapp.database.migrations import Migration as Migration
    from quartapp.database.model import Model as Model
    from quartapp.database.outbox import Outbox as Outbox
    from quartapp.database.outbox_entry import OutboxEntry as OutboxEntry
    from quartapp.database.tasks import Tasks as Tasks
    from quartapp.embedded.mongo import EmbeddedMongoError as EmbeddedMongoError
    from quartapp.embedded.mongo import find_mongod as find_mongod
    from quartapp.encoding import name_key as name_key
    from quartapp.encoding import object_id as object_id
    from quartapp.encoding import printable as printable
    from quartapp.encoding import timestamp as timestamp
    from quartapp.encoding import to_json as to_json
    from quartapp.encoding import utc_now as utc_now
    from quartapp.ending import end_tasks as end_tasks
    from quartapp.errors import DatabaseUnavailableError as DatabaseUnavailableError
    from quartapp.errors import DomainError as DomainError
    from quartapp.errors import HookFailedError as HookFailedError
    from quartapp.errors import NotDeliveredError as NotDeliveredError
    from quartapp.errors import PluginError as PluginError
    from quartapp.errors import PreconditionFailedError as PreconditionFailedError
    from quartapp.errors import QuartappError as QuartappError
    from quartapp.hooks.changes import Changes as Changes
    from quartapp.hooks.decisions import Allow as Allow
    from quartapp.hooks.decisions import Decision as Decision
    from quartapp.hooks.decisions import Deny as Deny
    from quartapp.hooks.decisions import Grant as Grant
    from quartapp.hooks.plugins import Plugins as Plugins
    from quartapp.hooks.specs import hookimpl as hookimpl
    from quartapp.hooks.specs import hookspec as hookspec
    from quartapp.hooks.static import Static as Static
    from quartapp.http.answers import FieldError as FieldError
    from quartapp.http.authentication import INVALID_TOKEN as INVALID_TOKEN
    from quartapp.http.authentication import unauthorized as unauthorized
    from quartapp.http.browsers.pages import see_other as see_other
    from quartapp.http.conditional import Versioned as Versioned
    from quartapp.http.declaration import Declaration as Declaration
    from quartapp.http.declaration import Refusal as Refusal
    from quartapp.http.event_stream import LAST_EVENT_ID as LAST_EVENT_ID
    from quartapp.http.event_stream import TooManyStreamsError as TooManyStreamsError
    from quartapp.http.event_stream import event_stream as event_stream
    from quartapp.http.fields import ObjectIdInput as ObjectIdInput
    from quartapp.http.fields import ObjectIdString as ObjectIdString
    from quartapp.http.fields import Timestamp as Timestamp
    from quartapp.http.fields import left_out as left_out
    from quartapp.http.fields import trimmed as trimmed
    from quartapp.http.idempotency import Attempt as Attempt
    from quartapp.http.models import Body as Body
    from quartapp.http.models import Closed as Closed
    from quartapp.http.operation import Operation as Operation
    from quartapp.http.operation import PageOperation as PageOperation
    from quartapp.identity.access import PUBLIC as PUBLIC
    from quartapp.identity.access import SIGNED_IN as SIGNED_IN
    from quartapp.identity.access import Access as Access
    from quartapp.identity.access import permission as permission
    from quartapp.identity.access import role as role
    from quartapp.identity.accounts import AccountMaker as AccountMaker
    from quartapp.identity.cookies import Cookies as Cookies
    from quartapp.identity.grants import Grants as Grants
    from quartapp.identity.principal import Account as Account
    from quartapp.identity.principal import CredentialsRefusedError as CredentialsRefusedError
    from quartapp.identity.principal import Identity as Identity
    from quartapp.identity.principal import Principal as Principal
    from quartapp.identity.principal import SignInUnavailableError as SignInUnavailableError
    from quartapp.identity.roles import Role as Role
    from quartapp.identity.roles import Roles as Roles
    from quartapp.identity.signed import InvalidSealError as InvalidSealError
    from quartapp.identity.signed import Signed as Signed
    from quartapp.identity.standing import Standing as Standing
    from quartapp.identity.tokens import AccountGoneError as AccountGoneError
    from quartapp.identity.tokens import InvalidTokenError as InvalidTokenError
    from quartapp.identity.tokens import Tokens as Tokens
    from quartapp.parts import Core as Core
    from quartapp.parts import Services as Services
    from quartapp.parts import core as core
    from quartapp.pauses import Pauses as Pauses
    from quartapp.plugin import LoadedPlugin as LoadedPlugin
    from quartapp.processes import is_running as is_running
    from quartapp.realtime.answering import Answering as Answering
    from quartapp.realtime.answering import answering as answering
    from quartapp.realtime.broadcast import Broadcast as Broadcast
    from quartapp.realtime.broadcast import Version as Version
    from quartapp.realtime.connection import Connection as Connection
    from quartapp.realtime.events import OWN_MESSAGE as OWN_MESSAGE
    from quartapp.realtime.events import EventData as EventData
    from quartapp.realtime.events import EventType as EventType
    from quartapp.realtime.events import ServerMessage as ServerMessage
    from quartapp.realtime.events import SocketParameter as SocketParameter
    from quartapp.realtime.handling import untimed as untimed
    from quartapp.realtime.hub import Hub as Hub
    from quartapp.realtime.messages import EventError as EventError
    from quartapp.realtime.messages import encode as encode
    from quartapp.realtime.messages import encode_error as encode_error
    from quartapp.realtime.tickets import Tickets as Tickets
    from quartapp.realtime.turns import earlier_frames as earlier_frames
    from quartapp.realtime.turns import in_order as in_order
    from quartapp.server.launch import launched as launched
    from quartapp.server.launch import opened as opened
    from quartapp.server.launch import run_with_services as run_with_services
    from quartapp.settings.core import Settings as Settings
    from quartapp.settings.core import load_settings as load_settings
    from quartapp.settings.reach import client_address as client_address
    from quartapp.settings.reach import is_loopback as is_loopback
    from quartapp.settings.shown import SettingInForce as SettingInForce
    from quartapp.settings.shown import SettingsInForce as SettingsInForce
    from quartapp.telemetry.metrics import Metrics as Metrics
    from quartapp.telemetry.traces import Traces as Traces
    from quartapp.version import __version__ as __version__

__all__ = [
    "INVALID_TOKEN",
    "LAST_EVENT_ID",
    "OWN_MESSAGE",
    "PUBLIC",
    "SIGNED_IN",
    "Access",
    "Account",
    "AccountGoneError",
    "AccountMaker",
    "Allow",
    "Answering",
    "Attempt",
    "Audit",
    "AuditAction",
    "AuditEntry",
    "Body",
    "Broadcast",
    "Changes",
    "Clock",
    "Closed",
    "Connection",
    "Cookies",
    "Core",
    "CredentialsRefusedError",
    "Database",
    "DatabaseUnavailableError",
    "Decision",
    "Declaration",
    "Deny",
    "Document",
    "DomainError",
    "EmbeddedMongoError",
    "EventData",
    "EventError",
    "EventType",
    "FieldError",
    "Grant",
    "Grants",
    "Hearing",
    "HookFailedError",
    "Hub",
    "Identity",
    "InvalidSealError",
    "InvalidTokenError",
    "LoadedPlugin",
    "Metrics",
    "Migration",
    "Model",
    "NotDeliveredError",
    "ObjectIdInput",
    "ObjectIdString",
    "Operation",
    "Outbox",
    "OutboxEntry",
    "PageOperation",
    "Pauses",
    "PluginError",
    "Plugins",
    "PreconditionFailedError",
    "Principal",
    "QuartappError",
    "Refusal",
    "Role",
    "Roles",
    "ServerMessage",
    "Services",
    "SettingInForce",
    "Settings",
    "SettingsInForce",
    "SignInUnavailableError",
    "Signed",
    "SocketParameter",
    "Standing",
    "Static",
    "Tasks",
    "Tickets",
    "Timestamp",
    "Tokens",
    "TooManyStreamsError",
    "Traces",
    "Verification",
    "Verified",
    "Version",
    "Versioned",
    "__version__",
    "answering",
    "bulk_write",
    "changed_ids",
    "client_address",
    "core",
    "create_app",
    "earlier_frames",
    "encode",
    "encode_error",
    "end_tasks",
    "event_stream",
    "find_mongod",
    "hookimpl",
    "hookspec",
    "in_order",
    "is_loopback",
    "is_running",
    "launched",
    "left_out",
    "load_settings",
    "main",
    "name_key",
    "object_id",
    "opened",
    "permission",
    "printable",
    "read_pages",
    "role",
    "run_with_services",
    "see_other",
    "timestamp",
    "to_json",
    "trimmed",
    "unauthorized",
    "untimed",
    "utc_now",
]

# Each name is imported at its first use: who needs one thing does not pay for all.
_HOMES = {
    "quartapp.identity.accounts": ("AccountMaker",),
    "quartapp.identity.grants": ("Grants",),
    "quartapp.identity.roles": (
        "Role",
        "Roles",
    ),
    "quartapp.app": ("create_app",),
    "quartapp.audit.action": (
        "AuditAction",
        "AuditEntry",
    ),
    "quartapp.audit.audit": ("Audit",),
    "quartapp.audit.verification": (
        "Verification",
        "Verified",
    ),
    "quartapp.cli.main": ("main",),
    "quartapp.clock": ("Clock",),
    "quartapp.database.bulk": (
        "bulk_write",
        "read_pages",
    ),
    "quartapp.database.changed": ("Hearing", "changed_ids"),
    "quartapp.database.database": ("Database",),
    "quartapp.database.documents": ("Document",),
    "quartapp.database.migrations": ("Migration",),
    "quartapp.database.model": ("Model",),
    "quartapp.database.outbox": ("Outbox",),
    "quartapp.database.outbox_entry": ("OutboxEntry",),
    "quartapp.database.tasks": ("Tasks",),
    "quartapp.embedded.mongo": (
        "EmbeddedMongoError",
        "find_mongod",
    ),
    "quartapp.encoding": (
        "name_key",
        "object_id",
        "printable",
        "timestamp",
        "to_json",
        "utc_now",
    ),
    "quartapp.ending": ("end_tasks",),
    "quartapp.errors": (
        "DatabaseUnavailableError",
        "DomainError",
        "HookFailedError",
        "NotDeliveredError",
        "PluginError",
        "PreconditionFailedError",
        "QuartappError",
    ),
    "quartapp.hooks.decisions": (
        "Allow",
        "Decision",
        "Deny",
        "Grant",
    ),
    "quartapp.hooks.changes": ("Changes",),
    "quartapp.hooks.plugins": ("Plugins",),
    "quartapp.hooks.specs": (
        "hookimpl",
        "hookspec",
    ),
    "quartapp.hooks.static": ("Static",),
    "quartapp.http.answers": ("FieldError",),
    "quartapp.http.authentication": (
        "INVALID_TOKEN",
        "unauthorized",
    ),
    "quartapp.http.conditional": ("Versioned",),
    "quartapp.identity.cookies": ("Cookies",),
    "quartapp.http.event_stream": (
        "LAST_EVENT_ID",
        "TooManyStreamsError",
        "event_stream",
    ),
    "quartapp.http.fields": (
        "ObjectIdInput",
        "ObjectIdString",
        "Timestamp",
        "left_out",
        "trimmed",
    ),
    "quartapp.http.idempotency": ("Attempt",),
    "quartapp.http.models": (
        "Body",
        "Closed",
    ),
    "quartapp.http.operation": ("Operation", "PageOperation"),
    "quartapp.http.browsers.pages": ("see_other",),
    "quartapp.http.declaration": (
        "Declaration",
        "Refusal",
    ),
    "quartapp.identity.access": (
        "Access",
        "PUBLIC",
        "SIGNED_IN",
        "role",
        "permission",
    ),
    "quartapp.identity.principal": (
        "Account",
        "CredentialsRefusedError",
        "Identity",
        "Principal",
        "SignInUnavailableError",
    ),
    "quartapp.identity.signed": (
        "InvalidSealError",
        "Signed",
    ),
    "quartapp.identity.standing": ("Standing",),
    "quartapp.identity.tokens": (
        "AccountGoneError",
        "InvalidTokenError",
        "Tokens",
    ),
    "quartapp.parts": (
        "Core",
        "Services",
        "core",
    ),
    "quartapp.pauses": ("Pauses",),
    "quartapp.plugin": ("LoadedPlugin",),
    "quartapp.processes": ("is_running",),
    "quartapp.realtime.answering": (
        "Answering",
        "answering",
    ),
    "quartapp.realtime.broadcast": (
        "Broadcast",
        "Version",
    ),
    "quartapp.realtime.connection": ("Connection",),
    "quartapp.realtime.events": (
        "EventData",
        "EventType",
        "OWN_MESSAGE",
        "ServerMessage",
        "SocketParameter",
    ),
    "quartapp.realtime.handling": ("untimed",),
    "quartapp.realtime.hub": ("Hub",),
    "quartapp.realtime.messages": (
        "EventError",
        "encode",
        "encode_error",
    ),
    "quartapp.realtime.tickets": ("Tickets",),
    "quartapp.realtime.turns": (
        "earlier_frames",
        "in_order",
    ),
    "quartapp.server.launch": (
        "launched",
        "opened",
        "run_with_services",
    ),
    "quartapp.settings.core": (
        "Settings",
        "load_settings",
    ),
    "quartapp.settings.shown": (
        "SettingInForce",
        "SettingsInForce",
    ),
    "quartapp.settings.reach": ("client_address", "is_loopback"),
    "quartapp.telemetry.metrics": ("Metrics",),
    "quartapp.telemetry.traces": ("Traces",),
    "quartapp.version": ("__version__",),
}
__getattr__, __dir__ = lazily(__name__, _HOMES, globals())
