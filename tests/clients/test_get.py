"""`patron get` for scripts: which values are defaults or stale, and columns that cannot be mistaken for others."""
import csv
import io
import json

import pytest

import harness

DEFINITIONS = """\
identifiers: {id: }
events:
  order: {amount: money, channel: string}
features:
  orders: {of: order, count: true}
  kept: {of: order, last: amount, max_age: 30d}
  fresh: {of: order, last: amount, max_age: 100d}
  channel: {of: order, last: channel, default: none}
  weekly: {of: order, mean: amount, window: 7d, default: 0}
services:
  all: [orders, kept, fresh, channel, weekly]
  numbers: [orders, kept, weekly]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with harness.Server(tmp_path_factory.mktemp("get"), DEFINITIONS) as running, running.channel() as channel:
        then = harness.now_us() - 40 * harness.DAY_US - harness.DAY_US // 5
        harness.ingest(channel, [
            harness.event("order", "1", then, ["id:old"], decimal_amount="2.5"),
            harness.event("order", "2", then + 40 * harness.DAY_US, ["id:new"], decimal_amount="4", channel='a, "b"'),
        ])
        yield running


def rows_of(server, *flags, service="all"):
    said = server.patron("get", "--service", service, "--id", "id:old", "--id", "id:new", "--id", "id:nobody",
                         "-o", "csv", *flags).stdout
    return list(csv.reader(io.StringIO(said)))


def test_csv_says_in_its_last_column_which_values_are_stale_or_defaults(server):
    head, old, new, nobody = rows_of(server)
    assert head == ["id", "customer", "status", "as_of", "orders", "kept", "fresh", "channel", "weekly", "remarks"]
    assert old[4:] == ["1", "2.5", "2.5", "none", "0",
                       "kept: stale 40.2 days; channel: default; weekly: default"]
    assert new[4:] == ["1", "4", "4", 'a, "b"', "4", ""]
    assert nobody[2] == "not_found" and nobody[4:] == ["", "", "", "none", "0", "channel: default; weekly: default"]


def test_a_matrix_says_nothing_of_defaults_where_nothing_is_known_of_them(server):
    head, old, new, nobody = rows_of(server, "--vectors", service="numbers")
    assert head == ["id", "customer", "status", "as_of", "orders", "kept", "weekly"]
    assert (old[4:], new[4:], nobody[4:]) == (["1", "", "0"], ["1", "4", "4"], ["", "", "0"])
    asked = ["get", "--service", "numbers", "--id", "id:old", "-o", "json"]
    row = json.loads(server.patron(*asked, "--vectors").stdout)["rows"][0]
    assert set(row) == {"id", "status", "customer", "newest_event_time", "newest_known_at", "features"}
    row = json.loads(server.patron(*asked).stdout)["rows"][0]
    assert row["defaults"] == ["weekly"] and list(row["stale"]) == ["kept"]


def test_no_feature_can_be_called_as_a_column_is(server, tmp_path):
    path = tmp_path / "file.yaml"
    columns = [name for name in rows_of(server)[0] if name not in ("orders", "kept", "fresh", "channel", "weekly")]
    assert len(columns) == 5
    for name in columns + ["spine_row"]:
        path.write_text(DEFINITIONS.replace("  orders:", f"  {name}:").replace("[orders,", f"[{name},"), "utf-8")
        said = server.patron("definitions", "check", path, code=1).stderr
        assert f"{path}:5:3: '{name}' cannot name a feature: " in said and said.endswith(": 1 mistake\n")


def test_a_feature_asked_for_twice_is_no_fault_of_the_spine(server, tmp_path):
    done = server.patron("snapshot", "--features", "orders,kept,orders", "--at", "2024-01-01", "-o",
                         tmp_path / "o.parquet", code=1)
    assert "two columns of the snapshot would be called orders: ask for that feature once" in done.stderr
