"""Canaries: private names of other projects, without which parts of the core would do nothing.

To Python, a method that no longer overrides anything is not an error; nobody calls the method. So
each name stands here with its parameters. ``tox -e upstream`` asks the newest releases.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import quartapp

# What classes of ours override, by the class that brought the name.
OVERRIDDEN = {
    "gunicorn.app.base:BaseApplication": {
        "__init__": "self, usage, prog",
        "load_config": "self",
    },
    "gunicorn.arbiter:Arbiter": {
        "__init__": "self, app",
        "halt": "self, reason, exit_status",
        "handle_hup": "self",
        "handle_int": "self",
        "handle_usr1": "self",
        "handle_usr2": "self",
        "kill_worker": "self, pid, sig",
        "kill_workers": "self, sig",
        "manage_workers": "self",
        "spawn_worker": "self",
        "start": "self",
    },
    "gunicorn.glogging:Logger": {"setup": "self, cfg"},
    "gunicorn.workers.base:Worker": {"init_process": "self"},
    "hypercorn.asyncio.tcp_server:TCPServer": {
        "_close": "self",
        "_read_data": "self",
        "protocol_send": "self, event",
        "run": "self",
    },
    "h11._receivebuffer:ReceiveBuffer": {
        "maybe_extract_lines": "self",
        "maybe_extract_next_line": "self",
    },
    "hypercorn.config:Config": {"create_sockets": "self"},
    "hypercorn.protocol.h11:H11Protocol": {
        "__init__": (
            "self, app, config, context, task_group, connection_state, ssl, client, server, send"
        ),
        "_check_protocol": "self, event",
        "_create_stream": "self, request",
        "_send_error_response": "self, status_code",
        "handle": "self, event",
    },
    "hypercorn.protocol.http_stream:HTTPStream": {"handle": "self, event"},
    "hypercorn.protocol.ws_stream:WSStream": {
        "__init__": (
            "self, app, config, context, task_group, ssl, client, server, send, stream_id"
        ),
        "_handle_events": "self",
        "_send_pings": "self",
        "_send_wsproto_event": "self, event",
        "app_send": "self, message",
        "handle": "self, event",
    },
    "hypercorn.protocol.ws_stream:WebsocketBuffer": {"extend": "self, event"},
    "werkzeug.routing.rules:Rule": {"_compile_builder": "self, append_unknown"},
    "wsproto.extensions:Extension": {
        "enabled": "self",
        "frame_inbound_complete": "self, proto, fin",
        "frame_inbound_header": "self, proto, opcode, rsv, payload_length",
        "frame_inbound_payload_data": "self, proto, data",
        "offer": "self",
    },
    "quart.app:Quart": {"log_exception": "self, exception_info"},
    "quart.asgi:ASGIHTTPConnection": {
        "__call__": "self, receive, send",
        "_create_request_from_scope": "self, send",
        "_send_response": "self, send, response",
        "handle_messages": "self, request, receive",
        "handle_request": "self, request, send",
    },
    "quart.wrappers.response:Response": {
        "__init__": "self, response, status, headers, mimetype, content_type"
    },
    "quart.asgi:ASGIWebsocketConnection": {
        "__call__": "self, receive, send",
        "__init__": "self, app, scope",
    },
}

# What is called or replaced where it is.
CALLED = {
    "gunicorn.arbiter:Arbiter": ("handle_term", "stop"),
    "gunicorn.workers.base:Worker": ("notify",),
    "hypercorn.asyncio.run": ("TCPServer",),
    "hypercorn.asyncio.tcp_server": ("MAX_RECV", "ProtocolWrapper"),
    "hypercorn.protocol.h11": ("HTTPStream", "WSStream"),
    "hypercorn.protocol.h11:H11Protocol": ("_send_h11_event",),
    "hypercorn.protocol.ws_stream": (
        "ASGIWebsocketState",
        "FrameTooLargeError",
        "WebsocketBuffer",
        "server_extensions_handshake",
    ),
    "hypercorn.protocol.ws_stream:WebsocketBuffer": ("clear", "to_message"),
    "mongoengine:Document": ("_from_son", "_get_collection", "_get_collection_name", "_get_db"),
    "prometheus_client.values": ("ValueClass", "get_value_class"),
    "pymongo.asynchronous.pool": ("_configured_protocol_interface",),
    "pymongo.pool_shared": ("_async_create_connection",),
    "quart:Quart": ("asgi_http_class", "asgi_websocket_class"),
}

# What objects have: attributes that their methods set.
SET = {
    "h11._connection:Connection": ("_receive_buffer",),
    "h11._receivebuffer:ReceiveBuffer": ("_data",),
    "gunicorn.arbiter:Arbiter": ("LISTENERS", "WORKERS", "num_workers", "worker_age"),
    "gunicorn.workers.base:Worker": ("age", "ppid", "sockets"),
    "hypercorn.asyncio.tcp_server:TCPServer": ("config", "protocol", "reader", "writer"),
    "hypercorn.protocol.h11:H11Protocol": ("config", "connection", "send"),
    "hypercorn.protocol.http_stream:HTTPStream": ("scope", "send"),
    "hypercorn.protocol.ws_stream:Handshake": ("extensions",),
    "hypercorn.protocol.ws_stream:WSStream": (
        *("app_put", "buffer", "closed", "connection", "handshake", "scope", "send", "state"),
        *("stream_id", "task_group"),
    ),
    "hypercorn.protocol.ws_stream:WebsocketBuffer": ("length", "max_length"),
}

OTHERS = ("gunicorn", "h11", "hypercorn", "quart", "werkzeug", "wsproto")


def named(place: str) -> object:
    module, _, name = place.partition(":")
    found: object = importlib.import_module(module)
    return getattr(found, name) if name else found


def parameters(method: object) -> str:
    return ", ".join(inspect.signature(method).parameters)


def our_classes() -> list[type]:
    """Return the classes of the core."""
    found = []
    for information in pkgutil.walk_packages(quartapp.__path__, "quartapp."):
        if information.name.endswith(".__main__"):
            continue
        module = importlib.import_module(information.name)
        found += [
            kind
            for kind in vars(module).values()
            if inspect.isclass(kind) and kind.__module__ == information.name
        ]
    return found


def overridden_by(kind: type) -> list[tuple[str, str]]:
    """Return the foreign methods that ``kind`` overrides, with their classes."""
    others = [base for base in kind.__mro__[1:] if base.__module__.partition(".")[0] in OTHERS]
    found = []
    for name, value in vars(kind).items():
        bringer = next((base for base in others if name in vars(base)), None)
        if bringer is not None and callable(value):
            found.append((f"{bringer.__module__}:{bringer.__qualname__}", name))
    return found


@pytest.mark.parametrize(
    ("place", "name", "expected"),
    [(place, name, given) for place, names in OVERRIDDEN.items() for name, given in names.items()],
)
def test_every_overridden_method_exists_with_its_parameters(place, name, expected):
    method = vars(named(place)).get(name)
    assert method is not None, f"{place} has no {name} any more: what overrides it is never called"
    assert parameters(method) == expected


@pytest.mark.parametrize(
    ("place", "name"), [(place, name) for place, names in CALLED.items() for name in names]
)
def test_every_used_private_name_exists(place, name):
    assert hasattr(named(place), name)


@pytest.mark.parametrize(
    ("place", "name"), [(place, name) for place, names in SET.items() for name in names]
)
def test_every_read_attribute_exists(place, name):
    kind = named(place)
    sources = [inspect.getsource(base) for base in kind.__mro__ if base is not object]
    assert any(f"self.{name} = " in text or f"self.{name}: " in text for text in sources) or (
        hasattr(kind, name)
    )


def test_every_method_that_the_core_overrides_is_listed():
    found = {one for kind in our_classes() for one in overridden_by(kind)}
    assert found == {(place, name) for place, names in OVERRIDDEN.items() for name in names}
