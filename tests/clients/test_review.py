"""Merges that wait for a person, over RPC and from a terminal: listed, shown, approved by one or two, rejected."""
import csv
import io
import json
import os
import pty
import subprocess

import grpc
import pytest

import harness
from harness import BUILD, event, generated, ingest

SHOP = """\
identifiers:
  customer_id: {unique: true}
  email: {max: 5, normalize: email, keep: true}
  device: {weak: true}
events:
  order: {amount: money}
features:
  orders: {of: order, count: true}
  revenue: {of: order, sum: amount}
services:
  shown: [revenue, orders]
identity: {value: revenue, review_either: 1000, second_person: 5000, review_size: 6}
"""


@pytest.fixture
def server(tmp_path):
    with harness.Server(tmp_path / "server", SHOP) as running:
        yield running


def order(server, name, amount, *who):
    with server.channel() as channel:
        for answer in ingest(channel, [event("order", name, harness.now_us(), who, amount=amount)]):
            assert not answer.refusals, answer.refusals


def waiting_pair(server, richer=2000):
    """ada@x.org and bob@x.org, whom one event brings together, and who wait because of what the one is worth; the
    item's name."""
    order(server, "a", richer, "email:ada@x.org", "device:phone")
    order(server, "b", 30, "email:bob@x.org")
    order(server, "c", 1, "email:ada@x.org", "email:bob@x.org")
    [item] = listed(server)
    return item["item"]


def listed(server, *flags):
    return [json.loads(line)
            for line in server.patron("identity", "review", "list", "-o", "json", *flags).stdout.splitlines()]


def shown(server, item, *flags):
    return json.loads(server.patron("identity", "review", "show", item, "-o", "json", *flags).stdout)


def decide(server, what, item, *flags, code=0):
    return server.patron("identity", "review", what, item, *flags, code=code)


def revenue(server, *who):
    return [row["features"]["revenue"] for row in rows_of(server, *who)]


def rows_of(server, *who):
    return server.get(*who, service="shown")["rows"]


def customers(server, *who):
    return [row["customer"] for row in rows_of(server, *who)]


# --- what a person sees ---


def test_an_event_s_merge_waits_and_is_listed(server):
    assert "nothing waits" in server.patron("identity", "review", "list").stdout
    name = waiting_pair(server)
    [item] = listed(server)
    assert item["state"] == "open" and item["why"] == "review: value" and item["persons"] == 1, item
    assert (item["a"]["value"], item["b"]["value"]) == ("ada@x.org", "bob@x.org"), item
    assert (item["worth_a"], item["worth_b"]) == (2001, 30), item
    assert item["evidence"]["type"] == "order" and item["rule"] == "event" and item["count"] == 1, item
    assert customers(server, "email:ada@x.org", "email:bob@x.org") == [1, 3]
    # what is asked for
    assert len(listed(server, "--min-worth", 2001)) == 1 and not listed(server, "--min-worth", 2001.5)
    assert len(listed(server, "--why", "value", "--why", "score")) == 1 and not listed(server, "--why", "size")
    assert len(listed(server, "--id", "email:BOB@x.org")) == 1 and not listed(server, "--id", "device:phone")
    assert len(listed(server, "--customer", 1)) == 1 and len(listed(server, "--id", 3)) == 1
    assert len(listed(server, "--state", "all")) == 1 and not listed(server, "--state", "approved")
    table = server.patron("identity", "review", "list").stdout
    assert name in table and "email:ada@x.org" in table and "2001" in table, table
    [row] = csv.DictReader(io.StringIO(server.patron("identity", "review", "list", "-o", "csv").stdout))
    assert row["item"] == name and row["between"] == "email:ada@x.org" and row["and worth"] == "30", row
    metrics = server.patron("identity", "show", "--id", "email:bob@x.org").stdout
    assert name in metrics, metrics


def test_more_evidence_is_counted_in_the_one_item(server):
    waiting_pair(server)
    order(server, "d", 1, "email:bob@x.org", "email:ada@x.org")
    [item] = listed(server)
    assert item["count"] == 2 and item["last"] > item["item"], item


def test_what_is_shown_lets_a_person_decide(server):
    name = waiting_pair(server)
    item = shown(server, name)
    before, [after] = item["effect"]["before"], item["effect"]["after"]
    assert [side["customer"] for side in before] == [1, 3] and after["customer"] == 1, item
    assert [side["events"] for side in before] == [2, 1] and after["events"] == 3, item
    assert [len(side["identifiers"]) for side in before] == [2, 1] and len(after["identifiers"]) == 3, item
    assert [side["features"]["revenue"] for side in before] == [2001, 30], item
    assert after["features"] == {"orders": 3, "revenue": 2031}, item
    assert item["refused"] is None and len(item["seen"]) == 32 and item["waterfall"] is None, item
    assert list(shown(server, name, "--service", "shown")["effect"]["after"][0]["features"]) == ["revenue", "orders"]
    text = server.patron("identity", "review", "show", name).stdout
    for words in ["email:ada@x.org", "email:bob@x.org", "one person", "worth too much", "an event that brought both",
                  "customer 1: 2 identifiers, 2 events", "customer 3: 1 identifier, 1 event", "2031",
                  f"patron identity review approve {name} --seen {item['seen']}"]:
        assert words in text, (words, text)


