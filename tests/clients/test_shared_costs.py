"""Costs of no customer are shared out over customers to the last micro-unit: of history, and while the server runs."""
import json
import random
import time

import pytest

import harness

DEFINITIONS = """\
currency: EUR
time_zone: Europe/Berlin
identifiers:
  customer_id: {max: 1}
  device:
events:
  session: {pages: integer}
  ticket: {minutes: integer, channel: string}
  hosting: {amount: money}
  helpdesk: {amount: money}
shared_costs:
  hosting: {share: amount, by: session, period: month}
  helpdesk: {share: amount, by: ticket, weight: minutes, where: {channel: phone}, period: day}
features:
  sessions: {of: session, count: true}
  hosting: {of: hosting, sum: amount}
  helpdesk: {of: helpdesk, sum: amount}
derived:
  cost_to_serve: hosting + helpdesk
"""
FEATURES = ["hosting", "helpdesk", "cost_to_serve"]
WAIT_SECONDS = 30
DAY_US = harness.DAY_US
HOUR_US = DAY_US // 24
BILLS = [("2024-01-15", 1234567891), ("2024-02-03", 1), ("2024-02-20", -99999999), ("2024-03-31", 77000001),
         ("2024-04-01", 500000000), ("2024-05-31", 3), ("2024-06-10", 1000000000)]


def micros(value):
    return round(value * 1_000_000)


def charged(server, customers, as_of_us=None):
    """By customer: hosting and helpdesk in micro-units."""
    with server.channel() as channel:
        answer = harness.get_features(
            channel, [f"customer_id:{name}" for name in customers], as_of_us, features=FEATURES)
    columns = [harness.column_values(column) for column in answer.columns]
    for hosting, helpdesk, both in zip(*columns):
        assert (both is None) == (hosting is None) and (both is None or abs(both - hosting - helpdesk) < 1e-6)
    return {name: (micros(columns[0][i] or 0), micros(columns[1][i] or 0)) for i, name in enumerate(customers)}


def until_shared(server, count):
    """The server shares out what is due on its own: within seconds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (costs := server.status()["shared_costs"])["shared"] < count:
        assert time.monotonic() < deadline, costs
        time.sleep(0.1)
    return costs


def until_events(server, count):
    """Looks as often as it can: what it waits for is over soon."""
    messages, services = harness.generated("operations")
    deadline = time.monotonic() + WAIT_SECONDS
    with server.channel() as channel:
        status = services.OperationsStub(channel).GetStatus
        while status(messages.GetStatusRequest(), timeout=WAIT_SECONDS).events < count:
            assert time.monotonic() < deadline


def split(amount, weights):
    """The shares of an amount, by customer; `weights` in the order that the store met the customers in."""
    shares, total, up_to, before = {}, sum(weights.values()), 0, 0
    for name, weight in weights.items():
        up_to += weight
        shares[name] = amount * up_to // total - before
        before += shares[name]
    assert before == amount
    return shares


def line(kind, name, time_us, who=None, amount=None):
    identifiers = f', "identifiers": {{"customer_id": "{who}"}}' if who else ""
    attributes = f', "attributes": {{"amount": {amount}}}' if amount else ""
    return f'{{"type": "{kind}", "id": "{name}", "time": "{harness.time_text(time_us)}"{identifiers}{attributes}}}\n'


def is_summer(time_us):
    return harness.time_of("2024-03-31T01:00:00Z") <= time_us < harness.time_of("2024-10-27T01:00:00Z")


@pytest.fixture(scope="module", name="history")
def make_history(tmp_path_factory):
    """Half a year of sessions, and a bill for each month but February's two: the file, and who bears how much."""
    random.seed(3)
    start_us, end_us = harness.time_of("2024-01-01T00:00:00Z"), harness.time_of("2024-06-30T20:00:00Z")
    met, months, lines = {}, {}, []
    for number, time_us in enumerate(sorted(random.randrange(start_us, end_us) for _ in range(3000))):
        who = f"c{int(random.expovariate(0.05))}"
        met.setdefault(who, len(met))
        month = months.setdefault(harness.time_text(time_us + (2 if is_summer(time_us) else 1) * HOUR_US)[:7], {})
        month[who] = month.get(who, 0) + 1
        lines.append((time_us, line("session", f"s{number}", time_us, who)))
    for number, (day, amount) in enumerate(BILLS):
        time_us = harness.time_of(f"{day}T12:00:00Z")
        text = f"{'-' if amount < 0 else ''}{abs(amount) // 1000000}.{abs(amount) % 1000000:06}"
        lines.append((time_us, line("hosting", f"bill {number}", time_us, amount=text)))
    path = tmp_path_factory.mktemp("history") / "history.jsonl"
    path.write_text("".join(text for _, text in sorted(lines)), encoding="utf-8")
    expected = {who: 0 for who in met}
    for day, amount in BILLS:
        weights = months[day[:7]]
        ordered = {who: weights[who] for who in sorted(weights, key=met.get)}
        for who, share in split(amount, ordered).items():
            expected[who] += share
    return path, expected


