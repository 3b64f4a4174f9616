"""Definitions applied to a running server: what it says, what it serves before, meanwhile and after, also through a
crash; older versions asked for by number; versions listed and dropped."""
import json
import re
import threading
import time

import pytest

import harness
import shop
from harness import SHOP

CUSTOMERS = 300
EVENTS = 6000

# More of what is there, a window that there was none of, and what is worked out from them.
GROWN = SHOP.replace("services:\n", """\
  sessions: {of: session, count: true}
  pages_14d: {of: session, sum: pages, window: 14d}
  spread: {of: order, stddev: amount, window: 90d}
derived:
  aov: revenue / orders
services:
  grown: [orders, sessions, pages_14d, spread, aov]
""", 1)
NAMES = ["orders", "sessions", "pages_14d", "spread", "aov"]


class Load(threading.Thread):
    """Sends event after event until it is left."""

    def __init__(self, server, events):
        super().__init__()
        self.server, self.events, self.over, self.sent, self.failure = server, events, threading.Event(), 0, None

    def run(self):
        try:
            with self.server.channel() as channel:
                for at in range(0, len(self.events), 20):
                    if self.over.is_set():
                        return
                    answers = harness.ingest(channel, self.events[at:at + 20])
                    assert sum(answer.applied for answer in answers) == len(self.events[at:at + 20]), answers
                    self.sent = at + 20
                    time.sleep(0.002)
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        self.over.set()
        self.join()
        assert kind or self.failure is None, self.failure


def history():
    now_us = harness.now_us()
    return shop.events(7, CUSTOMERS, EVENTS, *shop.history_window(now_us))


def send(server, events):
    with server.channel() as channel:
        for answer in harness.ingest(channel, events):
            assert not answer.refusals, answer.refusals[:3]


def columns(server, as_of_us=None, **what):
    """By name, the values of the first fifty customers; and the answer itself."""
    names = shop.customer_names(50)
    with server.channel() as channel:
        reply = harness.get_features(channel, names, as_of_us, **what)
    return {column.name: harness.column_values(column) for column in reply.columns}, reply