# --- deciding ---


def test_an_approval_makes_one_customer_of_the_two_and_the_past_stays(server):
    name = waiting_pair(server)
    seen = shown(server, name)["seen"]
    said = decide(server, "approve", name, "--seen", seen, "--actor", "eve", "--reason", "called both").stdout
    assert "customer 1" in said and "customer 3" in said, said
    assert customers(server, "email:ada@x.org", "email:bob@x.org") == [1, 1]
    assert revenue(server, "email:bob@x.org") == [2031]
    assert not listed(server)
    [item] = listed(server, "--state", "approved")
    assert (item["actor"], item["reason"]) == ("eve", "called both"), item
    before = server.get("email:bob@x.org", service="shown", as_of=item["decided"])["rows"]
    assert before[0]["customer"] == 3 and before[0]["features"]["revenue"] == 30, before
    said = decide(server, "reject", name, "--actor", "eve", code=1).stderr
    assert "approved by 'eve'" in said, said
    server.verify()
    server.restart()
    assert listed(server, "--state", "all") == [item]
    server.verify()


def test_a_rejection_keeps_the_two_apart(server):
    name = waiting_pair(server)
    said = decide(server, "reject", name, "--actor", "eve", "--reason", "father and son").stdout
    assert "kept apart" in said, said
    order(server, "d", 1, "email:ada@x.org", "email:bob@x.org")
    assert customers(server, "email:ada@x.org", "email:bob@x.org") == [1, 3]
    assert not listed(server)
    [item] = listed(server, "--state", "rejected")
    assert item["reason"] == "father and son", item
    assert "kept apart" in shown(server, name)["refused"] or "separated" in shown(server, name)["refused"]
    server.verify()


def test_great_value_takes_two_persons(server):
    name = waiting_pair(server, richer=9000)
    [item] = listed(server)
    assert item["persons"] == 2, item
    seen = shown(server, name)["seen"]
    assert "second person" in decide(server, "approve", name, "--seen", seen, "--actor", "eve").stdout
    assert listed(server)[0]["state"] == "half approved" and listed(server)[0]["first_actor"] == "eve"
    assert "two persons" in server.patron("identity", "review", "show", name).stdout
    assert customers(server, "email:ada@x.org", "email:bob@x.org") == [1, 3]
    said = decide(server, "approve", name, "--seen", seen, "--actor", "eve", code=1).stderr
    assert "takes a second person" in said, said
    decide(server, "approve", name, "--seen", seen, "--actor", "mallory")
    assert customers(server, "email:ada@x.org", "email:bob@x.org") == [1, 1]


def test_an_approval_holds_for_what_was_seen(server):
    name = waiting_pair(server)
    seen = shown(server, name)["seen"]
    for at in range(4):
        order(server, f"grown {at}", 1, "email:bob@x.org", f"device:{at}")
    said = decide(server, "approve", name, "--seen", seen, "--actor", "eve", code=1).stderr
    assert "7 identifiers" in said and f"patron identity review show {name}" in said, said
    decide(server, "approve", name, "--yes", "--actor", "eve")
    assert customers(server, "email:ada@x.org", "email:bob@x.org") == [1, 1]


def test_what_a_rule_refuses_no_person_approves(server):
    name = waiting_pair(server)
    order(server, "d", 1, "customer_id:1", "email:ada@x.org")
    order(server, "e", 1, "customer_id:2", "email:bob@x.org")
    assert "customer_id" in shown(server, name)["refused"]
    said = decide(server, "approve", name, "--yes", "--actor", "eve", code=1).stderr
    assert "a rule is against it" in said, said


def test_without_a_terminal_an_approval_must_say_what_was_seen(server):
    name = waiting_pair(server)
    assert "--seen" in decide(server, "approve", name, "--actor", "eve", code=2).stderr
    assert "--seen" in decide(server, "approve", name, "--actor", "eve", "--seen", "12", code=2).stderr
    assert "there is no review item" in decide(server, "reject", "2020-01-01", "--actor", "eve", code=1).stderr
    assert "name one item" in server.patron("identity", "review", "show", code=2).stderr
    assert "did you mean value" in server.patron("identity", "review", "list", "--why", "valu", code=2).stderr
    assert listed(server)[0]["state"] == "open"


