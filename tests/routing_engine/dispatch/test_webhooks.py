from __future__ import annotations

import ipaddress
import json
import shutil
import socket
import ssl
import subprocess
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from gis.db import database_now
from gis.errors import ConfigurationError
from routing_engine.dispatch import inbox, outbox, webhooks
from routing_engine.dispatch.delivery import Delivery
from routing_engine.dispatch.lanes import LaneLocks
from routing_engine.dispatch.outbox import Lane
from routing_engine.dispatch.webhooks import DeliveryError, WebhookFile, WebhookSender, WebhookSettings
from tests.routing_engine.dispatch.receiver import OTHER_SECRET, SECRET, receiving
from tests.routing_engine.dispatch.world import World, message, outbox_rows

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
BODY = {"seq": 1, "assignment": {"why": "karena ‘di dalam batas’"}, "incident": {"number": "K-0412"}}


def write_secrets(state, **agencies):
    (state / "webhooks.json").write_text(json.dumps({code: {"secret": s} for code, s in agencies.items()}))


@pytest.fixture
def sender(tmp_path):
    write_secrets(tmp_path, POL=SECRET)
    return WebhookSender(WebhookFile(tmp_path, networks=LOOPBACK))


def send(sender, url, *, agency="POL", message_id="7"):
    sender.send(agency, url, message_id=message_id, body=BODY, at=datetime.now(UTC))


# -- one message


def test_a_message_arrives_signed_with_its_id(sender):
    with receiving() as receiver:
        send(sender, receiver.url)
    assert receiver.got == [("7", BODY)]
    assert receiver.problems == []
    assert receiver.hosts == [receiver.url.split("/")[2]]


def test_a_wrong_secret_is_noticed_by_the_receiver(sender):
    with receiving(secret=OTHER_SECRET) as receiver:
        send(sender, receiver.url)
    assert receiver.problems == ["WebhookVerificationError: No matching signature found"]


@pytest.mark.parametrize("kept", [SECRET, OTHER_SECRET])
def test_both_secrets_are_valid_during_rotation(sender, tmp_path, kept):
    (tmp_path / "webhooks.json").write_text(json.dumps({"POL": {"secret": SECRET, "previous": OTHER_SECRET}}))
    with receiving(secret=kept) as receiver:
        send(sender, receiver.url)
    assert receiver.problems == []


def test_a_changed_file_counts_from_the_next_message(sender, tmp_path):
    with receiving(secret=OTHER_SECRET) as receiver:
        write_secrets(tmp_path, POL=OTHER_SECRET, PSC=SECRET)
        send(sender, receiver.url)
    assert receiver.problems == []


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("503", "the receiver answered HTTP 503"),
        ("404", "the receiver answered HTTP 404"),
        ("redirect", "the receiver answered HTTP 307; redirects are not followed"),
        ("lost", "the connection ended without an HTTP answer"),
        ("garbage", "the connection ended without an HTTP answer"),
    ],
)
def test_anything_but_success_is_a_failure_that_says_why(sender, how, said):
    with receiving(behave=lambda n, message: how) as receiver:
        with pytest.raises(DeliveryError) as caught:
            send(sender, receiver.url)
        assert receiver.n_requests == 1  # a redirect was not followed, nothing was repeated here
    assert str(caught.value) == said
    assert "rahasia" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_answer_that_trickles_is_cut_at_the_limit(sender, monkeypatch):
    monkeypatch.setattr(webhooks, "TOTAL_S", 0.5)
    with receiving(behave=lambda n, message: "slow") as receiver, pytest.raises(DeliveryError, match="no answer"):
        send(sender, receiver.url)


def test_an_endless_answer_costs_nothing(sender):
    """The status line says that the message was taken; what follows it is not read."""
    with receiving(behave=lambda n, message: "endless") as receiver:
        send(sender, receiver.url)
        assert [message_id for message_id, _ in receiver.got] == ["7"]


def test_a_closed_port_is_said(sender):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DeliveryError, match="no connection: Connection refused"):
        send(sender, f"http://127.0.0.1:{port}/")


