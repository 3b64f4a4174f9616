"""Identity put right by hand: shown, linked, taken back, blocked, by the command line and by RPC, and what each does to
features now and to those of the past."""
import json
import threading
import time

import grpc
import pytest

import harness
from harness import DAY_US, SHOP

SHOWN = ["orders", "revenue", "channel_last", "promo_first"]


def identity(server, *arguments, code=0):
    """What `patron identity ... -o json` says."""
    words = server.patron("identity", *arguments, "-o", "json", code=code).stdout
    return json.loads(words) if words.strip() else None


def orders(*identifier_lists, prefix="o", start_us=None):
    start_us = start_us or harness.now_us() - 30 * DAY_US
    return [
        harness.event("order", f"{prefix}{at}", start_us + at * DAY_US, identifiers, amount=10.0 + at, channel="web")
        for at, identifiers in enumerate(identifier_lists)]


def send(server, events):
    with server.channel() as channel:
        answers = harness.ingest(channel, events)
        assert sum(answer.applied for answer in answers) == len(events), answers


ADA, BOB = ("email:ada@x.org", "device:d1"), ("email:bob@x.org", "device:d2")


@pytest.fixture
def two(server):
    """Ada with 10 + 12, Bob with 11 + 13."""
    send(server, orders(ADA, BOB, ADA, BOB))
    return server


def features(server, *identifiers, as_of=None):
    rows = server.get(*identifiers, service="shown", as_of=as_of)["rows"]
    return [(row["customer"], row["features"]["orders"], row["features"]["revenue"]) for row in rows]


def now(server):
    """A moment that the server has answered for."""
    return server.get("email:ada@x.org", service="shown")["as_of"]


def numbers(shown):
    return [node["node"] for node in shown["nodes"]]


# --- links and splits ------------------------------------------------------------------------------------------------

def test_a_link_by_hand_makes_two_customers_one_and_changes_no_answer_about_before(two):
    before = now(two)
    then = two.get(*ADA, *BOB, service="shown", as_of=before)
    made = identity(two, "link", ADA[0], BOB[0], "--actor", "grace", "--reason", "one household", "--service", "shown")
    assert made["fate"] == "made" and made["customer"] == 1 and made["merged"] == 3
    assert features(two, *ADA, *BOB) == [(1, 4, 46)] * 4
    assert two.get(*ADA, *BOB, service="shown", as_of=before) == then
    effect = made["effect"]
    assert [(side["customer"], side["events"], side["features"]["revenue"]) for side in effect["before"]] == [
        (1, 2, 22), (3, 2, 24)]
    assert [(side["customer"], side["events"], side["features"]["revenue"]) for side in effect["after"]] == [(1, 4, 46)]
    shown = identity(two, "show", "--id", BOB[1])
    hand = [link for link in shown["links"] if link["rule"] == "hand"]
    assert [(link["a"], link["b"], link["actor"], link["reason"]) for link in hand] == [
        (1, 3, "grace", "one household")]
    assert identity(two, "link", ADA[0], BOB[0], "--actor", "grace")["fate"] == "held"
    two.verify()


