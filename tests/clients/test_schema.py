"""Sources that change what they send: `patron schema` and the metrics name it; unknown attributes are refused, dropped
or kept, and what was kept is history once a later version of the definitions declares it."""
import json
import time

import pytest

import harness
from harness import DAY_US, MICROSECONDS

SHOP = """\
identifiers:
  customer_id: {max: 1}
events:
  order: {amount: money, items: integer, channel: string}
  visit: {pages: integer}
features:
  orders: {of: order, count: true}
  revenue: {of: order, sum: amount}
"""
LATER = SHOP.replace("channel: string}", "channel: string, weight: number, gift: bool}") + """\
  weight: {of: order, sum: weight}
  gifts: {of: order, count: true, where: {gift: true}}
"""
KEEP = "unknown_attributes: keep\n"
DROP = "unknown_attributes: drop\n"


def today_us():
    """The midnight of UTC that today began with; waits where a test would run into the next."""
    left = 86_400 - time.time() % 86_400
    if left < 60:
        time.sleep(left + 1)
    return harness.now_us() // DAY_US * DAY_US


def order(name, time_us, **attributes):
    return harness.event("order", name, time_us, ["customer_id:a"], **attributes)


def orders_before(midnight_us, source_days=7, each=10):
    """A week of orders that are all alike but for their amounts, on their own clock."""
    for day in range(source_days, 0, -1):
        for number in range(each):
            at_us = midnight_us - day * DAY_US + number * 60 * MICROSECONDS
            yield order(f"{day}-{number}", at_us, known_at_us=at_us, decimal_amount=f"{10 + number}.50", items=2,
                        channel="web")


def send(server, events, source="shop"):
    with server.channel() as channel:
        return harness.ingest(channel, list(events), source)


def applied(answers):
    return sum(answer.applied for answer in answers)


def refusals(answers):
    return [refusal.reason for answer in answers for refusal in answer.refusals]


def schema(server, *flags, until=lambda said: True):
    """What `patron schema -o json` says once the counters that are written behind have come to it."""
    deadline = time.monotonic() + 30
    while True:
        said = json.loads(server.patron("schema", "-o", "json", *flags).stdout)
        if until(said) or time.monotonic() > deadline:
            return said
        time.sleep(0.1)


def stream(said, source, event):
    return next((one for one in said["streams"] if (one["source"], one["event"]) == (source, event)), None)


def events_today(source, event, count):
    def have_come(said):
        one = stream(said, source, event)
        return one is not None and one["today"]["events"] == count
    return have_come


def attribute(said, source, event, name):
    return next(one for one in stream(said, source, event)["attributes"] if one["name"] == name)


def findings(said):
    return {(one["kind"], one["source"], one["event"], one["attribute"]) for one in said["findings"]}


def test_each_change_of_a_source_is_named(tmp_path):
    midnight_us = today_us()
    with harness.Server(tmp_path / "server", SHOP) as server:
        assert applied(send(server, orders_before(midnight_us))) == 70
        now_us = harness.now_us()
        # today: prices ten times as high, half without a channel, every tenth with words for a number, a new attribute,
        # and a type that nobody has declared
        events = []
        for number in range(40):
            attributes = {"decimal_amount": f"{100 + number}.50", "items": "two" if number % 10 == 0 else 2}
            if number % 2:
                attributes["channel"] = "web"
            if number == 1:
                attributes["colour"] = "blue"
            events.append(order(f"today-{number}", now_us, **attributes))
        events.append(harness.event("oder", "1", now_us, ["customer_id:a"]))
        answers = send(server, events)
        assert applied(answers) == 35
        assert "attribute 'items' is text, but is declared integer" in refusals(answers)
        said = schema(server, until=events_today("shop", "order", 40))
        assert findings(said) == {
            ("failing", "shop", "order", "items"),
            ("nulls", "shop", "order", "channel"),
            ("range", "shop", "order", "amount"),
            ("unknown", "shop", "order", "colour"),
            ("new", "shop", "order", "colour"),
            ("unknown", "shop", "oder", None),
        }
        orders = stream(said, "shop", "order")
        assert orders["today"] == {"events": 40, "refused": 5, "duplicates": 0}
        assert orders["before"] == {"events": 70, "refused": 0, "duplicates": 0}
        amount = attribute(said, "shop", "order", "amount")
        assert (amount["type"], amount["before"]["least"], amount["before"]["greatest"]) == ("money", 10.5, 19.5)
        assert (amount["today"]["least"], amount["today"]["greatest"]) == (100.5, 139.5)
        items = attribute(said, "shop", "order", "items")
        assert (items["today"]["present"], items["today"]["failed"]) == (36, 4)
        assert items["today"]["failure"] == "is text, but is declared integer"
        assert items["today"]["kinds"] == ["text", "integer"]
        channel = attribute(said, "shop", "order", "channel")
        assert (channel["today"]["absent"], channel["before"]["absent"]) == (20, 0)
        assert (channel["today"]["shortest"], channel["today"]["longest"]) == (3, 3)
        assert attribute(said, "shop", "order", "colour")["today"]["unknown_refused"] == 1
        # for one stream, for findings alone, and for people
        assert {one["event"] for one in schema(server, "--event", "oder")["streams"]} == {"oder"}
        assert schema(server, "--source", "nobody") | {"clock": ""} == {
            "clock": "", "definitions_version": 1, "truncated": False, "streams": [], "findings": []}
        only = schema(server, "--findings")
        assert "streams" not in only and findings(only) == findings(said)
        table = server.patron("schema").stdout
        assert "shop order: 40 events today, 5 of them refused, 70 in the 7 days before" in table
        assert "failing  shop order items: 10 % of today's values did not suit the type (4 of 40)" in table
        assert "oder (not in the definitions)" in table
        metrics = server.metrics()
        for kind, source, event, name in findings(said):
            labels = f'kind="{kind}",source="{source}",event="{event}",attribute="{name or ""}"'
            assert f"patron_schema_findings{{{labels}}} 1" in metrics.splitlines()
        assert 'patron_schema_findings_by_kind{kind="unknown"} 2' in metrics
        assert 'patron_schema_findings_by_kind{kind="silent"} 0' in metrics
        assert "patron_events_unknown_attributes_total 1\n" in metrics
        assert "patron_events_failed_attributes_total 4\n" in metrics
        assert "patron_events_unknown_types_total 1\n" in metrics
        # counters and findings outlive the process
        server.restart()
        assert findings(schema(server)) == findings(said)
        server.verify()