def test_a_server_that_takes_no_connection_ends_in_time(sender, monkeypatch):
    """A full backlog leaves connections unanswered, as a firewall that drops packets does."""
    monkeypatch.setattr(webhooks, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        with pytest.raises(DeliveryError, match="no connection within"):
            send(sender, f"http://127.0.0.1:{address[1]}/")
        for filler in fillers:
            filler.close()


# -- where to


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/", "address 127.0.0.1 is loopback"),
        ("https://127.0.0.1/", "address 127.0.0.1 is loopback"),
        ("https://10.1.2.3/hook", "address 10.1.2.3 is private"),
        ("https://169.254.169.254/latest/meta-data", "is link-local"),
        ("https://[::ffff:127.0.0.1]/", "is IPv4 inside IPv6"),
        ("https://[::1]/", "is loopback"),
        ("http://8.8.8.8/", "https on port 443 needed"),
        ("https://8.8.8.8:8443/", "https on port 443 needed"),
        ("https://user:secret@8.8.8.8/", "user name or password"),
        ("ftp://8.8.8.8/", "not an https URL"),
        ("file:///etc/passwd", "not an https URL"),
        ("//8.8.8.8/", "not an https URL"),
        ("https://8.8.8.8:99999/", "not a URL"),
    ],
)
def test_addresses_outside_the_list_are_refused_before_connecting(tmp_path, url, said):
    write_secrets(tmp_path, POL=SECRET)
    sender = WebhookSender(WebhookFile(tmp_path))
    with pytest.raises(DeliveryError) as caught:
        send(sender, url)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_name_that_leads_inside_is_refused(tmp_path, monkeypatch):
    write_secrets(tmp_path, POL=SECRET)
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.168.7.7", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
    with pytest.raises(DeliveryError, match=r"host hook\.example: address 192\.168\.7\.7 is private"):
        send(WebhookSender(WebhookFile(tmp_path)), "https://hook.example/")


def test_the_file_may_list_networks_and_ports(tmp_path):
    (tmp_path / "webhooks.json").write_text(
        json.dumps({"POL": {"secret": SECRET}, "networks": ["127.0.0.0/8"], "ports": [443, 8443]})
    )
    file = WebhookFile(tmp_path)
    assert file.current().ports == {443, 8443}
    with receiving() as receiver:
        send(WebhookSender(file), receiver.url)
    assert len(receiver.got) == 1


def test_without_a_secret_nothing_is_sent(sender):
    with receiving() as receiver:
        with pytest.raises(DeliveryError, match="no secret for PSC; nothing is sent unsigned"):
            send(sender, receiver.url, agency="PSC")
        assert receiver.n_requests == 0


def test_without_a_file_nothing_is_sent(tmp_path):
    with pytest.raises(DeliveryError, match="no secret for POL"):
        send(WebhookSender(WebhookFile(tmp_path, networks=LOOPBACK)), "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"POL": {"secret": "rahasia"}, "networks": "10.0.0.0/8"}',
        '{"networks": ["10.0.0.1/8"]}',
        '{"networks": ["kantor"]}',
        '{"ports": ["443"]}',
        '{"ports": [0]}',
    ],
)
def test_a_file_with_a_mistake_is_said_without_its_secrets(tmp_path, content):
    (tmp_path / "webhooks.json").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        WebhookFile(tmp_path).current()
    assert "webhooks.json" in str(caught.value)
    assert "rahasia" not in str(caught.value)
    with pytest.raises(DeliveryError):
        send(WebhookSender(WebhookFile(tmp_path)), "https://8.8.8.8/")


@pytest.mark.parametrize("secret", ["rahasia bukan base64 !!!", "cmFoYXNpYQ==", "whsec_", "whsec_cmFoYXNpYQ==", 7, "é"])
def test_a_mistake_in_one_secret_is_its_agencys_alone(tmp_path, secret):
    (tmp_path / "webhooks.json").write_text(json.dumps({"PSC": {"secret": secret}, "POL": {"secret": SECRET}}))
    sender = WebhookSender(WebhookFile(tmp_path, networks=LOOPBACK))
    with receiving() as receiver:
        with pytest.raises(DeliveryError) as caught:
            send(sender, receiver.url, agency="PSC")
        assert "PSC" in str(caught.value)
        assert "rahasia" not in str(caught.value)
        send(sender, receiver.url)
    assert len(receiver.got) == 1


def test_an_agency_named_without_a_secret_has_none():
    assert WebhookSettings.from_json({"POL": {}}).secrets == {"POL": ()}


