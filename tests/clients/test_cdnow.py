"""CDNOW end to end: the files that customer-base models are published on, imported with one command each.

The purchases of 23,570 customers of CDNOW, 1997-01-01 to 1998-06-30, and the 1/10 sample that the papers use (Fader and
Hardie, "Forecasting repeat sales at CDNOW", Interfaces 31(3), 2001). What must come out is computed here from the
files, and is held against the figures that were published with them.
"""
import collections
import csv
import datetime
import json
from decimal import Decimal

import pyarrow.parquet as parquet
import pytest

import harness

DEFINITIONS = """\
currency: USD
identifiers:
  customer_id: {max: 1}
events:
  order: {amount: money, cds: integer}
features:
  orders: {of: order, count: true}
  revenue: {of: order, sum: amount}
  cds: {of: order, sum: cds}
  rfm: {of: order, rfm: amount}
services:
  clv: [rfm.frequency, rfm.recency, rfm.T, rfm.monetary]
  totals: [orders, revenue, cds]
"""
CALIBRATION_END = datetime.date(1997, 10, 1)
HOLDOUT_END = datetime.date(1998, 7, 1)
COMMON = ["--format", "csv", "--delimiter", "whitespace", "--event", "order", "--time-format", "%Y%m%d",
          "--clock", "source", "--source", "cdnow"]
MASTER = COMMON + ["--time", "date", "--identifier", "customer_id=customer_id", "--attribute", "amount=dollar_value",
                   "--attribute", "cds=number_of_cds"]
SAMPLE = COMMON + ["--no-header", "--time", "3", "--identifier", "customer_id=1", "--attribute", "amount=5",
                   "--attribute", "cds=4"]


class Purchases:
    """The file read on its own: (customer, day, cds, dollars) for each line."""

    def __init__(self, path, columns, header):
        self.path = path
        with open(path, encoding="ascii") as file:
            lines = [line.split() for line in file][1 if header else 0:]
        self.rows = []
        for fields in filter(None, lines):
            customer, day, cds, dollars = (fields[column] for column in columns)
            self.rows.append((customer, datetime.datetime.strptime(day, "%Y%m%d").date(), int(cds), Decimal(dollars)))
        self.customers = {row[0] for row in self.rows}

    def rfm(self, end):
        """customer -> (frequency, recency, T, monetary) by day, from purchases before `end`."""
        days = collections.defaultdict(lambda: collections.defaultdict(Decimal))
        for customer, day, _, dollars in self.rows:
            if day < end:
                days[customer][day] += dollars
        answer = {}
        for customer, totals in days.items():
            first, last = min(totals), max(totals)
            repeats = sum(total for day, total in totals.items() if day != first)
            # As Patron does it: one division of the sum, in micro-units, by what scales it.
            micros = int(repeats * 1_000_000)
            monetary = float(micros) / (float(len(totals) - 1) * 1e6) if len(totals) > 1 else None
            answer[customer] = (
                len(totals) - 1, (last - first).days, (end - datetime.timedelta(days=1) - first).days, monetary)
        return answer


def master(folder):
    return Purchases(folder / "cdnow/CDNOW_master.txt", (0, 1, 2, 3), header=True)


def sample(folder):
    return Purchases(folder / "cdnow/CDNOW_sample.txt", (0, 2, 3, 4), header=False)


KINDS = {"master": (master, MASTER), "sample": (sample, SAMPLE)}


@pytest.fixture(scope="module", params=["sample", "master"])
def loaded(request, test_data, tmp_path_factory):
    """(server, purchases, flags of its import, folder): the file in a store of its own."""
    read, flags = KINDS[request.param]
    purchases = read(test_data)
    folder = tmp_path_factory.mktemp(request.param)
    with harness.Server(folder / "server", DEFINITIONS) as server:
        said = json.loads(server.patron("import", purchases.path, *flags, "-o", "json").stdout)
        assert (said["applied"], said["duplicates"], said["refused"]) == (len(purchases.rows), 0, 0)
        yield server, purchases, flags, folder


