"""Matching through a real server: records of people imported, a model trained, links and reviews as they come of it.

The two public sets are those that matchers are published on: fake_1000 (Splink's, 1,000 records of 251 people with
typing errors and gaps) and febrl2 (5,000 records, up to five of a person; P. Christen, 2008). Nothing is tuned to them
but the columns' names. The customers that come out are held against the truth, pair by pair: what blocking misses
counts as missed.
"""
import collections
import csv
import json
import random
import signal
import time

import grpc
import pytest

import harness

HEAD = """\
currency: EUR
identifiers:
  record: {keep: true}
events:
  profile: {%s}
  order: {amount: money}
features:
  profiles: {of: profile, count: true}
  revenue: {of: order, sum: amount}
services:
  shown: [profiles, revenue]
matching:
  of: profile
  columns: {%s}
"""
FAKE = {"first_name": "given_name", "surname": "surname", "dob": "birth_date", "city": "place", "email": "email"}
FEBRL = {"given_name": "given_name", "surname": "surname", "street_number": "house_number", "address_1": "street",
         "address_2": "text", "suburb": "place", "postcode": "postcode", "state": "category",
         "date_of_birth": "birth_date", "soc_sec_id": "national_id"}
WAIT_SECONDS = 300


def definitions(columns):
    return HEAD % (", ".join(f"{name}: string" for name in columns),
                   ", ".join(f"{name}: {kind}" for name, kind in columns.items()))


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        return [{key.strip(): value.strip() for key, value in row.items()} for row in csv.DictReader(file)]