def test_a_link_taken_back_gives_each_side_its_own_and_the_next_event_does_not_bring_it_again(two):
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace")
    linked = now(two)
    then = two.get(*ADA, *BOB, service="shown", as_of=linked)
    done = identity(two, "unlink", ADA[0], BOB[0], "--actor", "grace", "--reason", "a mistake", "--service", "shown")
    assert done["closed_total"] == 1 and done["closed"][0]["until"] == done["known_at"]
    assert [side["customer"] for side in done["effect"]["after"]] == [1, 3]
    assert features(two, *ADA, *BOB) == [(1, 2, 22)] * 2 + [(3, 2, 24)] * 2
    assert two.get(*ADA, *BOB, service="shown", as_of=linked) == then
    send(two, orders((ADA[0], BOB[1]), prefix="later"))
    assert features(two, ADA[0], BOB[0]) == [(1, 3, 32), (3, 2, 24)]
    shown = identity(two, "show", "--id", ADA[0])
    assert [(dropped["why"], dropped["node"]) for dropped in shown["refusals"][0]["identifiers"]] == [("kept apart", 4)]
    assert [(node["node"], node["type"]) for node in shown["others"]] == [(3, "email"), (4, "device")]
    assert "device 4" in two.patron("identity", "show", "--id", ADA[0]).stdout
    kept = shown["separations"][0]
    assert sorted([kept["nodes"], kept["others"]]) == [[1, 2], [3, 4]] and kept["reason"] == "a mistake"
    assert identity(two, "link", ADA[0], BOB[0], "--actor", "grace", code=1)["fate"] == "refused"
    assert identity(two, "link", ADA[0], BOB[0], "--actor", "grace", "--lift")["fate"] == "made"
    two.verify()


def test_what_may_be_linked_again_is_by_the_next_event(two):
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace")
    identity(two, "unlink", "--split", BOB[0], "--split", BOB[1], "--actor", "grace", "--may-relink")
    assert features(two, ADA[0], BOB[0]) == [(1, 2, 22), (3, 2, 24)]
    send(two, orders((ADA[0], BOB[0]), prefix="later"))
    assert features(two, ADA[0], BOB[0]) == [(1, 5, 56)] * 2
    two.verify()


def test_a_dry_run_says_what_comes_of_it_and_writes_nothing(two):
    newest = two.status()["newest_known_at"]
    link = identity(two, "link", ADA[0], BOB[0], "--actor", "grace", "--dry-run", "--service", "shown")
    split = identity(two, "unlink", *ADA, "--actor", "grace", "--dry-run", "--service", "shown")
    block = identity(two, "block", ADA[1], "--actor", "grace", "--dry-run", "--service", "shown")
    assert two.status()["newest_known_at"] == newest
    assert link["fate"] == "made" and link["known_at"] is None
    assert [side["features"]["revenue"] for side in link["effect"]["after"]] == [46]
    assert [side["features"]["revenue"] for side in split["effect"]["after"]] == [22, 0]
    assert split["known_at"] is None and split["closed"][0]["rule"] == "event"
    assert [side["customer"] for side in block["effect"]["after"]] == [1, 2]
    real = identity(two, "link", ADA[0], BOB[0], "--actor", "grace", "--service", "shown")
    assert real["effect"]["after"][0]["features"] == link["effect"]["after"][0]["features"]


def test_other_links_hold_a_customer_together(two):
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace")
    identity(two, "link", ADA[1], BOB[1], "--actor", "grace")
    done = identity(two, "unlink", ADA[0], BOB[0], "--actor", "grace")
    assert done["closed_total"] == 1 and len(done["effect"]["after"]) == 1
    assert features(two, ADA[0], BOB[0]) == [(1, 4, 46)] * 2
    assert identity(two, "show", "--id", ADA[0])["separations"] == []
    done = identity(two, "unlink", ADA[1], BOB[1], "--actor", "grace")
    assert [side["customer"] for side in done["effect"]["after"]] == [1, 3]
    two.verify()


def test_an_unlink_that_parts_nothing_says_how_to_split(two):
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace")
    identity(two, "link", ADA[1], BOB[1], "--actor", "grace")
    said = two.patron("identity", "unlink", ADA[0], BOB[0], "--actor", "grace").stdout
    assert "1 link ended; others hold the customer together still, and nothing is kept apart" in said
    assert f"patron identity unlink --split {BOB[0]}\n" in said
    two.patron("identity", "unlink", "--split", BOB[0], "--actor", "grace")
    assert [row[0] for row in features(two, ADA[0], BOB[0])] == [1, 3]


