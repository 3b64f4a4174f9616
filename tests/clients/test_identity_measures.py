"""How well identity works, in numbers: by the command line, by RPC and in /metrics, which agree."""
import json
import time

import pytest

import harness
from harness import DAY_US

DEFINITIONS = """\
currency: EUR
identifiers:
  customer_id: {unique: true}
  email: {max: 3, normalize: email}
  device: {never_link: ['0000']}
events:
  order: {amount: money}
features:
  orders: {of: order, count: true}
  revenue: {of: order, sum: amount}
services: {shown: [orders, revenue]}
identity: {value: revenue, review_either: 1000}
"""


@pytest.fixture
def server(tmp_path):
    with harness.Server(tmp_path / "server", DEFINITIONS) as running:
        yield running


def order(server, name, amount, *who):
    with server.channel() as channel:
        [answer] = harness.ingest(channel, [
            harness.event("order", name, harness.now_us() - DAY_US, who, amount=float(amount))])
        assert not answer.refusals, answer.refusals


def measures(server, *flags):
    return json.loads(server.patron("identity", "measures", "-o", "json", *flags).stdout)


def metric(server, name, **labels):
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    found = [line.rsplit(" ", 1)[1] for line in server.metrics().splitlines()
             if line.startswith(f"patron_identity_{name}" + (f"{{{inside}}}" if labels else "") + " ")]
    return float(found[0]) if found else None


def share(customers, events, linked_events):
    return {"customers": customers, "events": events, "linked_events": linked_events,
            "share": linked_events / events if events else 0}


def test_an_empty_store_has_measures_of_nothing(server):
    assert metric(server, "linked_share", customers="all") is None  # not counted yet
    told = measures(server)
    assert told["all"] == told["top_fifth"] == share(0, 0, 0), told
    assert told["identifiers"] == told["merges"] == told["reviews_open"] == 0 and told["oldest_review"] is None, told
    assert set(told["customers_by_identifiers"].values()) == {0}, told
    assert metric(server, "linked_share", customers="all") == 0


def test_what_happened_is_counted_once_and_everywhere_the_same(server):
    order(server, "a1", 40, "email:ada@x.org", "device:a")
    order(server, "a2", 50, "device:a")
    order(server, "b1", 5000, "customer_id:bob")  # worth too much for a rule to merge it
    order(server, "c1", 1, "email:cyd@x.org")
    order(server, "d1", 1, "device:d")
    order(server, "e1", 1, "email:eve@x.org", "device:0000")  # blocked
    order(server, "f1", 1, "customer_id:fay", "email:fay@x.org")
    order(server, "f2", 1, "customer_id:gus", "email:fay@x.org")  # two of a unique type
    order(server, "ab", 1, "customer_id:bob", "email:ada@x.org")  # waits
    order(server, "cd", 1, "email:cyd@x.org", "device:d")  # merges
    told = measures(server)
    # bob's two, gus's and eve's are of customers with one identifier.
    assert told["all"] == share(6, 10, 6), told
    assert told["top_fifth"] == share(2, 4, 2), told  # bob and ada
    assert told["types"] == {"customer_id": share(3, 4, 1), "email": share(4, 7, 6), "device": share(2, 5, 5)}, told
    assert told["identifiers"] == 9
    sizes = told["customers_by_identifiers"]
    assert (sizes["1"], sizes["2"], sum(sizes.values())) == (3, 3, 6), sizes
    assert (told["merges"], told["splits"], told["blocks"], told["reviews_open"]) == (1, 0, 0, 1), told
    assert {rule: count for rule, count in told["not_joined"].items() if count} == {
        "unique": 1, "blocked": 1, "review_value": 1}, told
    assert told["suspected_duplicates"] == 0 and told["oldest_review"] < told["as_of"]

    # The last count is told again until a fresh one is asked for; what rules and people did is told as of now.
    [item] = [json.loads(line) for line in
              server.patron("identity", "review", "list", "-o", "json").stdout.splitlines()]
    assert item["item"] == told["oldest_review"]
    server.patron("identity", "review", "approve", item["item"], "--actor", "grace", "--yes")
    server.patron("identity", "unlink", "--split", "device:d", "--actor", "grace")
    server.patron("identity", "block", "device:a", "--actor", "grace")
    old = measures(server)
    assert (old["as_of"], old["all"], old["identifiers"]) == (told["as_of"], told["all"], told["identifiers"])
    assert (old["merges"], old["splits"], old["blocks"], old["reviews_approved"]) == (2, 1, 1, 1), old
    now = measures(server, "--fresh")
    assert now["as_of"] > told["as_of"] and now["reviews_open"] == 0 and now["oldest_review"] is None, now
    assert now["all"]["events"] == 10 and now["all"]["customers"] == 7, now

    assert metric(server, "linked_share", customers="all") == pytest.approx(now["all"]["share"])
    assert metric(server, "linked_share", customers="top_fifth") == pytest.approx(now["top_fifth"]["share"])
    assert metric(server, "measured_at_seconds") == pytest.approx(harness.time_of(now["as_of"]) / 1e6, abs=1)
    for kind, linked in now["types"].items():
        assert metric(server, "events_of_type", type=kind) == linked["events"]
    for size, customers in now["customers_by_identifiers"].items():
        assert metric(server, "customers", identifiers=size) == customers
    for rule, count in now["not_joined"].items():
        assert metric(server, "not_joined_total", rule=rule) == count
    for name, key in (("splits_total", "splits"), ("blocks_total", "blocks"), ("review_open", "reviews_open"),
                      ("reviews_approved_total", "reviews_approved"), ("suspected_duplicates", "suspected_duplicates"),
                      ("reviews_rejected_total", "reviews_rejected")):
        assert metric(server, name) == now[key], name
    server.restart()
    again = measures(server)
    assert {key: again[key] for key in again if key != "as_of"} == {key: now[key] for key in now if key != "as_of"}


def test_people_are_told_in_words(server):
    order(server, "a1", 40, "email:ada@x.org", "device:a")
    order(server, "b1", 5000, "customer_id:bob")
    order(server, "ab", 1, "customer_id:bob", "email:ada@x.org")
    said = server.patron("identity", "measures").stdout
    for words in ("3 identifiers", "the fifth of most value", "with device", "1: 1  2: 1", "review_value: 1",
                  "reviews: 1 open", "patron identity review list"):
        assert words in said, (words, said)
    assert "nothing" not in said
    server.patron("identity", "measures", "-o", "xml", code=2)
    server.patron("identity", "measures", "more", code=2)


def test_they_are_taken_by_the_server_itself(tmp_path):
    with harness.Server(tmp_path / "server", DEFINITIONS, flags=["--measure-minutes", "1"]) as server:
        order(server, "a1", 40, "email:ada@x.org", "device:a")
        deadline = harness.now_us() + 60 * harness.MICROSECONDS  # it begins a little after the start
        while metric(server, "linked_share", customers="all") is None:
            assert harness.now_us() < deadline
            time.sleep(0.2)
        assert metric(server, "linked_share", customers="all") == 1
