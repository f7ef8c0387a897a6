"""What authors declare and mistake: one sentence at build, and none for what is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from quart import Blueprint

from quartapp import (
    PUBLIC,
    SIGNED_IN,
    Closed,
    Deny,
    DomainError,
    EventData,
    EventType,
    Grant,
    Identity,
    Migration,
    Operation,
    OutboxEntry,
    Principal,
    Refusal,
    Role,
    ServerMessage,
    Settings,
    SocketParameter,
    Static,
    core,
    hookimpl,
    hookspec,
    role,
)
from quartapp.app import unconnected_app
from quartapp.errors import HookFailedError, QuartappError
from quartapp_attendance import Status, Violation


class Empty(Closed):
    """An answer with nothing in it."""


class LostError(DomainError):
    """An error."""


def built(*plugins):
    return unconnected_app(Settings(), plugins)


def problem(*plugins):
    """Return the message with which these plugins are refused."""
    with pytest.raises(QuartappError) as caught:
        built(*plugins)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def plugin(**members):
    return type("Plugin", (), {"name": "library", **members})


class Unmarked:
    name = "library"

    def authorize(self, principal, action, resource):
        """Look like a hook."""


class Marked:
    name = "library"

    @hookimpl
    def authorize(self, principal):
        """Be a hook."""


class Overriding(Marked):
    def authorize(self, principal):
        """Hide the hook of the base class."""


@pytest.mark.parametrize("broken", [Unmarked, Overriding, Unmarked(), type("Sub", (Unmarked,), {})])
def test_a_method_with_the_name_of_a_hook_has_to_be_marked(broken):
    assert problem(broken) == (
        "plugin library (given): authorize is the name of a hook, and nobody would call this "
        "method: write @hookimpl above it, or give it another name"
    )


class Brings:
    name = "shelves"

    class hookspecs:  # noqa: N801 - the attribute's name
        @hookspec
        def shelve(self, book):
            """Ask where a book stands."""


def test_a_hook_of_a_required_plugin_counts_and_one_of_a_stranger_does_not():
    def shelve(self):
        """Look like a hook of ``Brings``."""

    assert "library (given): shelve is the name of a hook" in problem(
        Brings, plugin(shelve=shelve, requires=("shelves",))
    )
    built(Brings, plugin(shelve=shelve))


def test_other_names_and_attributes_that_are_no_methods_stay_free():
    class Free(Marked):
        _startup = 1
        deliver = "by hand"

        def _shutdown(self):
            """Help."""

        def lend(self):
            """Be no hook."""

    built(Free)


def test_an_argument_that_a_hook_does_not_have_is_told_with_those_it_has():
    class Odd:
        name = "library"

        @hookimpl
        def authorize(self, user):
            """Implement the hook with a wrong name for a parameter."""

    assert problem(Odd) == (
        "plugin library (given): authorize takes the argument user, which the hook authorize does "
        "not have; it has principal, action, resource"
    )

    class Renamed:
        name = "library"

        @hookimpl(specname="register_roles")
        def roles(self, app):
            """Implement a hook without arguments."""

    assert problem(Renamed) == (
        "plugin library (given): roles takes the argument app, which the hook register_roles does "
        "not have; it has none"
    )


def routed(view, path, **declared):
    routes = Blueprint("library", __name__)
    operation = Operation(id="getBook", tags=("x",), data=Empty, **{"access": PUBLIC, **declared})
    routes.get(path)(operation(view))

    class Library:
        name = "library"

        @hookimpl
        def register_blueprints(self):
            return [routes]

    return Library


async def no_argument():
    return {}


async def book_alone(book_id):
    return {}


async def with_default(book_id, page=1, **more):
    return {}


def not_async(book_id):
    return {}


@pytest.mark.parametrize(
    ("view", "path", "declared", "told"),
    [
        (no_argument, "/book/<book_id>", {}, "does not take book_id, which it is given"),
        (
            book_alone,
            "/book",
            {},
            "takes book_id, which neither path nor Operation give; it is given nothing",
        ),
        (
            book_alone,
            "/book/<key>",
            {"access": SIGNED_IN},
            "takes book_id, which neither path nor Operation give; it is given key, principal",
        ),
        (
            book_alone,
            "/book/<book_id>",
            {"access": role("teacher")},
            "does not take principal, which it is given",
        ),
        (not_async, "/book/<book_id>", {}, "is not async: write `async def`"),
    ],
)
def test_a_view_that_does_not_fit_its_path_is_refused(view, path, declared, told):
    shown = path.replace("<", "{").replace(">", "}")
    assert problem(routed(view, path, **declared)) == (
        f"plugin library (given): operation getBook, {shown}: its view {told}"
    )


def test_a_view_with_defaults_and_a_view_behind_a_decorator_fit():
    def decorated(**path):
        return with_default(found=1, **path)

    decorated.__wrapped__ = with_default  # as functools.wraps says
    for view in (with_default, decorated):
        built(routed(view, "/book/<book_id>"))


def test_a_missing_required_plugin_is_told_as_for_installed_plugins():
    told = problem(plugin(requires=("shelves",)))
    assert told == "plugin library (given) requires the plugin shelves"


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (
            {"messages": "No"},
            "`messages` has to be a tuple or a list, each item a text, and is 'No'",
        ),
        (
            {"messages": (1,)},
            "`messages` has to be a tuple or a list, each item a text, and is (1,)",
        ),
        (
            {"hears": Exception},
            "`hears` has to be a tuple or a list, each item a class, and is <class 'Exception'>",
        ),
        (
            {"happenings": ("x",)},
            "`happenings` has to be a tuple or a list, each item a class, and is ('x',)",
        ),
        ({"requires": 1}, "`requires` has to be a name or several names, and is 1"),
        ({"provides": (1,)}, "`provides` has to be a name or several names, and is (1,)"),
        ({"migrations": 1}, "`migrations` has to be a list of Migration, and is 1"),
    ],
)
def test_attributes_of_a_plugin_have_types(members, told):
    assert problem(plugin(**members)) == f"plugin library (given): {told}"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (5, "the task tick has to be an async function, and is <function "),
        ("5", "the interval of the task tock has to be a number, and is '5'"),
    ],
)
def test_a_periodic_task_is_async_and_has_an_interval(seconds, told):
    def tick():
        """Do nothing."""

    async def tock():
        """Do nothing."""

    class Ticks:
        name = "library"

        @hookimpl
        def register_services(self, app):
            core(app).tasks.every(seconds, tick if seconds == 5 else tock)

    assert told in problem(Ticks)


async def handler(connection, data):
    """Do nothing."""


def plain(connection, data):
    """Do nothing, and not asynchronously."""


RIGHT = {
    EventType: {
        "name": "LEND",
        "data": EventData,
        "handler": handler,
        "errors": {LostError: ("a", "b")},
    },
    ServerMessage: {"name": "LENT", "data": EventData, "to_all": True, "summary": "It is lent."},
    SocketParameter: {"name": "since", "pattern": "x", "greet": handler},
    Static: {"prefix": "/x", "folder": Path("x")},
    Role: {"name": "librarian", "permissions": ["books:lend"]},
    Migration: {"version": 2, "why": "names", "function": handler},
    OutboxEntry: {"kind": "mail", "key": None, "data": {}},
    Refusal: {"status": 404, "message": "No"},
    Deny: {"reason": "No"},
    Violation: {"message": "No"},
    Status: {"code": "late", "label": "Late", "counts_as": "present"},
    Operation: {"id": "getBook", "access": PUBLIC, "tags": ("x",), "data": Empty},
}
WRONG = [
    (EventType, "name", 1),
    (EventType, "data", dict),
    (EventType, "handler", plain),
    (EventType, "handler", None),
    (EventType, "role", ("teacher",)),
    (EventType, "answers", ("LENT",)),
    (EventType, "answers", ServerMessage(**RIGHT[ServerMessage])),
    (EventType, "errors", [LostError]),
    (EventType, "errors", {"LostError": "no"}),
    (EventType, "errors", {LostError: 1}),
    (EventType, "secret", "password"),
    (ServerMessage, "data", "text"),
    (ServerMessage, "to_all", "yes"),
    (SocketParameter, "pattern", 1),
    (SocketParameter, "greet", plain),
    (Static, "prefix", 1),
    (Static, "folder", "x"),
    (Role, "name", 1),
    (Role, "permissions", "books:lend"),
    (Role, "permissions", [1]),
    (Migration, "version", "2"),
    (Migration, "function", plain),
    (Migration, "seconds", True),
    (OutboxEntry, "kind", 1),
    (OutboxEntry, "data", "x"),
    (Refusal, "status", "404"),
    (Refusal, "message", None),
    (Deny, "reason", None),
    (Deny, "reason", Deny),
    (Violation, "message", ("No",)),
    (Status, "code", 1),
    (Status, "label", None),
    (Operation, "id", 1),
    (Operation, "access", "teacher"),
    (Operation, "tags", "x"),
    (Operation, "body", dict),
    (Operation, "max_body", "1"),
    (Operation, "invalid", 422),
    (Operation, "errors", {LostError: 404}),
    (Operation, "errors", {KeyError: Refusal(404, "No")}),
    (Operation, "database", 1),
]


@pytest.mark.parametrize(("kind", "attribute", "value"), WRONG)
def test_declarations_refuse_attributes_of_other_types_in_one_sentence(kind, attribute, value):
    kind(**RIGHT[kind])
    with pytest.raises(TypeError, match=r" has to be .*, and is ") as caught:
        kind(**{**RIGHT[kind], attribute: value})
    assert "\n" not in str(caught.value)


def test_a_declaration_in_a_hook_is_told_with_plugin_and_hook():
    class Events:
        name = "library"

        @hookimpl
        def register_events(self):
            return [EventType(name="LEND", data=EventData, handler=plain)]

    assert problem(Events).startswith(
        "plugin library (given): register_events failed: TypeError: EventType LEND: handler has to "
        "be an async function, and is <function plain"
    )


ADA = {"subject": "1", "email": "ada@example.org"}
RETURNED = [
    ("authorize", Deny, "must return Allow(), Deny or None, got the class Deny"),
    ("authorize", False, "must return Allow(), Deny or None, got bool"),
    ("authorize", "No", "must return Allow(), Deny or None, got str"),
    ("grant", Grant, "must return Grant or None, got the class Grant"),
    ("grant", True, "must return Grant or None, got bool"),
    ("authenticate", "ada", "must return Principal or None, got str"),
    ("authenticate", Principal(1, "student"), "Principal: id has to be a text, got int"),
    ("authenticate", Principal("1", Role), "Principal: role has to be a text, got the class Role"),
    (
        "authenticate",
        Principal("1", "student", "tomorrow"),
        "Principal: expires_at has to be a number, got str",
    ),
    (
        "verify_credentials",
        Identity(**ADA, role=("teacher",)),
        "Identity: role has to be a text or None, got tuple",
    ),
    (
        "verify_credentials",
        Identity(**ADA, groups="7b"),
        "Identity: groups has to be a tuple or a list, each item a text, got str",
    ),
    (
        "refresh_account",
        Identity(**ADA, disabled="no"),
        "Identity: disabled has to be True or False or None, got str",
    ),
]
GIVEN = {
    "authorize": (None, "getBook", {}),
    "grant": (Principal("1", "student"), "books:lend", {}),
    "authenticate": (None,),
    "verify_credentials": ("ada@example.org", "correct horse"),
    "refresh_account": (Principal("1", "student"),),
}


@pytest.mark.parametrize(("hook", "returned", "told"), RETURNED)
async def test_what_a_hook_returns_is_checked_when_it_returns(hook, returned, told):
    class Library:
        name = "library"

        @hookimpl(specname=hook)
        async def answer(self):
            return returned

    plugins = core(built(Library)).plugins
    with pytest.raises(HookFailedError) as caught:
        await getattr(plugins, hook)(*GIVEN[hook])
    prefix = "" if told.startswith("must") else ":"
    # The sentence has no value, which may be a person's.
    assert str(caught.value) == f"plugin library (given): {hook}{prefix} {told}"


async def test_a_reason_that_is_no_text_is_told_where_it_is_made():
    class Library:
        name = "library"

        @hookimpl
        def authorize(self):
            return Deny(403)

    with pytest.raises(HookFailedError) as caught:
        await core(built(Library)).plugins.authorize(None, "getBook", {})
    assert str(caught.value) == (
        "plugin library (given): authorize failed: TypeError: "
        "Deny: reason has to be a text, and is 403"
    )