def write(folder, text, name="new.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def applied(server, path, *flags):
    return json.loads(server.patron("definitions", "apply", path, "-o", "json", *flags).stdout)


def versions(server):
    listed = json.loads(server.patron("definitions", "versions", "-o", "json").stdout)
    return {one["version"]: one for one in listed}


def test_features_are_filled_while_events_come_in_and_equal_those_of_a_store_that_had_them_all_along(tmp_path):
    events = history()
    half = len(events) // 2
    with harness.Server(tmp_path / "one", SHOP) as server, harness.Server(tmp_path / "other", GROWN) as other:
        path = write(tmp_path, GROWN)
        send(server, events[:half])
        before, _ = columns(server, service="churn")
        done = server.patron("definitions", "apply", path, "--dry-run")
        assert "+ derived feature aov" in done.stdout
        assert done.stdout.endswith("applying it would fold the stored events again, in the background\n")
        assert list(versions(server)) == [1]
        with Load(server, events[half:]) as load:
            while load.sent == 0 and not load.failure:
                time.sleep(0.01)
            said = applied(server, path)
            load.join()
        assert said["serves"] and said["refill"] and not said["unchanged"] and said["version"] == 2
        assert said["customers_folded"] >= CUSTOMERS * 0.9 and said["events_folded"] >= half
        assert {"kind": "added", "what": "feature", "name": "spread"}.items() <= {
            key: change[key] for change in said["changes"] if change["name"] == "spread"
            for key in ("kind", "what", "name")}.items()
        send(other, events)
        server.verify()
        as_of_us = harness.now_us()
        mine, reply = columns(server, as_of_us, features=NAMES)
        theirs, _ = columns(other, as_of_us, features=NAMES)
        assert mine == theirs and reply.info.definitions_version == 2
        assert any(value for value in mine["spread"]) and any(value for value in mine["pages_14d"])
        now, reply = columns(server, features=NAMES)
        assert now["orders"] == theirs["orders"] and reply.info.definitions_version == 2
        # the columns of the first version are there as they were
        old, reply = columns(server, service="churn", definitions_version=1)
        assert reply.info.definitions_version == 1 and set(old) == set(before)
        assert versions(server)[1]["state"] == "kept" and versions(server)[2]["state"] == "serving"
        assert applied(server, path)["unchanged"]
        metrics = server.metrics().splitlines()
        for line in ("patron_refills_total 1", "patron_refill_identifiers_left 0", "patron_refill_events_behind 0",
                     "patron_refill_failed 0"):
            assert line in metrics, metrics


def test_a_version_that_profiles_do_for_serves_at_once(tmp_path):
    with harness.Server(tmp_path, SHOP) as server:
        send(server, history()[:500])
        renamed = SHOP.replace("  shown:", "  few: [orders]\n  shown:")
        done = server.patron("definitions", "apply", write(tmp_path, renamed))
        assert done.stdout.endswith("version 2 serves\n"), done.stdout
        assert columns(server, service="few")[1].info.definitions_version == 2
        server.verify()


def test_a_refill_that_was_killed_goes_on_after_the_start(tmp_path):
    now_us = harness.now_us()
    events = shop.events(8, 3000, 16000, *shop.history_window(now_us))
    messages, services = harness.generated("definitions")
    with harness.Server(tmp_path, SHOP) as server:
        send(server, events[:15000])
        text = GROWN
        for attempt in range(8):  # the process may be quicker than we are
            with server.channel() as channel:
                request = messages.ApplyDefinitionsRequest(text=text.encode())
                answers = services.DefinitionsStub(channel).ApplyDefinitions(request, timeout=60)
                assert next(answers).refill
                server.kill()
            server.start()
            columns(server, service="churn")
            send(server, events[15000 + 100 * attempt:15100 + 100 * attempt])
            said = applied(server, write(tmp_path, text))
            assert said["unchanged"] and said["version"] == attempt + 2 and (said["serves"] or not said["refill"])
            server.verify()
            if " is filled further " in server.words():
                break
            more = f"  more_{attempt}: {{of: order, sum: items, window: {20 + attempt}d}}\n"
            text = text.replace("derived:", more + "derived:")
        assert " is filled further " in server.words(), "no attempt was cut off"
        # the file it was started with is an older version's: it stays as it is, and is told
        assert "the definitions file is version 1 of the store" in server.words()
        assert columns(server, features=NAMES)[1].info.definitions_version == max(versions(server))


def test_versions_are_asked_for_by_number_and_dropped(tmp_path):
    with harness.Server(tmp_path, SHOP) as server:
        send(server, history()[:1000])
        as_of_us = harness.now_us()
        before, _ = columns(server, as_of_us, service="churn")
        for number in (1, 2, 3):
            text = SHOP.replace("services:", f"  more: {{of: order, count: true, window: {number}d}}\nservices:")
            applied(server, write(tmp_path, text))
        assert columns(server, as_of_us, service="churn", definitions_version=1)[0] == before
        got = json.loads(server.patron("get", "--features", "more", "--id", "customer_id:c00001", "-o", "json",
                                       "--definitions-version", "2").stdout)
        assert got["definitions_version"] == 2
        taken = tmp_path / "old.parquet"
        server.patron("snapshot", "--service", "churn", "--at", harness.time_text(as_of_us), "-o", taken,
                      "--definitions-version", "1")
        import pyarrow.parquet
        assert pyarrow.parquet.read_schema(taken).metadata[b"patron.definitions_version"] == b"1"
        shown = server.patron("definitions", "show", "--version", "1", "-o", "yaml").stdout
        assert shown == SHOP
        assert versions(server)[1]["asked"] >= 2
        said = server.patron("get", "--features", "more", "--id", "customer_id:c00001", "--definitions-version", "1",
                             code=1).stderr
        assert "unknown feature 'more'" in said
        assert server.patron("definitions", "drop", "2").stdout == "version 2 is dropped\n"
        for number, words in (
                ("2", "was dropped already"), ("4", "is the one that serves"), ("9", "there are 1, 3, 4")):
            assert words in server.patron("definitions", "drop", number, code=1).stderr
        said = server.patron("get", "--service", "churn", "--id", "customer_id:c00001", "--definitions-version", "2",
                             code=1).stderr
        assert "version 2 of the definitions was dropped; there are 1, 3, 4" in said
        server.restart()
        assert [one["state"] for one in versions(server).values()] == ["kept", "dropped", "kept", "serving"]
        assert "dropped" in server.patron("definitions", "versions").stdout


@pytest.mark.parametrize("change, words", [
    (lambda text: text.replace("  orders_90d: {of: order, count: true, window: 90d}\n", ""), "service 'churn'"),
    (lambda text: text.replace("  session: {pages: integer}\n", "").replace("sessions_7d, ", "")
     .replace("  sessions_7d: {of: session, count: true, window: 7d}\n", ""), "apply --force"),
    (lambda text: text.replace("items: integer", "items: string"), "apply --force"),
    (lambda text: text + "nonsense: 1\n", "nonsense"),
    (lambda text: "", "empty"),
])
def test_what_would_break_is_refused_and_changes_nothing(tmp_path, change, words):
    with harness.Server(tmp_path, SHOP) as server:
        send(server, history()[:200])
        path = write(tmp_path, change(SHOP))
        for flags in ((), ("--dry-run",)):
            said = server.patron("definitions", "apply", path, *flags, code=1).stderr
            assert words in said
            if path.read_text():  # as check names places
                assert re.match(rf"{re.escape(str(path))}:\d+:\d+: ", said), said
        assert list(versions(server)) == [1]


def test_a_file_at_start_that_must_be_forced_says_how_and_that_works(tmp_path):
    with harness.Server(tmp_path, SHOP.replace("  session: {", "  nps: {score: integer}\n  session: {")) as server:
        send(server, history()[:200])
        server.kill()
        server.definitions.write_text(SHOP, encoding="utf-8")
        code, words = server.refused_start()
        assert code == 1 and "event 'nps' is gone, and events of it may be stored" in words
        assert "start without --definitions, which serves version 1, and then: patron definitions apply FILE" in words
        with_file = server.command()
        server.command = lambda: [word for word in with_file if word not in ("--definitions", str(server.definitions))]
        server.start()
        assert applied(server, server.definitions, "--force")["serves"]
        server.verify()


def test_a_file_of_a_dropped_version_does_not_come_back_and_one_that_is_new_is_told(tmp_path):
    with harness.Server(tmp_path, SHOP) as server:
        send(server, history()[:200])
        assert applied(server, write(tmp_path, GROWN))["serves"]
        server.patron("definitions", "drop", "1")
        server.kill()
        server.start()
        assert list(versions(server)) == [1, 2]
        assert "the definitions file is version 1 of the store, dropped since, which has gone on to version 2" \
            in server.words()
        server.definitions.write_text(SHOP.replace("services:", "  carts: {of: order, sum: items}\nservices:", 1),
                                      encoding="utf-8")
        server.restart()
        assert list(versions(server)) == [1, 2, 3]
        assert "is version 3 now, against version 2: feature carts added" in server.words()


def test_forced_definitions_leave_out_what_is_gone_and_old_versions_have_it_still(tmp_path):
    with harness.Server(tmp_path, SHOP) as server:
        send(server, history()[:1000])
        as_of_us = harness.now_us()
        before, _ = columns(server, as_of_us, features=["sessions_7d", "orders"])
        text = SHOP.replace("  session: {pages: integer}\n", "").replace("sessions_7d, ", "").replace(
            "  sessions_7d: {of: session, count: true, window: 7d}\n", "")
        said = applied(server, write(tmp_path, text), "--force")
        assert said["serves"] and any(change["breaking"] for change in said["changes"])
        server.verify()
        assert columns(server, as_of_us, features=["sessions_7d", "orders"], definitions_version=1)[0] == before
        server.restart()
        server.verify()