def test_history_is_shared_as_its_months_end_and_sums_exactly(history, tmp_path):
    path, expected = history
    with harness.Server(tmp_path, DEFINITIONS) as server:
        said = json.loads(server.patron("import", path, "--clock", "source", "-o", "json").stdout)
        assert (said["applied"], said["refused"]) == (3000 + len(BILLS), 0)
        costs = server.status()["shared_costs"]
        assert (costs["shared"], costs["waiting"]) == (6, 1)
        assert costs["words"] == "hosting of 2024-06: due 2024-06-30T22:00:00Z"
        words = "6 shared out, 1 waiting (hosting of 2024-06: due 2024-06-30T22:00:00Z)"
        assert words in server.patron("status").stdout
        # Nothing of January's is known before it is over, all of it right after.
        over_us = harness.time_of("2024-01-31T23:00:00Z")
        january = charged(server, expected, over_us)
        assert all(both == (0, 0) for both in january.values())
        assert sum(both[0] for both in charged(server, expected, over_us + 10_000).values()) == 1234567891
        # A store that has answered as of now goes by the clock: what is due is shared out by itself.
        charged(server, expected)
        assert until_shared(server, 7)["waiting"] == 0
        server.restart()
        now = charged(server, expected)
        assert {who: both[0] for who, both in now.items()} == expected
        assert sum(both[0] for both in now.values()) == sum(amount for _, amount in BILLS)
        assert "patron_shared_costs_total 7" in server.metrics()
        assert "patron_shared_costs_waiting 0" in server.metrics()
        server.verify()


def test_a_table_without_identifiers_is_imported_and_refused_where_nothing_is_shared(tmp_path):
    path = tmp_path / "bills.csv"
    path.write_text("day,total\n2024-01-05,10\n2024-01-06,20\n", encoding="utf-8")
    flags = ["--time", "day", "--attribute", "amount=total", "-o", "json"]
    with harness.Server(tmp_path / "server", DEFINITIONS) as server:
        said = json.loads(server.patron("import", path, "--event", "hosting", *flags).stdout)
        assert (said["applied"], said["refused"]) == (2, 0)
        flags = ["--event", "session", "--time", "day", "-o", "json"]
        said = json.loads(server.patron("import", path, *flags, code=1).stdout)
        assert (said["applied"], said["refused"]) == (0, 2)
        assert server.status()["shared_costs"]["waiting"] == 2


def test_live_costs_are_shared_within_seconds_once_due(tmp_path):
    yesterday_us = harness.now_us() // DAY_US * DAY_US - DAY_US + 12 * HOUR_US
    with harness.Server(tmp_path, DEFINITIONS) as server, server.channel() as channel:
        events = [harness.event("ticket", f"t{i}", yesterday_us + i, [f"customer_id:{i % 3}"],
                                minutes=10 * (i % 3) + 1, channel="phone" if i % 2 else "mail") for i in range(12)]
        harness.ingest(channel, events)
        harness.get_features(channel, ["customer_id:1"], features=FEATURES)  # from now on it answers
        cost = harness.event("helpdesk", "bill", yesterday_us, [], decimal_amount="100")
        later = harness.event("helpdesk", "later", harness.now_us(), [], decimal_amount="5")
        harness.ingest(channel, [cost, later,
                                 harness.event("hosting", "none", yesterday_us - 40 * DAY_US, [], decimal_amount="7")])
        until_shared(server, 1)
        # By phone: t1, t7 of 1, t3, t9 of 0, t5, t11 of 2.
        weights = {"0": 2, "1": 22, "2": 42}
        assert {who: both[1] for who, both in charged(server, "012").items()} == split(100_000_000, weights)
        deadline = time.monotonic() + WAIT_SECONDS
        while "no session in its period" not in server.status()["shared_costs"]["words"]:
            assert time.monotonic() < deadline, server.status()
            time.sleep(0.1)
        text = server.patron("status").stdout
        assert "1 shared out, 2 waiting (hosting of" in text and "no session in its period" in text
        answers = harness.ingest(channel, [cost])
        assert sum(answer.duplicates for answer in answers) == 1
        server.verify()


@pytest.mark.parametrize("name, driver", [("shop", "session"), ("subscription", "session"), ("bank", "login")])
def test_the_built_in_files_share_what_serving_cost_by_visits(name, driver, tmp_path):
    last_month_us = harness.now_us() - 45 * DAY_US
    server = harness.Server(tmp_path)
    server.definitions = f"builtin:{name}"
    with server, server.channel() as channel:
        visits = [harness.event(driver, f"v{i}", last_month_us + i, [f"customer_id:{i % 3 % 2}"]) for i in range(7)]
        harness.ingest(channel, visits)
        harness.get_features(channel, ["customer_id:1"], features=["cost_to_serve"])
        bill = harness.event("cost", "bill", last_month_us, [], decimal_amount="10", kind="hosting")
        harness.ingest(channel, [bill])
        until_shared(server, 1)
        answer = harness.get_features(channel, ["customer_id:0", "customer_id:1"], features=["service_cost"])
        shares = split(10_000_000, {"0": 5, "1": 2})
        assert [micros(value) for value in harness.column_values(answer.columns[0])] == list(shares.values())
        server.verify()


def test_a_kill_in_the_middle_of_sharing_loses_and_doubles_nothing(tmp_path):
    people, start_us = 9000, harness.time_of("2024-05-02T00:00:00Z")
    rows = [line("session", f"s{i}", start_us + i, f"c{i}") for i in range(people)]
    rows.append(line("hosting", "bill", start_us + people, amount="1234.567891"))
    path = tmp_path / "may.jsonl"
    path.write_text("".join(rows), encoding="utf-8")
    customers = [f"c{i}" for i in range(people)]
    with harness.Server(tmp_path / "server", DEFINITIONS) as server:
        server.patron("import", path, "--clock", "source")
        charged(server, customers[:1])  # from now on it goes by the clock
        until_events(server, people + 2)
        server.kill()
        server.start()
        until_shared(server, 1)
        now = charged(server, customers)
        assert sum(both[0] for both in now.values()) == 1234567891
        assert {both[0] for both in now.values()} == {1234567891 // people, 1234567891 // people + 1}
        assert server.status()["events"] == 2 * people + 1
        server.verify()
