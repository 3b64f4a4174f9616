"""No leak through identity: what was answered as of T is answered again, to the byte, after any later merge, link,
split, block, verdict, rule or late event. Reads, snapshots, what identity shows and its history."""
import json
import random

import grpc
import pyarrow.parquet as parquet
import pytest

import harness
from harness import DAY_US

RULES = {"customer_id": "unique: true, keep: true", "email": "max: 8, normalize: email, keep: true",
         "device": "max: 12, weak: true, keep: true", "ip": "link: false"}
IDENTITY = "{value: revenue, review_either: 4000, second_person: 9000, max_size: 40, review_bridge: 6}"


def definitions(rules, identity=IDENTITY):
    return "\n".join([
        "currency: EUR", "identifiers:", *(f"  {name}: {{{rule}}}" for name, rule in rules.items()), """\
events:
  order: {amount: money, channel: string}
  session: {pages: integer}
features:
  orders: {of: order, count: true}
  revenue: {of: order, sum: amount}
  revenue_90d: {of: order, sum: amount, window: 90d}
  channel_last: {of: order, last: channel}
  channels: {of: order, distinct: channel}
  days_since_order: {of: order, age: last, unit: day}
  sessions_30d: {of: session, count: true, window: 30d}
  rfm: {of: order, rfm: amount}
services:
  shown: [orders, revenue, revenue_90d, channel_last, channels, days_since_order, sessions_30d, rfm]""",
        f"identity: {identity}", ""])


def identity(server, *arguments, code=0):
    words = server.patron("identity", *arguments, "-o", "json", code=code).stdout
    return json.loads(words) if words.strip() else None


def send(server, events, source="test"):
    with server.channel() as channel:
        for answer in harness.ingest(channel, events, source=source):
            assert not answer.refusals, answer.refusals


def moment(server):
    """A T that the server has answered for, in microseconds."""
    with server.channel() as channel:
        return harness.get_features(channel, ["email:nobody@x.org"], service="shown").info.as_of_us


# --- what is asked again ---------------------------------------------------------------------------------------------

class Answers:
    """All that can be asked as of one T."""

    def __init__(self, server, folder, names, at_us):
        self.folder, self.names, self.at_us = folder, names, at_us
        self.spine = folder / f"spine-{at_us}.csv"
        with open(self.spine, "w", encoding="utf-8") as file:
            file.write("kind_email,kind_device,kind_customer_id,at\n")
            for number, name in enumerate(names):
                kind, value = name.split(":", 1)
                if kind == "ip":
                    continue
                cells = [value if kind == other else "" for other in ("email", "device", "customer_id")]
                # A day before as well, at which some were not known.
                file.write(",".join([*cells, harness.time_text(at_us - DAY_US * (number % 2))]) + "\n")
        self.first = self.ask(server)

    def ask(self, server, *version):
        return {"every": self.snapshot(server, "every", "--at", harness.time_text(self.at_us), *version),
                "spine": self.snapshot(server, "spine", "--spine", self.spine, "--spine-time", "at",
                                       "--spine-identifier", "email=kind_email", "--spine-identifier",
                                       "device=kind_device", "--spine-identifier", "customer_id=kind_customer_id",
                                       *version),
                "reads": self.reads(server, *version), "identity": self.identity(server)}

    def snapshot(self, server, name, *flags):
        """The file's bytes, but for the position that it names: that is where it was taken."""
        out = self.folder / f"{name}.parquet"
        server.patron("snapshot", "--service", "shown", "--money", "decimal", *flags, "-o", out)
        notes = parquet.ParquetFile(out).metadata.metadata
        position = notes[b"patron.position_us"]
        whole = out.read_bytes()
        assert len(position) == 16 and position in whole
        return whole.replace(position, b"0" * len(position))

    def reads(self, server, *version):
        fields = {"definitions_version": int(version[1])} if version else {}
        with server.channel() as channel:
            reply = harness.get_features(channel, self.names, as_of_us=self.at_us, service="shown", **fields)
        reply.info.definitions_version = 0
        return reply.SerializeToString(deterministic=True)

    def identity(self, server):
        """What is shown of each identifier, and its whole history. How often evidence has come is told as of now."""
        messages, services = harness.generated("identity")
        answers = {}
        with server.channel() as channel:
            client = services.IdentityStub(channel)
            for name in self.names:
                who = {"identifier": harness.identifiers_of(name)[0], "as_of_us": self.at_us}
                try:
                    shown = client.Show(messages.ShowIdentityRequest(**who), timeout=30)
                    for counted in (*shown.links, *shown.items):
                        counted.count = 0
                    told = client.History(messages.IdentityHistoryRequest(**who, page_size=1000), timeout=30)
                    assert told.next_us == 0
                    assert all(past.known_at_us < self.at_us for past in told.moments)
                    answers[name] = [shown, told]
                except grpc.RpcError as failed:
                    answers[name] = failed.code()
        return answers

    def same_again(self, server, after, *version):
        now = self.ask(server, *version)
        for name, told in self.first["identity"].items():
            assert now["identity"][name] == told, (after, self.at_us, name, told, now["identity"][name])
        for what in ("reads", "every", "spine"):
            if what == "reads" or version or not self.version_differs(server):
                assert now[what] == self.first[what], (after, self.at_us, what)

    @staticmethod
    def version_differs(server):
        return server.status()["definitions_version"] != 1


