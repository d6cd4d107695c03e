from __future__ import annotations

import ipaddress
import socket
import threading

import pytest

from routing_engine.dispatch import addresses
from routing_engine.dispatch.addresses import AddressRefused, permitted, refusal, resolve


def networks(*texts):
    return tuple(ipaddress.ip_network(text) for text in texts)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("10.0.0.5", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("169.254.169.254", "link-local"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("255.255.255.255", "reserved"),
        ("240.0.0.1", "reserved"),
        ("192.0.2.1", "private"),
        ("::1", "loopback"),
        ("::", "IPv4 inside IPv6"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fc00::1", "private"),
        ("fd12:3456::1", "private"),
        ("ff02::1", "multicast"),
        ("::ffff:8.8.8.8", "IPv4 inside IPv6"),
        ("::ffff:127.0.0.1", "IPv4 inside IPv6"),
        ("::ffff:10.0.0.1", "IPv4 inside IPv6"),
        ("64:ff9b::7f00:1", "IPv4 inside IPv6"),
        ("2002:7f00:1::", "IPv4 inside IPv6"),
        ("2001:0:53aa:64c::1", "IPv4 inside IPv6"),
        ("8.8.8.8", None),
        ("103.140.90.1", None),
        ("2606:4700::1111", None),
    ],
)
def test_only_public_addresses_pass_without_a_list(text, why):
    assert refusal(ipaddress.ip_address(text), ()) == why


def test_a_listed_network_lets_its_own_addresses_pass_and_no_others():
    listed = networks("10.20.0.0/16", "fd00:20::/32")
    assert refusal(ipaddress.ip_address("10.20.3.4"), listed) is None
    assert refusal(ipaddress.ip_address("fd00:20::9"), listed) is None
    assert refusal(ipaddress.ip_address("10.21.0.1"), listed) == "private"
    # The mapped form of a listed address is not that address.
    assert refusal(ipaddress.ip_address("::ffff:10.20.3.4"), listed) == "IPv4 inside IPv6"


def test_of_several_addresses_only_the_permitted_are_left():
    mixed = [ipaddress.ip_address(text) for text in ("10.0.0.1", "8.8.8.8")]
    assert permitted("h", mixed, ()) == [mixed[1]]
    with pytest.raises(AddressRefused, match=r"address 10\.0\.0\.1 is private"):
        permitted("h", mixed[:1], ())


def test_a_number_needs_no_name_server(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    assert resolve("127.0.0.1", 443, timeout_s=1) == [ipaddress.ip_address("127.0.0.1")]
    assert resolve("::1", 443, timeout_s=1) == [ipaddress.ip_address("::1")]


def test_odd_spellings_of_addresses_are_judged_by_what_they_mean():
    """The C library reads 2130706433 and 0x7f.1 as 127.0.0.1; what is checked is its answer, not the text."""
    for text in ("2130706433", "0x7f.1", "127.1"):
        found = resolve(text, 443, timeout_s=5)
        assert found == [ipaddress.ip_address("127.0.0.1")]
        with pytest.raises(AddressRefused, match="loopback"):
            permitted(text, found, ())


def test_a_name_server_that_does_not_answer_ends_in_time(monkeypatch):
    release = threading.Event()

    def hang(*_, **__):
        release.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(AddressRefused, match="did not answer"):
        resolve("hook.example", 443, timeout_s=0.05)
    release.set()


def test_an_unknown_name_is_said(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(AddressRefused, match="no such name"):
        resolve("nowhere.example", 443, timeout_s=5)


def test_the_connection_goes_to_the_given_address_whatever_the_name(monkeypatch):
    """No second look-up: asking the name server again would fail this test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(addresses.socket, "getaddrinfo", forbid_names(socket.getaddrinfo))
        backend = addresses.PinnedBackend(
            [ipaddress.ip_address("127.0.0.1")], connect_s=2, deadline=addresses.time.monotonic() + 5
        )
        stream = backend.connect_tcp("elsewhere.example", server.getsockname()[1])
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        stream.close()


def forbid_names(real):
    def look_up(host, *rest, **more):
        ipaddress.ip_address(host)  # raises for a name
        return real(host, *rest, **more)

    return look_up
