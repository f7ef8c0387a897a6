from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from quartapp.server.forwarded import Forwarded, address_of


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]:_hidden", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("unknown", None),
        ("_secret", None),
        ("", None),
        ("192.0.2.256", None),
        ("192.0.2.1:", None),
        ("[2001:db8::1", None),
        ("2001:db8::1]", None),
        ("proxy.example", None),
        ("192.0.2.1, 192.0.2.2", None),
    ],
)
def test_address_is_read_however_a_proxy_writes_it(written, address):
    assert address_of(written) == address


def header(name, value):
    return (name.lower().encode(), value.encode("latin1"))


async def reaches(*headers, hops=1, **scope):
    """Return the scope that reaches the app behind proxies."""
    reached = []

    async def app(scope, receive, send):
        reached.append(scope)

    given = {
        "type": "http",
        "scheme": "http",
        "client": ("127.0.0.1", 9),
        "headers": [(b"host", b"inner"), *headers],
        **scope,
    }
    await Forwarded(app, hops)(given, None, None)
    return reached[0]


FOR = "X-Forwarded-For"


@pytest.mark.parametrize(
    ("headers", "hops", "client"),
    [
        # Nobody forwarded: the peer is the client.
        ([], 1, "127.0.0.1"),
        ([(FOR, "192.0.2.1")], 2, "127.0.0.1"),
        # What stands before the believed element, the client may have written.
        ([(FOR, "10.0.0.1, 192.0.2.1")], 1, "192.0.2.1"),
        ([(FOR, "10.0.0.1, 192.0.2.1")], 2, "10.0.0.1"),
        ([(FOR, "10.0.0.1"), (FOR, "192.0.2.1:99")], 1, "192.0.2.1"),
        ([("Forwarded", "for=192.0.2.1")], 1, "192.0.2.1"),
        ([("Forwarded", 'For="[2001:db8::1]:4711";proto=https')], 1, "2001:db8::1"),
        ([("Forwarded", 'for=10.0.0.1, by=_a ; for="192.0.2.1:8"')], 1, "192.0.2.1"),
        ([("Forwarded", 'for="\\[2001:db8::1\\]"')], 1, "2001:db8::1"),
        # Both, and they agree.
        ([(FOR, "::ffff:192.0.2.1"), ("Forwarded", "for=192.0.2.1")], 1, "192.0.2.1"),
        # Unreadable, or nobody can tell which the proxy wrote: no address.
        ([(FOR, "unknown")], 1, None),
        ([(FOR, "10.0.0.1,")], 1, None),
        ([("Forwarded", "proto=https")], 1, None),
        ([("Forwarded", "for=_hidden")], 1, None),
        ([(FOR, "192.0.2.1"), ("Forwarded", "for=10.0.0.1")], 1, None),
        # A quotation that the client opens must not swallow what the proxy adds.
        ([("Forwarded", 'for="x, for=192.0.2.1')], 1, None),
        ([(FOR, '"'), (FOR, "192.0.2.1")], 1, None),
        ([("Forwarded", 'for=10.0.0.1;x=", for="[2001:db8::1]"')], 1, None),
        ([("Forwarded", 'for=10.0.0.1;x=", for=192.0.2.1;host="a"')], 1, None),
        ([("Forwarded", "for=10.0.0.1;for=192.0.2.1")], 1, "192.0.2.1"),
    ],
)
async def test_client_is_whom_the_believed_proxy_names(headers, hops, client):
    scope = await reaches(*(header(name, value) for name, value in headers), hops=hops)
    assert (scope["client"] and scope["client"][0]) == client


async def test_log_says_what_cannot_be_read():
    with capture_logs() as logs:
        await reaches(header(FOR, "unknown"))
        await reaches(header(FOR, "192.0.2.1"))
    assert logs == [
        {
            "event": "address of a client cannot be read",
            "forwarded": "unknown",
            "log_level": "warning",
        }
    ]


async def test_scheme_and_host_come_from_the_same_proxy():
    scope = await reaches(
        header("X-Forwarded-Proto", "http, https"), header("X-Forwarded-Host", "evil, school")
    )
    assert scope["scheme"] == "https"
    assert [value for name, value in scope["headers"] if name == b"host"] == [b"school"]
    scope = await reaches(header("Forwarded", "for=192.0.2.1;proto=HTTPS;host=school"))
    assert scope["scheme"] == "https"
    assert [value for name, value in scope["headers"] if name == b"host"] == [b"school"]


async def test_socket_keeps_a_scheme_of_sockets():
    proto = header("X-Forwarded-Proto", "https")
    assert (await reaches(proto, type="websocket", scheme="ws"))["scheme"] == "wss"


async def test_other_messages_pass_as_they_are():
    scope = {"type": "lifespan"}
    reached = []

    async def app(scope, receive, send):
        reached.append(scope)

    await Forwarded(app, 1)(scope, None, None)
    assert reached == [scope]