def spine_snapshot(loaded, at, service, *flags):
    """One row for each customer of the file at `at`, by the customer's id in the file."""
    server, purchases, _, folder = loaded
    spine, out = folder / "spine.csv", folder / f"{service}-{at}.parquet"
    with open(spine, "w", encoding="ascii", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["cdnow", "at"])
        rows.writerows([customer, f"{at}T00:00:00Z"] for customer in sorted(purchases.customers))
    server.patron("snapshot", "--spine", spine, "--spine-identifier", "customer_id=cdnow", "--spine-time", "at",
                  "--service", service, "-o", out, *flags)
    return {row["cdnow"]: row for row in parquet.read_table(out).to_pylist()}


def test_every_customer_of_the_file_is_there_and_revenue_is_exact(loaded):
    _, purchases, _, _ = loaded
    rows = spine_snapshot(loaded, HOLDOUT_END, "totals", "--money", "decimal")
    revenue, orders, cds = collections.Counter(), collections.Counter(), collections.Counter()
    for customer, _, count, dollars in purchases.rows:
        orders[customer] += 1
        cds[customer] += count
        revenue[customer] += dollars
    assert rows.keys() == purchases.customers
    for customer, row in rows.items():
        assert (row["orders"], row["revenue"], row["cds"]) == (
            orders[customer], revenue[customer], cds[customer]), customer
    total = sum(row["revenue"] for row in rows.values())
    assert total == sum(row[3] for row in purchases.rows)
    if len(rows) != 2357:
        assert len(rows) == 23_570
        assert total == Decimal("2500315.63")


@pytest.mark.parametrize("end", [CALIBRATION_END, HOLDOUT_END])
def test_rfm_of_every_customer_equals_a_reading_of_the_file(loaded, end):
    server, purchases, _, folder = loaded
    expected = purchases.rfm(end)
    rows = spine_snapshot(loaded, end, "clv")
    by_number = {}
    for customer, row in rows.items():
        got = tuple(row[f"rfm.{part}"] for part in ("frequency", "recency", "T", "monetary"))
        if customer not in expected:  # bought for the first time after `end`
            assert got == (None, None, None, None) and row["customer"] is None
            continue
        assert got == expected[customer], customer
        by_number[row["customer"]] = got
    assert len(by_number) == len(expected)

    # The same without a spine: every customer alive at `end`.
    out = folder / f"every-{end}.parquet"
    server.patron("snapshot", "--at", f"{end}T00:00:00Z", "--service", "clv", "-o", out)
    every = {row["customer"]: tuple(row[f"rfm.{part}"] for part in ("frequency", "recency", "T", "monetary"))
             for row in parquet.read_table(out).to_pylist()}
    assert every == by_number


def test_the_sample_has_the_repeat_buyers_of_the_papers(loaded, test_data):
    """946 of 2,357 customers buy again before 1997-10-01, on 2,457 days in all; also among the master's customers."""
    rows = spine_snapshot(loaded, CALIBRATION_END, "clv")
    frequencies = [rows[customer]["rfm.frequency"] for customer in sample(test_data).customers]
    assert len(frequencies) == 2357
    assert sum(frequency > 0 for frequency in frequencies) == 946
    assert sum(frequencies) == 2457


def test_importing_again_changes_nothing_and_a_grown_file_adds_its_new_rows(loaded):
    server, purchases, flags, folder = loaded
    before = spine_snapshot(loaded, HOLDOUT_END, "totals")
    said = json.loads(server.patron("import", purchases.path, *flags, "-o", "json").stdout)
    assert (said["applied"], said["duplicates"], said["refused"]) == (0, len(purchases.rows), 0)
    assert spine_snapshot(loaded, HOLDOUT_END, "totals") == before
    assert server.status()["events"] == len(purchases.rows)

    # Grown: two new rows, one of them equal to a row that is there.
    text = purchases.path.read_text(encoding="ascii")
    last = [line for line in text.splitlines() if line.strip()][-1]
    grown = folder / purchases.path.name
    grown.write_text(text.rstrip("\n") + "\n" + last + "\n" + last.replace("1997", "1998") + "9\n", encoding="ascii")
    said = json.loads(server.patron("import", grown, *flags, "-o", "json").stdout)
    assert (said["applied"], said["duplicates"], said["refused"]) == (2, len(purchases.rows), 0)
    # They are known from after all the rest on, so what was asked before stands.
    assert spine_snapshot(loaded, CALIBRATION_END, "totals").keys() == purchases.customers
    server.verify()