def test_who_is_kept_apart_is_named(two):
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace")
    identity(two, "unlink", ADA[0], BOB[0], "--actor", "grace", "--reason", "sisters")
    shown = identity(two, "show", "--id", ADA[0])
    apart = shown["separations"][0]
    named = {node["node"]: node["type"] for node in shown["nodes"] + shown["others"]}
    assert sorted(named[node] for node in apart["nodes"] + apart["others"]) == ["device"] * 2 + ["email"] * 2
    said = two.patron("identity", "show", "--id", ADA[0]).stdout
    assert ", by grace: sisters\n    email 1, device 2\n    from email 3, device 4\n" in said, said
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace", "--lift")
    told = two.patron("identity", "history", "--id", ADA[0]).stdout
    assert "separated        email 1, device 2 from email 3, device 4\n" in told, told
    assert "separation ended email 1, device 2 from email 3, device 4\n" in told, told


def test_text_of_others_does_not_act_on_a_terminal(two):
    actor, reason = "gr\x1b[2Jace", "a\nb\u009b31m\u202e"
    identity(two, "link", ADA[0], BOB[0], "--actor", actor, "--reason", reason)
    for part in ("show", "history"):
        said = two.patron("identity", part, "--id", ADA[0]).stdout
        assert r"gr\x1b[2Jace: a\nb\u009b31m\u202e" in said and "\x1b" not in said and "\u009b" not in said
    shown = identity(two, "show", "--id", ADA[0])
    assert [(link["actor"], link["reason"]) for link in shown["links"] if link["actor"]] == [(actor, reason)]


def test_what_a_split_did_is_told_though_the_next_event_undoes_it(two):
    stop = threading.Event()
    failures = []

    def stream():
        at = 0
        while not stop.is_set():
            send(two, orders(ADA, prefix=f"again{at}-"))
            at += 1

    def watched():
        try:
            stream()
        except Exception as failure:  # pylint: disable=broad-exception-caught
            failures.append(failure)

    thread = threading.Thread(target=watched)
    thread.start()
    try:
        for _ in range(25):
            done = identity(two, "unlink", "--split", ADA[1], "--actor", "grace", "--may-relink", "--service", "shown")
            before, after = done["effect"]["before"], done["effect"]["after"]
            assert [side["customer"] for side in after] == [1, 2]
            assert sum(side["events"] for side in after) == before[0]["events"]
            assert sum(side["features"]["orders"] or 0 for side in after) == before[0]["features"]["orders"]
            assert [len(side["identifiers"]) for side in before + after] == [2, 1, 1]
            send(two, orders(ADA, prefix=f"tie{done['known_at']}"))
    finally:
        stop.set()
        thread.join()
    assert not failures
    two.verify()


def test_an_unlink_lists_what_was_refused_while_the_link_held(two):
    send(two, orders(("customer_id:7", "email:ada@x.org"), ("customer_id:8", "email:bob@x.org"), prefix="known"))
    assert features(two, ADA[0], BOB[0]) == [(1, 3, 32), (3, 3, 35)]
    send(two, orders(("customer_id:9", "email:ada@x.org"), prefix="before"))
    identity(two, "unlink", "customer_id:7", "email:ada@x.org", "--actor", "grace", "--may-relink")
    identity(two, "link", ADA[0], "customer_id:7", "--actor", "grace")
    send(two, orders(("customer_id:10", "email:ada@x.org"), prefix="while"))
    done = identity(two, "unlink", ADA[0], "customer_id:7", "--actor", "grace")
    assert [refusal["identifiers"][0]["why"] for refusal in done["refusals"]] == ["too many of its type"]
    assert done["oldest_closed"] <= done["refusals"][0]["known_at"]


# --- blocking --------------------------------------------------------------------------------------------------------