# --- a world that changes --------------------------------------------------------------------------------------------

PEOPLE = 30


class World:
    def __init__(self, server, seed):
        self.server, self.random, self.count = server, random.Random(seed), 0
        self.names = [f"email:p{n}@x.org" for n in range(PEOPLE)] + [f"device:d{n}" for n in range(PEOPLE)] + [
            f"customer_id:{n}" for n in range(PEOPLE // 2)] + ["ip:10.0.0.1", "email:nobody@x.org"]

    def event(self, *who, amount=None):
        self.count += 1
        day = self.random.randrange(1, 200)
        time_us = harness.now_us() - day * DAY_US - self.random.randrange(DAY_US)
        if self.random.random() < 0.3 and amount is None:
            return harness.event("session", f"s{self.count}", time_us, who, pages=self.random.randrange(9))
        return harness.event("order", f"o{self.count}", time_us, who, channel=self.random.choice(["web", "shop"]),
                             amount=amount or float(self.random.randrange(1, 300)))

    def own(self, n):
        return [f"email:p{n}@x.org", f"device:d{n}"] + ([f"customer_id:{n}"] if n % 5 == 0 else [])

    def traffic(self, count, cross):
        """Events of one person each, and of two where they share something."""
        events = []
        for _ in range(count):
            n, other = self.random.randrange(PEOPLE), self.random.randrange(PEOPLE)
            who = self.random.sample(self.own(n), self.random.randrange(1, 3))
            if self.random.random() < cross:
                who.append(self.random.choice(self.own(other)))
            if self.random.random() < 0.1:
                who.append("ip:10.0.0.1")
            events.append(self.event(*dict.fromkeys(who)))
        with self.server.channel() as channel:
            for answer in harness.ingest(channel, events):
                assert all("blocked" in refusal.reason for refusal in answer.refusals), answer.refusals

    def change(self, *arguments, code=None):
        return self.server.patron("identity", *arguments, "--actor", "grace", "-o", "json", code=code).stdout

    def links_by_hand(self):
        fates = []
        for _ in range(12):
            a, b = self.random.sample(range(PEOPLE), 2)
            made = self.change("link", f"email:p{a}@x.org", f"email:p{b}@x.org")
            fates.append(json.loads(made)["fate"] if made else "error")
        assert "made" in fates, fates

    def splits(self):
        done = 0
        for n in range(PEOPLE):
            flags = ["--may-relink"] if n % 3 == 0 else []
            split = self.change("unlink", "--split", f"email:p{n}@x.org", *flags)
            done += bool(split and len(json.loads(split)["effect"]["after"]) > 1)
        assert done > 2, done

    def relinks(self):
        """What the splits parted is linked again, and no longer kept apart."""
        lifted = [self.change("link", f"email:p{n}@x.org", f"device:d{n}", "--lift") for n in range(PEOPLE)]
        assert sum(bool(made) and json.loads(made)["fate"] == "made" for made in lifted) > 2, lifted

    def blocks(self):
        for n in range(0, PEOPLE, 4):
            self.change("block", f"device:d{n}")
        self.change("unblock", "device:d4", code=0)

    def verdicts(self):
        for n in range(5):  # those worth more wait
            who = f"email:p{n}@x.org"
            send(self.server, [self.event(who, amount=4200.0 if n % 2 else 9100.0)])
            self.change("link", who, f"email:p{n + 10}@x.org")
            send(self.server, [self.event(who, f"email:p{n + 20}@x.org")])
        items = [json.loads(line) for line in
                 self.server.patron("identity", "review", "list", "-o", "json").stdout.splitlines()]
        assert len(items) >= 4, items
        decided = set()
        for number, item in enumerate(items[:-1]):
            if number % 3 == 2:
                decided.add(self.server.patron("identity", "review", "reject", item["item"], "--actor", "alan",
                                               code=None).returncode == 0 and "rejected")
                continue
            for actor in ("alan", "ada"):
                done = self.server.patron("identity", "review", "approve", item["item"], "--actor", actor, "--yes",
                                          code=None)
                decided.add(done.returncode == 0 and "approved")
        assert {"approved", "rejected"} <= decided, decided

    def rules(self):
        """Other maxima, and values that are not to link any more: their links end by themselves."""
        changed = dict(RULES, email="max: 2, normalize: email, keep: true, never_link: [p1@x.org]",
                       device="max: 3, weak: true, keep: true, never_link_matching: ['^d2[0-9]$']")
        path = self.server.folder / "changed.yaml"
        path.write_text(definitions(changed, "{value: revenue, review_either: 100, max_size: 12}"), encoding="utf-8")
        self.server.patron("definitions", "apply", path, "--force")
        deadline = harness.now_us() + 30 * harness.MICROSECONDS
        while True:
            shown = [identity(self.server, "show", "--id", name)["nodes"] for name in ("email:p1@x.org", "device:d21")]
            if all(len(nodes) == 1 and nodes[0]["blocked"] for nodes in shown):
                return
            assert harness.now_us() < deadline, shown


@pytest.mark.parametrize("seed", [1])
def test_every_answer_about_the_past_stays_whatever_happens_to_identities(tmp_path, seed):
    with harness.Server(tmp_path / "server", definitions(RULES)) as server:
        world = World(server, seed)
        world.traffic(150, 0.05)
        asked = []
        stages = [("events that bring others together", lambda: world.traffic(150, 0.1)),
                  ("links by hand", world.links_by_hand), ("splits", world.splits),
                  ("links that end what kept apart", world.relinks), ("blocks", world.blocks),
                  ("verdicts", world.verdicts), ("more events", lambda: world.traffic(200, 0.1)),
                  ("other rules", world.rules), ("events under other rules", lambda: world.traffic(100, 0.2))]
        for number, (words, stage) in enumerate(stages):
            asked.append(Answers(server, tmp_path, world.names, moment(server)))
            assert len(asked) < 2 or asked[-1].first["reads"] != asked[-2].first["reads"]
            stage()
            # The first and the last are asked again after each stage, all of them at the end.
            for answers in [asked[0]] + asked[1:][-1:]:
                if number < 7:
                    answers.same_again(server, words)
        for answers in asked:
            answers.same_again(server, "all")
        for answers in asked[:8:2]:
            answers.same_again(server, "all, by the version of then", "--definitions-version", "1")
        server.verify()
        server.restart()
        asked[3].same_again(server, "a new start", "--definitions-version", "1")
        asked[4].same_again(server, "a new start")


# --- rule by rule ----------------------------------------------------------------------------------------------------

@pytest.fixture
def shop(tmp_path):
    with harness.Server(tmp_path / "server", definitions(RULES)) as server:
        yield server


def order(name, days_ago, *who, amount=10.0, channel="web"):
    return harness.event("order", name, harness.now_us() - days_ago * DAY_US, who, amount=amount, channel=channel)


ADA, BOB = ["email:ada@x.org", "device:ada"], ["email:bob@x.org", "device:bob"]


def every(server, folder, at_us, *columns):
    out = folder / "every.parquet"
    server.patron("snapshot", "--service", "shown", "--at", harness.time_text(at_us), "-o", out)
    return [tuple(row.values()) for row in parquet.read_table(out, columns=["customer", *columns]).to_pylist()]


def of(server, at_us, *who):
    rows = server.get(*who, service="shown", as_of=harness.time_text(at_us))["rows"]
    return [(row["customer"], row["features"]["orders"]) for row in rows]


def test_customers_that_are_merged_away_later_have_their_rows(shop, tmp_path):
    send(shop, [order("a", 9, *ADA), order("b", 8, *BOB)])
    before = moment(shop)
    identity(shop, "link", ADA[0], BOB[0], "--actor", "grace")
    linked = moment(shop)
    assert every(shop, tmp_path, before, "orders") == [(1, 1), (3, 1)]
    assert every(shop, tmp_path, linked, "orders") == [(1, 2)]
    assert of(shop, before, BOB[1]) == [(3, 1)] and of(shop, linked, BOB[1]) == [(1, 2)]
    identity(shop, "unlink", ADA[0], BOB[0], "--actor", "grace")
    split = moment(shop)
    assert every(shop, tmp_path, split, "orders") == [(1, 1), (3, 1)]
    # The row of one who was two is there, and tells of both, after they have been two again.
    assert every(shop, tmp_path, linked, "orders") == [(1, 2)]
    assert every(shop, tmp_path, before, "orders") == [(1, 1), (3, 1)]


def test_late_evidence_joins_nobody_in_the_past(shop, tmp_path):
    send(shop, [order("a", 9, *ADA), order("b", 8, *BOB)])
    before = moment(shop)
    # It happened long before either, and is learned of now.
    send(shop, [order("late", 100, ADA[0], BOB[0])])
    assert of(shop, moment(shop), *ADA, *BOB) == [(1, 3)] * 4
    assert of(shop, before, *ADA, *BOB) == [(1, 1)] * 2 + [(3, 1)] * 2
    # Nor at moments between what it tells of and when it was learned.
    assert every(shop, tmp_path, before, "orders") == [(1, 1), (3, 1)]
    assert every(shop, tmp_path, before - 50 * DAY_US) == []
    link = [link for link in identity(shop, "show", "--id", ADA[0])["links"] if {link["a"], link["b"]} == {1, 3}][0]
    assert harness.time_of(link["since"]) >= before > harness.time_of(link["evidence"]["time"])
    assert len(identity(shop, "show", "--id", ADA[0], "--as-of", harness.time_text(before))["nodes"]) == 2


def test_a_moment_before_the_very_entry_knows_nothing_of_it(shop, tmp_path):
    send(shop, [order("a", 9, *ADA), order("b", 8, *BOB)])
    known = [harness.time_of(identity(shop, "link", ADA[0], BOB[0], "--actor", "grace")["known_at"])]
    known.append(harness.time_of(identity(shop, "unlink", ADA[0], BOB[0], "--actor", "grace")["known_at"]))
    known.append(harness.time_of(identity(shop, "block", ADA[1], "--actor", "grace")["known_at"]))
    moment(shop)
    two, one, three = [(1, 1), (3, 1)], [(1, 2)], [(1, 1), (2, 0), (3, 1)]
    for at_us, before, after in zip(known, (two, one, two), (one, two, three), strict=True):
        assert sorted(every(shop, tmp_path, at_us, "orders")) == before, at_us
        assert sorted(every(shop, tmp_path, at_us + 1, "orders")) == after, at_us
    blocked = [identity(shop, "show", "--id", ADA[1], "--as-of", harness.time_text(at_us))["nodes"]
               for at_us in (known[2], known[2] + 1)]
    assert [[node["blocked"] for node in nodes] for nodes in blocked] == [[False, False], [True]]


def test_verdicts_count_from_when_they_were_given(shop, tmp_path):
    send(shop, [order("a", 9, *ADA, amount=5000.0), order("b", 8, *BOB), order("c", 7, ADA[0], BOB[0])])
    [item] = [json.loads(line) for line in shop.patron("identity", "review", "list", "-o", "json").stdout.splitlines()]
    waiting = moment(shop)
    shop.patron("identity", "review", "approve", item["item"], "--actor", "grace", "--yes")
    approved = moment(shop)
    assert every(shop, tmp_path, waiting, "orders") == [(1, 2), (3, 1)]
    assert every(shop, tmp_path, approved, "orders") == [(1, 3)]

    def states(at_us):
        return [told["state"] for told in
                identity(shop, "show", "--id", BOB[0], "--as-of", harness.time_text(at_us))["items"]]

    assert (states(waiting), states(approved)) == (["open"], ["approved"])
    identity(shop, "unlink", ADA[0], BOB[0], "--actor", "grace")
    assert every(shop, tmp_path, approved, "orders") == [(1, 3)]
    assert (states(waiting), states(approved)) == (["open"], ["approved"])


def test_the_command_line_tells_the_past_as_it_was(shop):
    send(shop, [order("a", 9, *ADA), order("b", 8, *BOB), order("i", 8, ADA[0], "ip:10.0.0.1")])
    before = harness.time_text(moment(shop))
    asked = [["show", "--id", name, "--as-of", before] for name in (ADA[0], BOB[1])] + [
        ["history", "--id", name, "--as-of", before] for name in (ADA[0], BOB[1])] + [
        ["show", "--customer", "3", "--as-of", before], ["history", "--customer", "3", "--as-of", before]]
    formats = [["-o", "json"], ["-o", "csv"], []]
    told = [shop.patron("identity", *arguments, *how).stdout for arguments in asked for how in formats]
    identity(shop, "link", ADA[0], BOB[0], "--actor", "grace")
    send(shop, [order("c", 7, ADA[1], BOB[1]), order("d", 99, ADA[1], BOB[0])])
    identity(shop, "unlink", "--split", BOB[0], "--split", BOB[1], "--actor", "grace")
    identity(shop, "block", ADA[1], "--actor", "grace")
    assert len(identity(shop, "show", "--id", ADA[0])["nodes"]) == 1
    assert [shop.patron("identity", *arguments, *how).stdout for arguments in asked for how in formats] == told


def test_a_moment_that_is_not_known_yet_is_refused(shop, tmp_path):
    send(shop, [order("a", 9, *ADA)])
    ahead = harness.time_text(harness.now_us() + 3600 * harness.MICROSECONDS)
    for arguments in (["identity", "show", "--id", ADA[0], "--as-of", ahead],
                      ["identity", "history", "--id", ADA[0], "--as-of", ahead],
                      ["get", "--service", "shown", "--id", ADA[0], "--as-of", ahead],
                      ["snapshot", "--service", "shown", "--at", ahead, "-o", tmp_path / "ahead.parquet"]):
        said = shop.patron(*arguments, code=1).stderr
        assert "not known yet" in said, (arguments, said)