def on_a_terminal(server, answer, *arguments):
    """What patron says to somebody who answers at a terminal."""
    main, other = pty.openpty()
    with subprocess.Popen([str(BUILD / "patron"), *arguments], stdin=other, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True,
                          env=dict(os.environ, PATRON_SERVER=server.address)) as process:
        os.write(main, answer.encode())
        said, failed = process.communicate(timeout=60)
    os.close(main)
    os.close(other)
    return process.returncode, said, failed


def test_on_a_terminal_an_approval_shows_the_item_and_asks(server):
    name = waiting_pair(server)
    code, said, failed = on_a_terminal(server, "n\n", "identity", "review", "approve", name, "--actor", "eve")
    assert code == 1 and "approve? [y/N]" in said and "nothing has changed" in failed, (said, failed)
    assert "as one: customer 1" in said, said
    code, said, _ = on_a_terminal(server, "y\n", "identity", "review", "approve", name, "--actor", "eve")
    assert code == 0 and "approved: customer 1" in said, said
    assert customers(server, "email:ada@x.org", "email:bob@x.org") == [1, 1]


# --- over RPC ---


def test_pages_come_one_after_the_other(server):
    order(server, "rich", 2000, "email:ada@x.org")
    for at in range(7):
        order(server, f"other {at}", 1, f"email:{at}@x.org")
        order(server, f"both {at}", 1, "email:ada@x.org", f"email:{at}@x.org")
    messages, services = generated("review")
    with server.channel() as channel:
        client = services.ReviewStub(channel)
        names, from_us, sizes = [], 0, []
        while True:
            reply = client.List(messages.ListReviewsRequest(page_size=3, from_us=from_us), timeout=30)
            names += [item.item_us for item in reply.items]
            sizes.append(len(reply.items))
            from_us = reply.next_us
            if not from_us:
                break
        assert sizes == [3, 3, 1] and names == sorted(set(names)) and len(names) == 7, (sizes, names)
        about = client.List(messages.ListReviewsRequest(page_size=5, customer=1), timeout=30)
        assert [item.item_us for item in about.items] == names[:5] and about.next_us == names[4] + 1
    assert [harness.time_of(item["item"]) for item in listed(server, "--limit", 4)] == names[:4]


@pytest.mark.parametrize("call, fields, code, words", [
    ("Get", {"item_us": 17}, grpc.StatusCode.NOT_FOUND, "there is no review item"),
    ("Get", {"item_us": -2**63}, grpc.StatusCode.NOT_FOUND, "there is no review item"),
    ("Get", {"item_us": 2**63 - 1}, grpc.StatusCode.NOT_FOUND, "there is no review item"),
    ("List", {"page_size": 501}, grpc.StatusCode.INVALID_ARGUMENT, "at most 500"),
    ("List", {"min_worth": float("nan")}, grpc.StatusCode.INVALID_ARGUMENT, "not a number"),
    ("List", {"customer": 999}, grpc.StatusCode.NOT_FOUND, "no customer 999"),
    ("Decide", {"item_us": 17, "actor": "eve"}, grpc.StatusCode.INVALID_ARGUMENT, "verdict"),
    ("Decide", {"item_us": 17, "actor": "eve", "verdict": 3}, grpc.StatusCode.INVALID_ARGUMENT, "verdict"),
    ("Decide", {"item_us": 17, "actor": "eve", "verdict": 1}, grpc.StatusCode.NOT_FOUND, "there is no review item"),
    ("Decide", {"item_us": 17, "verdict": 2}, grpc.StatusCode.INVALID_ARGUMENT, "actor"),
    ("Decide", {"item_us": 17, "verdict": 2, "actor": "x" * 257}, grpc.StatusCode.INVALID_ARGUMENT, "256"),
    ("Decide", {"item_us": 17, "verdict": 2, "actor": "x", "reason": "y" * 1001}, grpc.StatusCode.INVALID_ARGUMENT,
     "1000"),
    ("Decide", {"item_us": 17, "verdict": 1, "actor": "x", "seen": b"123"}, grpc.StatusCode.INVALID_ARGUMENT, "seen"),
])
def test_bad_requests_are_refused_with_words(server, call, fields, code, words):
    messages, services = generated("review")
    kind = {"Get": "GetReviewRequest", "List": "ListReviewsRequest", "Decide": "DecideReviewRequest"}[call]
    order(server, "a", 1, "email:ada@x.org")
    with server.channel() as channel, pytest.raises(grpc.RpcError) as refused:
        getattr(services.ReviewStub(channel), call)(getattr(messages, kind)(**fields), timeout=30)
    assert refused.value.code() == code and words in refused.value.details(), refused.value
