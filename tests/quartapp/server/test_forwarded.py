from __future__ import annotations

from ipaddress import ip_network

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


async def reaches(*headers, trusted=1, **scope):
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
    await Forwarded(app, trusted)(given, None, None)
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
    scope = await reaches(*(header(name, value) for name, value in headers), trusted=hops)
    assert (scope["client"] and scope["client"][0]) == client


NETWORKS = tuple(map(ip_network, ("127.0.0.1/32", "10.7.0.0/16", "fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        # A peer that is no proxy is the client, whatever it writes.
        ("192.0.2.9", [(FOR, "10.1.2.3")], "192.0.2.9"),
        ("192.0.2.9", [("Forwarded", "for=10.1.2.3")], "192.0.2.9"),
        ("10.8.0.1", [(FOR, "10.1.2.3")], "10.8.0.1"),
        ("fe80::1%eth0", [(FOR, "10.1.2.3")], "fe80::1%eth0"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [(FOR, "192.0.2.1")], "192.0.2.1"),
        ("::ffff:127.0.0.1", [(FOR, "192.0.2.1")], "192.0.2.1"),
        ("fd00::7", [(FOR, "192.0.2.1")], "192.0.2.1"),
        # As many proxies as there are.
        ("127.0.0.1", [(FOR, "10.1.2.3, 192.0.2.1, 10.7.0.1")], "192.0.2.1"),
        ("127.0.0.1", [(FOR, "10.1.2.3, 192.0.2.1, 10.7.0.1, [fd00::1]:99")], "192.0.2.1"),
        ("127.0.0.1", [(FOR, "10.1.2.3, 192.0.2.1, 10.8.0.1")], "10.8.0.1"),
        ("127.0.0.1", [("Forwarded", "for=10.1.2.3, for=192.0.2.1, for=10.7.0.1")], "192.0.2.1"),
        ("127.0.0.1", [("Forwarded", 'for=192.0.2.1, for="[fd00::1]:8"')], "192.0.2.1"),
        # A proxy may ask too, such as a probe of its own.
        ("127.0.0.1", [(FOR, "10.7.0.9")], "10.7.0.9"),
        ("127.0.0.1", [(FOR, "10.7.0.8, 10.7.0.9")], "10.7.0.8"),
        # Behind what cannot be read, nobody is believed.
        ("127.0.0.1", [(FOR, "192.0.2.1, unknown, 10.7.0.1")], None),
        ("127.0.0.1", [(FOR, "192.0.2.1,")], None),
        ("127.0.0.1", [("Forwarded", 'for="x, for=10.7.0.1')], None),
        ("127.0.0.1", [(FOR, "192.0.2.1"), ("Forwarded", "for=192.0.2.2")], None),
    ],
)
async def test_proxies_are_believed_by_their_addresses(peer, headers, client):
    given = [header(name, value) for name, value in headers]
    scope = await reaches(*given, trusted=NETWORKS, client=(peer, 9))
    assert (scope["client"] and scope["client"][0]) == client


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("192.0.2.9", "https", "http"),
        ("127.0.0.1", "https", "https"),
        # The outer proxy writes, and the inner one replaces or adds.
        ("127.0.0.1", "http, https, http", "https"),
    ],
)
async def test_scheme_comes_from_a_proxy_with_a_trusted_address(peer, proto, scheme):
    given = header(FOR, "192.0.2.1, 10.7.0.1"), header("X-Forwarded-Proto", proto)
    scope = await reaches(*given, trusted=NETWORKS, client=(peer, 9))
    assert scope["scheme"] == scheme


async def test_peer_without_an_address_is_no_proxy():
    scope = await reaches(header(FOR, "192.0.2.1"), trusted=NETWORKS, client=None)
    assert scope["client"] is None


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
