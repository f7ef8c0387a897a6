"""Where messages may go: public addresses, the one that was checked, with its certificate."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
import trustme

from quartapp.clock import SYSTEM_CLOCK
from quartapp_webhooks.addresses import Resolver, is_public
from quartapp_webhooks.sender import Sender, trusted
from quartapp_webhooks.settings import WebhooksSettings
from tests.support.certificates import presenting

PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.0.254",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "2001::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "2001:1::1",
    "2001:20::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "::ffff:192.0.0.8",
    "64:ff9b::c000:8",
    "2002:7f00:1::",
    "2002:a00:1::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_address_of_a_private_network_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_address_of_the_internet_is_public(address):
    assert is_public(ip_address(address))


@pytest.fixture
async def sender(receiver):
    """Makes a sender to ``url``, with a resolver that answers ``found``."""
    made = []

    def make(url, found=None, trust=None, **settings):
        complete = WebhooksSettings.model_validate(
            {"endpoints": [{"url": url, "secret": receiver.secret}], **settings}
        )
        asked = []

        async def resolve(host, port):
            asked.append((host, port))
            return found

        if found is None:
            resolve = Resolver(1)
        one = Sender(complete.endpoints[0], complete, resolve, trust or trusted(), SYSTEM_CLOCK)
        made.append(one)
        one.asked = asked
        return one

    yield make
    for one in made:
        await one.close()


async def test_a_name_of_this_machine_is_refused(
    serve, happen, receiver, configure, eventually, outbox
):
    endpoint = {"url": f"http://localhost:{receiver.port}/", "secret": receiver.secret}
    configure(endpoint, allow_private=False, tries=2)
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 1)

    async def dead():
        return await outbox(server, expires={"$exists": True})

    (delivery,) = await eventually(dead)
    assert "which is not a public address" in delivery["reason"]
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
async def test_other_spellings_of_this_machine_are_refused(sender, receiver, host):
    outcome = await sender(f"http://{host}:{receiver.port}/").send("msg_1", b"{}")
    assert "which is not a public address" in outcome.problem
    assert receiver.connections == 0


async def test_name_with_a_private_address_among_public_ones_is_refused(sender, receiver):
    mixed = sender(f"http://hooks.example:{receiver.port}/", ["8.8.8.8", "::ffff:127.0.0.1"])
    outcome = await mixed.send("msg_1", b"{}")
    assert outcome.problem == ("hooks.example is ::ffff:127.0.0.1, which is not a public address")
    assert receiver.connections == 0


async def test_request_goes_to_the_address_that_was_checked(sender, receiver):
    pinned = sender(f"http://hooks.example:{receiver.port}/x", ["127.0.0.1"], allow_private=True)
    assert (await pinned.send("msg_1", b"{}")).problem is None
    # The name exists nowhere else, so nothing but this resolver can have been asked; and once.
    assert pinned.asked == [("hooks.example", receiver.port)]
    assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"


async def test_next_address_is_tried_when_the_first_does_not_answer(sender, receiver):
    # Nobody listens on the second loopback address.
    both = sender(
        f"http://hooks.example:{receiver.port}/", ["127.0.0.2", "127.0.0.1"], allow_private=True
    )
    assert (await both.send("msg_1", b"{}")).problem is None
    assert len(receiver.requests) == 1


async def test_refused_connection_is_a_failure_with_its_reason(sender, receiver):
    await receiver.close()
    outcome = await sender(receiver.url, ["127.0.0.1"], allow_private=True).send("msg_1", b"{}")
    assert outcome.problem.startswith("cannot connect")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example"])
async def test_a_name_without_an_address_is_a_failure_with_its_reason(sender, host):
    outcome = await sender(f"https://{host}/").send("msg_1", b"{}")
    assert "cannot be resolved" in outcome.problem


async def test_a_proxy_of_the_environment_is_not_used(sender, receiver, receivers, monkeypatch):
    proxy = await receivers()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    outcome = await sender(receiver.url, ["127.0.0.1"], allow_private=True).send("msg_1", b"{}")
    assert outcome.problem is None
    assert (proxy.connections, receiver.connections) == (0, 1)


async def test_certificate_of_another_name_is_refused(sender, receivers, trusted_authority):
    names = {}
    for name in ("hooks.example", "other.example"):
        names[name] = await receivers(presenting(trusted_authority.issue_cert(name)))
    outcomes = {}
    for name, receiver in names.items():
        one = sender(f"https://hooks.example:{receiver.port}/", ["127.0.0.1"], allow_private=True)
        outcomes[name] = (await one.send("msg_1", b"{}")).problem
    assert outcomes["hooks.example"] is None
    assert "certificate" in outcomes["other.example"].lower()
    assert names["other.example"].requests == []


async def test_a_certificate_of_an_unknown_authority_is_refused(sender, receivers):
    stranger = await receivers(presenting(trustme.CA().issue_cert("hooks.example")))
    one = sender(f"https://hooks.example:{stranger.port}/", ["127.0.0.1"], allow_private=True)
    assert "certificate" in (await one.send("msg_1", b"{}")).problem.lower()
    assert stranger.requests == []