def test_a_blocked_identifier_links_nothing_until_it_is_unblocked(two):
    send(two, orders(("email:eve@x.org", "device:d1"), prefix="eve"))
    assert features(two, ADA[0], "email:eve@x.org") == [(1, 3, 32)] * 2
    before = now(two)
    done = identity(two, "block", "device:d1", "--actor", "grace", "--reason", "the shop's tablet")
    assert done["closed_total"] == 2 and len(done["effect"]["after"]) == 3
    assert features(two, ADA[0], "email:eve@x.org") == [(1, 2, 22), (5, 1, 10)]
    shown = identity(two, "show", "--id", "device:d1")
    assert shown["nodes"][0]["blocked"] and shown["links"] == []
    assert not identity(two, "show", "--id", "device:d1", "--as-of", before)["nodes"][0]["blocked"]
    send(two, orders(("email:eve@x.org", "device:d1"), prefix="again"))
    assert identity(two, "show", "--id", "email:eve@x.org")["nodes"][0]["node"] == 5
    assert identity(two, "show", "--id", "device:d1")["links"] == []
    assert identity(two, "link", "device:d1", ADA[0], "--actor", "grace", code=1)["why"] == "blocked"
    assert identity(two, "unblock", "device:d1", "--actor", "grace")["known_at"]
    send(two, orders(("email:eve@x.org", "device:d1"), prefix="free"))
    assert numbers(identity(two, "show", "--id", "device:d1")) == [2, 5]
    two.verify()


def wait_for(check, seconds=30):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_the_definitions_come_to_block_loses_its_links_by_itself(tmp_path):
    kept = SHOP.replace("device: {max: 20}", "device: {max: 20, keep: true}")
    with harness.Server(tmp_path / "server", kept) as server:
        send(server, orders(ADA, ("email:eve@x.org", "device:d1"), BOB, ("email:test@x.org", "device:test-7")))
        before = now(server)
        shown = identity(server, "show", "--id", "device:test-7")
        assert [node["value"] for node in shown["nodes"]] == [None, "test-7"]
        blocking = kept.replace(
            "keep: true}", "keep: true, never_link: [d1], never_link_matching: ['^test-[0-9]+$']}")
        changed = server.folder / "changed.yaml"
        changed.write_text(blocking, encoding="utf-8")
        server.patron("definitions", "apply", changed, "--force")
        wait_for(lambda: all(identity(server, "show", "--id", name)["nodes"][0]["blocked"]
                             for name in ("device:d1", "device:test-7")))
        for name in ("device:d1", "device:test-7"):
            assert identity(server, "show", "--id", name)["links"] == []
        assert numbers(identity(server, "show", "--id", ADA[0], "--as-of", before)) == [1, 2, 3]
        assert numbers(identity(server, "show", "--id", BOB[0])) == [4, 5]
        lines = server.patron("identity", "history", "--id", "device:test-7", "-o", "json").stdout.splitlines()
        last = json.loads(lines[-1])
        assert last["reason"] == "blocked by version 2 of the definitions" and last["actor"] == ""
        for name in ("device:d1", "device:test-7"):
            words = server.patron("identity", "unblock", name, "--actor", "grace", code=1).stderr
            assert "version 2 of the definitions blocks" in words
        assert identity(server, "link", "device:test-7", ADA[0], "--actor", "grace", code=1)["why"] == "blocked"
        server.verify()


# --- shown -----------------------------------------------------------------------------------------------------------

def test_a_customer_is_shown_as_it_was_at_any_moment(two):
    before = now(two)
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace")
    linked = now(two)
    identity(two, "unlink", ADA[0], BOB[0], "--actor", "grace")
    assert numbers(identity(two, "show", "--customer", "1", "--as-of", before)) == [1, 2]
    shown = identity(two, "show", "--id", BOB[0], "--as-of", linked)
    assert numbers(shown) == [1, 2, 3, 4] and [link["until"] for link in shown["links"]] == [None] * 3
    assert not any(node["separated"] for node in shown["nodes"])
    assert numbers(identity(two, "show", "--customer", "3")) == [3, 4]
    words = two.patron("identity", "show", "--customer", "3", "--as-of", linked, code=1).stderr
    assert "customer 1's then" in words
    assert "not known yet" in two.patron("identity", "show", "--id", ADA[0], "--as-of", "2020-01-01", code=1).stderr
    assert two.patron("identity", "show", "--id", ADA[0]).stdout.startswith("customer 1 as of ")
    assert two.patron("identity", "show", "--id", ADA[0], "-o", "csv").stdout.count("\n") == 3