def test_the_signature_is_the_standards():
    """Worked example of the Standard Webhooks specification."""
    settings = WebhookSettings(secrets={"POL": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)})
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = dict(webhooks._signature(settings, "POL", "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', at))
    assert headers == {
        b"webhook-id": b"msg_p5jXN8AQM9LWM0D4loKWxJek",
        b"webhook-timestamp": b"1614265330",
        b"webhook-signature": b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate; not on this machine")
def test_tls_keeps_the_name_while_the_address_is_pinned(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    names: list[str | None] = []
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(certificate, key)
    server_tls.sni_callback = lambda socket, name, context: names.append(name)
    write_secrets(tmp_path, POL=SECRET)
    file = WebhookFile(tmp_path, networks=LOOPBACK)
    trusting = WebhookSender(file, ssl_context=ssl.create_default_context(cafile=str(certificate)))
    with receiving() as receiver:
        receiver.socket = server_tls.wrap_socket(receiver.socket, server_side=True)
        port = receiver.server_address[1]
        send(trusting, f"https://localhost:{port}/hook")
        assert names == ["localhost"]
        assert receiver.hosts == [f"localhost:{port}"]
        assert len(receiver.got) == 1
        # The certificate is checked against the name, and an authority nobody knows is not trusted.
        with pytest.raises(DeliveryError, match="TLS certificate"):
            send(trusting, f"https://127.0.0.1:{port}/hook")
        with pytest.raises(DeliveryError, match="TLS certificate"):
            send(WebhookSender(file), f"https://localhost:{port}/hook")


# -- a lane


@pytest.fixture
def lane_of(engine, tmp_path):
    """Make an agency with a webhook and a `Delivery` for it."""
    locks = LaneLocks(engine)

    def make(code, url, *, n=3):
        write_secrets(tmp_path, **{code: SECRET})
        delivery = Delivery(
            engine,
            WebhookSender(WebhookFile(tmp_path, networks=LOOPBACK)),
            locks=locks,
            rng=np.random.default_rng(1),
        )
        with engine.begin() as tx:
            world = World(tx)
            world.agency(code, webhook=url)
            for _ in range(n):
                world.tell([code])
        return delivery, Lane(code, "webhook")

    yield make
    locks.close()


def deliver_inbox(engine, code):
    with engine.begin() as tx:
        return inbox.deliver(tx, code, now=database_now(tx), limit=100)


def make_due(engine, code):
    with engine.begin() as tx:
        tx.execute(text("UPDATE siaga.outbox SET next_attempt_at = now() WHERE agency_code = :code"), {"code": code})


def test_webhooks_follow_the_inbox_with_its_numbers(engine, lane_of):
    with receiving() as receiver:
        delivery, lane = lane_of("W1", receiver.url)
        assert delivery.deliver_batch(lane).n == 0  # the inbox comes first
        assert receiver.n_requests == 0
        deliver_inbox(engine, "W1")
        assert delivery.deliver_batch(lane).n == 3
    with engine.begin() as tx:
        rows = outbox_rows(tx, "W1", "webhook")
    assert [message_id for message_id, _ in receiver.got] == [str(row.outbox_id) for row in rows]
    assert [body["seq"] for _, body in receiver.got] == [1, 2, 3]
    assert receiver.problems == []
    for (_, body), row in zip(receiver.got, rows, strict=True):
        assert body == {"seq": body["seq"], "kind": "assignment", **row.body}
        assert row.delivered_at is not None


def test_a_message_that_commits_late_keeps_the_inbox_order(engine, lane_of):
    """Ids are given before commit: the lower id may come second, in the inbox and then here as well."""
    with receiving() as receiver:
        delivery, lane = lane_of("W2", receiver.url, n=0)
        with engine.begin() as late:
            world = World(late)
            world.channels["W2"] = ["webhook"]
            slow = world.tell(["W2"])["W2"]
            with engine.begin() as early:
                other = World(early)
                other.channels["W2"] = ["webhook"]
                quick = other.tell(["W2"])["W2"]
            deliver_inbox(engine, "W2")
        deliver_inbox(engine, "W2")
        assert delivery.deliver_batch(lane).n == 2
    assert [body["assignment"]["assignment_id"] for _, body in receiver.got] == [quick, slow]
    assert [body["seq"] for _, body in receiver.got] == [1, 2]
    assert int(receiver.got[0][0]) > int(receiver.got[1][0])


def test_the_first_failure_stops_the_lane_and_the_id_stays(engine, lane_of):
    with receiving(behave=lambda n, message: "503" if n == 2 else "ok") as receiver:
        delivery, lane = lane_of("W3", receiver.url)
        deliver_inbox(engine, "W3")
        assert delivery.deliver_batch(lane).n == 1
        assert receiver.n_requests == 2
        with engine.begin() as tx:
            rows = outbox_rows(tx, "W3", "webhook")
            now = database_now(tx)
        assert [row.delivered_at is not None for row in rows] == [True, False, False]
        assert (rows[1].attempts, rows[2].attempts) == (1, 0)
        assert rows[1].last_error == "the receiver answered HTTP 503"
        assert rows[1].next_attempt_at - now <= timedelta(seconds=outbox.BACK_OFF_FIRST_S)
        make_due(engine, "W3")
        assert delivery.deliver_batch(lane).n == 2
    assert [message_id for message_id, _ in receiver.got] == [str(row.outbox_id) for row in rows]


def test_a_row_backing_off_holds_its_lane(engine, lane_of):
    with receiving() as receiver:
        delivery, lane = lane_of("W4", receiver.url)
        deliver_inbox(engine, "W4")
        with engine.begin() as tx:
            first = outbox_rows(tx, "W4", "webhook")[0].outbox_id
            tx.execute(
                text("UPDATE siaga.outbox SET next_attempt_at = now() + interval '1 h' WHERE outbox_id = :id"),
                {"id": first},
            )
        assert delivery.deliver_batch(lane).n == 0
        assert receiver.n_requests == 0


def test_a_lost_answer_is_sent_again_with_the_same_id(engine, lane_of):
    with receiving(behave=lambda n, message: "lost" if n == 1 else "ok") as receiver:
        delivery, lane = lane_of("W5", receiver.url, n=2)
        deliver_inbox(engine, "W5")
        assert delivery.deliver_batch(lane).n == 0
        make_due(engine, "W5")
        assert delivery.deliver_batch(lane).n == 2
    ids = [message_id for message_id, _ in receiver.got]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 2
    assert receiver.got[0] == receiver.got[1]


def test_no_transaction_is_open_while_a_message_is_on_its_way(engine, lane_of):
    def look(n, message):
        with engine.connect() as connection:
            open_ones = connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
                )
            ).scalar_one()
        found.append(open_ones)
        return "ok"

    found: list[int] = []
    with receiving(behave=look) as receiver:
        delivery, lane = lane_of("W6", receiver.url)
        deliver_inbox(engine, "W6")
        assert delivery.deliver_batch(lane).n == 3
    assert found == [0, 0, 0]


def test_a_refused_address_leaves_the_inbox_as_it_is(engine, lane_of):
    delivery, lane = lane_of("W7", "https://10.9.8.7/hook")
    assert deliver_inbox(engine, "W7") == 3
    assert delivery.deliver_batch(lane).n == 0
    with engine.begin() as tx:
        row = outbox_rows(tx, "W7", "webhook")[0]
        assert row.attempts == 1
        assert "10.9.8.7 is private" in row.last_error
        assert len(inbox.items(tx, "W7", since_seq=0)["items"]) == 3


def test_a_channel_that_was_switched_off_keeps_its_rows(engine, lane_of):
    with receiving() as receiver:
        delivery, lane = lane_of("W8", receiver.url)
        deliver_inbox(engine, "W8")
        with engine.begin() as tx:
            tx.execute(text("UPDATE siaga.agency_channel SET is_active = false WHERE agency_code = 'W8'"))
            assert lane not in outbox.waiting_lanes(tx)
        assert delivery.deliver_batch(lane).n == 0
        with engine.begin() as tx:
            tx.execute(text("UPDATE siaga.agency_channel SET is_active = true WHERE agency_code = 'W8'"))
        assert delivery.deliver_batch(lane).n == 3


def test_an_update_of_the_same_incident_has_its_own_number(engine, lane_of):
    with receiving() as receiver:
        delivery, lane = lane_of("W9", receiver.url, n=1)
        with engine.begin() as tx:
            row = outbox_rows(tx, "W9", "webhook")[0]
            incident_id = row.body["incident"]["incident_id"]
            for _ in range(2):
                outbox.enqueue(
                    tx,
                    [message("W9", incident_id, row.assignment_id, kind="update")],
                    channels={"W9": ["webhook"]},
                    is_drill=False,
                    now=database_now(tx),
                )
        deliver_inbox(engine, "W9")
        assert delivery.deliver_batch(lane).n == 3
    assert [(body["seq"], body["kind"]) for _, body in receiver.got] == [
        (1, "assignment"),
        (2, "update"),
        (3, "update"),
    ]