class People:
    """Records and the truth about them: (name, cluster, attributes) each."""

    def __init__(self, columns, records):
        self.columns, self.records = columns, records
        self.cluster = {name: cluster for name, cluster, _ in records}

    def send(self, server, records=None):
        at_us = harness.now_us() - 30 * harness.DAY_US
        events = [harness.event("profile", name, at_us, [f"record:{name}"], **attributes)
                  for name, _, attributes in (self.records if records is None else records)]
        with server.channel() as channel:
            for answer in harness.ingest(channel, events):
                assert not answer.refusals, answer

    def customers(self, server):
        """name -> customer."""
        names = list(self.cluster)
        answer = {}
        with server.channel() as channel:
            for at in range(0, len(names), 5000):
                part = names[at:at + 5000]
                reply = harness.get_features(channel, [f"record:{name}" for name in part], service="shown")
                answer.update(zip(part, reply.info.customer_ids))
        return answer

    def measure(self, found, what):
        """Precision, recall and F1 of the pairs that share a customer."""
        both = collections.Counter((found[name], self.cluster[name]) for name in found)
        pairs = lambda counts: sum(n * (n - 1) // 2 for n in counts.values())
        true, said, right = (pairs(collections.Counter(self.cluster.values())),
                             pairs(collections.Counter(found.values())), pairs(both))
        precision, recall = right / said if said else 1.0, right / true
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        print(f"{what}: precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f}")
        return precision, recall, f1


def fake_1000(test_data):
    return People(FAKE, [(row["unique_id"], row["cluster"], {key: row[key] for key in FAKE if row[key]})
                         for row in read_rows(test_data / "identity/fake_1000.csv")])


def febrl2(test_data):
    return People(FEBRL, [(row["rec_id"], row["rec_id"].split("-")[1], {key: row[key] for key in FEBRL if row[key]})
                          for row in read_rows(test_data / "identity/febrl2.csv")])


GIVEN = ["Ada", "Bruno", "Clara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Karim", "Leila",
         "Mateo", "Nadia", "Oskar", "Paula", "Quentin", "Rosa", "Samir", "Tilda"]
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu"]


def made_up(people, seed=7):
    """Persons with one to three records each, some of them with slips of the pen."""
    dice = random.Random(seed)
    records = []
    for person in range(people):
        surname = "".join(dice.choice(SYLLABLES) for _ in range(3)).title()
        values = {"first_name": dice.choice(GIVEN), "surname": surname,
                  "dob": f"{dice.randint(1930, 2005)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}",
                  "city": dice.choice(["Berlin", "Oslo", "Rome", "Lisbon", "Prague"]) + str(dice.randint(1, 40)),
                  "email": f"{surname.lower()}{person}@example.org"}
        for copy in range(dice.choice([1, 2, 2, 3])):
            attributes = dict(values)
            if copy and dice.random() < 0.3:
                attributes.pop(dice.choice(["city", "email"]))
            if copy and dice.random() < 0.2:
                attributes["surname"] = surname[:-1]
            records.append((f"{person}-{copy}", person, attributes))
    dice.shuffle(records)
    return People(FAKE, records)


def matching_status(server):
    messages, services = harness.generated("matching")
    with server.channel() as channel:
        return services.MatchingStub(channel).GetMatchingStatus(messages.GetMatchingStatusRequest(), timeout=60)


def train_and_match(server):
    model = json.loads(server.patron("identity", "train", "-o", "json").stdout)
    server.patron("identity", "match", "--wait")
    return model


def decide_all(server, people):
    """Every item that waits is decided by the truth, until none is left. How many there were."""
    messages, services = harness.generated("review")
    decided = 0
    with server.channel() as channel:
        client = services.ReviewStub(channel)
        while True:
            page = client.List(messages.ListReviewsRequest(page_size=500), timeout=60)
            if not page.items and not page.next_us:
                return decided
            for item in page.items:
                one = people.cluster[item.a.value] == people.cluster[item.b.value]
                request = messages.DecideReviewRequest(
                    item_us=item.item_us, actor="truth", reason="known",
                    verdict=messages.REVIEW_VERDICT_APPROVE if one else messages.REVIEW_VERDICT_REJECT)
                try:
                    if one:
                        request.seen = client.Get(messages.GetReviewRequest(item_us=item.item_us), timeout=60).seen
                    client.Decide(request, timeout=60)
                    decided += 1
                except grpc.RpcError as error:  # another approval has made it moot, or kept the two apart
                    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
            left = {item.item_us for item in page.items}
            again = client.List(messages.ListReviewsRequest(page_size=500), timeout=60)
            if {item.item_us for item in again.items} == left:
                return decided


def test_fake_1000_is_matched_as_published_matchers_do(tmp_path, test_data):
    people = fake_1000(test_data)
    with harness.Server(tmp_path / "server", definitions(FAKE)) as server:
        people.send(server)
        model = train_and_match(server)
        assert model["usable"] and model["passes"] > 0 and model["records"] == 1000, model
        precision, _, _ = people.measure(people.customers(server), "fake_1000, automatic links")
        assert precision >= 0.99
        print("items decided:", decide_all(server, people))
        _, _, f1 = people.measure(people.customers(server), "fake_1000, with reviews")
        assert f1 >= 0.90
        server.verify()


def test_febrl2_is_matched_as_published_matchers_do(tmp_path, test_data):
    people = febrl2(test_data)
    with harness.Server(tmp_path / "server", definitions(FEBRL)) as server:
        people.send(server)
        train_and_match(server)
        people.measure(people.customers(server), "febrl2, automatic links")
        print("items decided:", decide_all(server, people))
        precision, _, f1 = people.measure(people.customers(server), "febrl2, with reviews")
        assert f1 >= 0.99 and precision >= 0.999
        server.verify()


def test_what_is_asked_of_matching_before_and_after_a_model(tmp_path):
    people = made_up(150)
    with harness.Server(tmp_path / "server", definitions(FAKE)) as server:
        said = server.patron("identity", "match", "--dry-run", code=1)
        assert "there is no model" in said.stderr, said.stderr
        said = server.patron("identity", "train", code=1)
        assert "patron:" in said.stderr, said.stderr
        people.send(server)
        model = train_and_match(server)
        assert model["model"] == 1 and model["records"] == len(people.records), model
        assert {comparison["column"] for comparison in model["comparisons"]} == set(FAKE), model
        status = matching_status(server)
        assert status.current and status.model == 1 and status.walked == len(people.records), status
        assert status.links > 0, status
        precision, recall, _ = people.measure(people.customers(server), "made up")
        assert precision >= 0.99 and recall >= 0.8
        pairs = [json.loads(line) for line in
                 server.patron("identity", "match", "--dry-run", "-o", "json").stdout.splitlines()]
        links = [pair for pair in pairs if pair["decision"] == "link"]
        assert links and all(pair["one_already"] for pair in links), links[:3]
        for pair in pairs[:20]:
            assert pair["a_identifier"].startswith("record:"), pair
            total = pair["prior"] + pair["household"] + sum(
                bar["weight"] + bar["frequency_weight"] for bar in pair["waterfall"])
            assert total == pytest.approx(pair["weight"]), pair
        assert len(server.patron("identity", "match", "--dry-run", "--limit", 3, "-o", "csv").stdout.splitlines()) == 4
        listed = json.loads(server.patron("identity", "models", "-o", "json").stdout)
        assert [one["model"] for one in listed] == [1] and listed[0]["usable"], listed
        shown = server.patron("identity", "models", 1).stdout
        assert "surname" in shown and "weight" in shown, shown
        assert "no model 9" in server.patron("identity", "models", 9, code=1).stderr
        # What was linked is told with its reason.
        name = people.records[0][0]
        said = server.patron("identity", "show", "--id", f"record:{name}", "-o", "json").stdout
        assert "model 1" in said or '"links":[]' in said.replace(" ", ""), said


def test_nothing_before_the_model_has_changed(tmp_path):
    people = made_up(60)
    with harness.Server(tmp_path / "server", definitions(FAKE)) as server:
        people.send(server)
        ask = [f"record:{name}" for name, _, _ in people.records]
        with server.channel() as channel:
            now = harness.get_features(channel, ask, service="shown")
            then = harness.get_features(channel, ask, service="shown", as_of_us=now.info.as_of_us)
        train_and_match(server)
        with server.channel() as channel:
            after = harness.get_features(channel, ask, service="shown")
            again = harness.get_features(channel, ask, service="shown", as_of_us=now.info.as_of_us)
        assert list(after.info.customer_ids) != list(now.info.customer_ids)
        assert again.SerializeToString(deterministic=True) == then.SerializeToString(deterministic=True)


def test_a_killed_server_goes_on_where_it_was(tmp_path):
    """Killed again and again while it records and matches: in the end it is as if it never had been."""
    people = made_up(400)
    dice = random.Random(3)
    outcomes = []
    for kills in (0, 6):
        with harness.Server(tmp_path / f"server{kills}", definitions(FAKE)) as server:
            people.send(server)
            server.patron("identity", "train")
            for _ in range(kills):
                time.sleep(dice.uniform(0, 0.15))
                server.stop(signal.SIGKILL)
                server.start()
            server.patron("identity", "match", "--wait")
            status = matching_status(server)
            outcomes.append((status.records, status.pairs, status.links, status.reviews, status.below))
            server.verify()
            found = people.customers(server)
            by_customer = collections.defaultdict(set)
            for name, customer in found.items():
                by_customer[customer].add(name)
            outcomes.append({frozenset(names) for names in by_customer.values()})
    assert outcomes[0] == outcomes[2]
    assert outcomes[1] == outcomes[3]