def history(server, *arguments):
    lines = server.patron("identity", "history", *arguments, "-o", "json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_a_history_tells_what_happened_in_order_and_the_same_in_pages(two):
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace", "--reason", "one")
    identity(two, "unlink", ADA[0], BOB[0], "--actor", "alan", "--reason", "two")
    identity(two, "block", BOB[1], "--actor", "alan")
    moments = history(two, "--id", BOB[0])
    told = [[fact["what"] for fact in moment["facts"]] for moment in moments]
    assert told == [["came", "linked"], ["merged", "linked"], ["split", "unlinked", "separated"], ["split", "unlinked"]]
    assert [moment["actor"] for moment in moments] == ["", "grace", "alan", "alan"]
    assert [moment["known_at"] for moment in moments] == sorted(moment["known_at"] for moment in moments)
    assert moments[1]["facts"][0] == dict(moments[1]["facts"][0], from_customer=3, customer=1, count=1)
    assert [fact["what"] for fact in history(two, "--id", BOB[1])[-1]["facts"]] == ["split", "unlinked", "blocked"]
    messages, services = harness.generated("identity")
    with two.channel() as channel:
        client, pages, after = services.IdentityStub(channel), [], 0
        while after or not pages:
            page = client.History(messages.IdentityHistoryRequest(node=3, after_us=after, page_size=1), timeout=30)
            pages.append(page)
            after = page.next_us
    assert [moment.known_at_us for page in pages for moment in page.moments] == [
        harness.time_of(moment["known_at"]) for moment in moments]
    assert two.patron("identity", "history", "--id", BOB[0]).stdout.count("linked") == 4


# --- what is refused -------------------------------------------------------------------------------------------------

def test_bad_requests_are_refused_in_words(two):
    messages, services = harness.generated("identity")

    def name(text):
        return messages.NodeName(identifier=harness.identifiers_of(text)[0])

    with two.channel() as channel:
        client = services.IdentityStub(channel)
        good = {"a": name(ADA[0]), "b": name(BOB[0]), "actor": "grace"}
        invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
        cases = [
            (client.Show, messages.ShowIdentityRequest(), invalid, "whose identity"),
            (client.Show, messages.ShowIdentityRequest(customer=99), missing, "no customer 99"),
            (client.Show, messages.ShowIdentityRequest(identifier=harness.identifiers_of("email:no@x.org")[0]), missing,
             "no event has ever brought"),
            (client.Show, messages.ShowIdentityRequest(identifier=harness.identifiers_of("mail:no@x.org")[0]), invalid,
             "unknown identifier type"),
            (client.Show, messages.ShowIdentityRequest(customer=1, as_of_us=2**62), grpc.StatusCode.OUT_OF_RANGE,
             "not known yet"),
            (client.History, messages.IdentityHistoryRequest(customer=1, page_size=5000), invalid, "at most 1000"),
            (client.Link, messages.LinkIdentityRequest(**dict(good, actor="")), invalid, "who"),
            (client.Link, messages.LinkIdentityRequest(**dict(good, actor="x" * 257)), invalid, "256"),
            (client.Link, messages.LinkIdentityRequest(**dict(good, reason="x" * 1001)), invalid, "1000"),
            (client.Link, messages.LinkIdentityRequest(**dict(good, b=name(ADA[0]))), invalid, "two ends"),
            (client.Link, messages.LinkIdentityRequest(a=name(ADA[0]), actor="grace"), invalid, "missing"),
            (client.Link, messages.LinkIdentityRequest(**dict(good, b=messages.NodeName(node=77))), missing,
             "number 77"),
            (client.Link, messages.LinkIdentityRequest(**dict(good, service="nothing")), invalid, "nothing"),
            (client.Unlink, messages.UnlinkIdentityRequest(**good), grpc.StatusCode.FAILED_PRECONDITION,
             "one customer"),
            (client.Unlink, messages.UnlinkIdentityRequest(actor="grace"), invalid, "either"),
            (client.Unlink, messages.UnlinkIdentityRequest(split=[name(text) for text in ADA], actor="grace"), invalid,
             "all"),
            (client.Unblock, messages.UnblockIdentityRequest(node=name(ADA[0]), actor="grace"),
             grpc.StatusCode.FAILED_PRECONDITION, "not blocked"),
        ]
        for call, request, status, words in cases:
            with pytest.raises(grpc.RpcError) as refused:
                call(request, timeout=30)
            assert (refused.value.code(), words in refused.value.details()) == (status, True), (
                request, refused.value)
    assert features(two, *ADA, *BOB) == [(1, 2, 22)] * 2 + [(3, 2, 24)] * 2
    identity(two, "link", ADA[0], BOB[0], "--actor", "grace")
    assert "no link holds" in two.patron("identity", "unlink", ADA[1], BOB[1], "--actor", "grace", code=1).stderr
    for usage in (["link", ADA[0]], ["unlink", ADA[0]], ["show"], ["show", "--id", "x"], ["history", "--customer", "0"],
                  ["link", *ADA, "-o", "xml"]):
        two.patron("identity", *usage, code=2)


# --- a large customer ------------------------------------------------------------------------------------------------

LARGE = 60_000


class Reader(threading.Thread):
    """Reads the same customer over and over, and keeps the longest time that took."""

    def __init__(self, server, identifier):
        super().__init__()
        self.server, self.identifier, self.over = server, identifier, threading.Event()
        self.longest_s, self.reads, self.failure = 0.0, 0, None

    def run(self):
        try:
            with self.server.channel() as channel:
                while not self.over.is_set():
                    begun = time.monotonic()
                    harness.get_features(channel, [self.identifier], service="shown")
                    self.longest_s = max(self.longest_s, time.monotonic() - begun)
                    self.reads += 1
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure


def test_a_large_customer_is_split_while_it_is_read_and_written(server):
    start_us = harness.now_us() - 3000 * DAY_US
    with server.channel() as channel:
        for begin in range(0, LARGE, 10_000):
            harness.ingest(channel, [
                harness.event("order", f"big{at}", start_us + at * DAY_US // 30, ["device:till"], amount=1.0)
                for at in range(begin, begin + 10_000)], batch_size=5000)
    send(server, orders(("email:ada@x.org", "device:till")))
    assert features(server, "email:ada@x.org")[0][1] == LARGE + 1
    reader = Reader(server, "device:till")
    reader.start()
    stop = threading.Event()

    def write():
        at = 0
        with server.channel() as channel:
            while not stop.is_set():
                at += 1
                harness.ingest(channel, [harness.event("order", f"w{at}", harness.now_us() - DAY_US, ["device:till"],
                                                       amount=1.0)])
        written.append(at)

    written = []
    writer = threading.Thread(target=write)
    writer.start()
    done = identity(server, "unlink", "--split", "device:till", "--actor", "grace", "--service", "shown")
    stop.set()
    writer.join()
    reader.over.set()
    reader.join()
    assert reader.failure is None and reader.reads > 0
    print(f"{reader.reads} reads meanwhile, the longest {reader.longest_s * 1000:.1f} ms")
    assert [side["customer"] for side in done["effect"]["after"]] == [1, 2]
    [ada, till] = features(server, "email:ada@x.org", "device:till")
    assert ada[1] == 1 and till[1] == LARGE + written[0]
    server.verify()