def test_a_source_that_has_stopped_is_named(tmp_path):
    midnight_us = today_us()
    with harness.Server(tmp_path / "server", SHOP) as server:
        week = [one for one in orders_before(midnight_us, 12) if int(one.id.split("-")[0]) > 4]
        assert applied(send(server, week, "old shop")) == len(week)
        said = schema(server, until=lambda said: said["findings"])
        assert findings(said) == {("silent", "old shop", "order", None)}


def test_a_name_full_of_quotes_makes_no_other_metrics(tmp_path):
    with harness.Server(tmp_path / "server", SHOP) as server:
        source = 'a"} 7\npatron_made_up{x="\\'
        send(server, [harness.event("order", "1", harness.now_us(), ["customer_id:a"], **{'n"}\n': 1})], source)
        schema(server, until=lambda said: said["findings"])
        lines = [line for line in server.metrics().splitlines() if line.startswith("patron_schema_findings{")]
        assert lines == [r'patron_schema_findings{kind="unknown",source="a\"} 7\npatron_made_up{x=\"\\",event="order",'
                         r'attribute="n\"}\n"} 1']


def test_wrong_usage_is_told(server):
    assert "--output is table or json, not 'csv'" in server.patron("schema", "-o", "csv", code=2).stderr
    assert "takes no arguments but flags, not 'order'" in server.patron("schema", "order", code=2).stderr


@pytest.mark.parametrize("head, words", [("", "has no attribute 'weight'"), (DROP, None), (KEEP, None)])
def test_unknown_attributes_are_refused_dropped_or_kept(tmp_path, head, words):
    now_us = harness.now_us()
    with harness.Server(tmp_path / "server", head + SHOP) as server:
        events = [order("1", now_us, decimal_amount="5", weight=2.5, gift=True), order("2", now_us, items=1)]
        answers = send(server, events)
        if words:
            assert words in refusals(answers)[0]
        assert applied(answers) == (1 if words else 2)
        again = send(server, events)
        assert sum(answer.duplicates for answer in again) == applied(answers)
        fate = {"": "refused", DROP: "dropped", KEEP: "kept"}[head]
        said = schema(server, until=lambda said: stream(said, "shop", "order") is not None and
                      stream(said, "shop", "order")["today"]["duplicates"] > 0)
        assert attribute(said, "shop", "order", "weight")["today"][f"unknown_{fate}"] == (2 if words else 1)
        server.verify()


def apply(server, text):
    messages, services = harness.generated("definitions")
    with server.channel() as channel:
        answers = list(services.DefinitionsStub(channel).ApplyDefinitions(
            messages.ApplyDefinitionsRequest(text=text.encode()), timeout=60))
    assert answers[-1].definitions_version == 2


def restart_with(server, text):
    server.definitions.write_text(text, encoding="utf-8")
    server.restart()


@pytest.mark.parametrize("change", [restart_with, apply])
def test_what_was_kept_is_history_once_it_is_declared(tmp_path, change):
    now_us = harness.now_us()
    with harness.Server(tmp_path / "server", KEEP + SHOP) as server:
        events = [
            order("1", now_us - 2 * DAY_US, decimal_amount="5", weight=2.5, gift=True),
            order("2", now_us - DAY_US, weight="heavy", gift=True),
            order("3", now_us - DAY_US, decimal_weight="1.25", gift=False),
            order("4", now_us + 600 * MICROSECONDS, weight=4, gift=True),  # waits for its time
        ]
        assert applied(send(server, events)) == 4
        server.verify()
        change(server, KEEP + LATER)
        with server.channel() as channel:
            answer = harness.get_features(channel, ["customer_id:a"], features=["orders", "revenue", "weight", "gifts"])
            assert [harness.column_values(column)[0] for column in answer.columns] == [3, 5.0, 3.75, 2]
            past = harness.get_features(
                channel, ["customer_id:a"], answer.info.as_of_us, features=["weight", "gifts"])
            assert [harness.column_values(column)[0] for column in past.columns] == [3.75, 2]
        server.verify()
        # the same events once more are the same events
        answers = send(server, [events[0], events[2], events[3]])
        assert sum(answer.duplicates for answer in answers) == 3
        assert applied(send(server, [order("5", now_us, weight=1)])) == 1
        server.verify()
        restart_with(server, KEEP + LATER)
        server.verify()
        with server.channel() as channel:
            answer = harness.get_features(channel, ["customer_id:a"], features=["weight"])
            assert harness.column_values(answer.columns[0]) == [4.75]
