"""A snapshot at T, read by Arrow and by DuckDB, is bit for bit what was served online at T."""
import csv
import json
import os
import struct
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import harness
import shop

CUSTOMERS = 1100
ROWS = 1000


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A loaded server, and what it served of every feature to 1,000 identifiers at one moment."""
    folder = tmp_path_factory.mktemp("snapshot")
    with harness.Server(folder / "server") as server, server.channel() as channel:
        window = shop.history_window(harness.now_us())
        harness.ingest(channel, shop.events(7, CUSTOMERS, 4000, *window))
        names = shop.customer_names(CUSTOMERS)[:ROWS - 1] + ["email:nobody@example.org"]
        features = server.status()["features"]
        reply = harness.get_features(channel, names, features=features)
        # What comes later must not show.
        harness.ingest(channel, shop.events(8, CUSTOMERS, 1000, *window), source="later")
        spine = folder / "spine.csv"
        with open(spine, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["who", "at", "label"])
            for number, name in enumerate(names):
                kind, value = name.split(":")
                rows.writerow([f"{value}", harness.time_text(reply.info.as_of_us), f"label {number}"])
        yield server, folder, names, features, reply


def snapshot(server, out, features, *flags):
    server.patron("snapshot", "--features", ",".join(features), "-o", out, *flags)
    return parquet.read_table(out)


def spine_flags(folder):
    return ["--spine", folder / "spine.csv", "--spine-identifier", "customer_id=who", "--spine-time", "at"]


def bits(value):
    return struct.pack("<d", value) if isinstance(value, float) else value


def same_bits(table, reply):
    """Every value of the snapshot against the column that was served."""
    order = table.column("spine_row").to_pylist()
    assert sorted(order) == list(range(ROWS))
    compared = 0
    for column in reply.columns:
        served_values = harness.column_values(column)
        for place, value in zip(order, table.column(column.name).to_pylist(), strict=True):
            expected = served_values[place]
            if isinstance(value, Decimal):
                value = float(value)
            assert bits(value) == bits(expected), (column.name, place, value, expected)
            compared += 1
    assert compared == ROWS * len(reply.columns)
    found = [status == harness.PRESENT for status in reply.info.row_statuses]
    customers = table.column("customer").to_pylist()
    for place, customer, text in zip(order, customers, table.column("label").to_pylist(), strict=True):
        assert customer == (reply.info.customer_ids[place] if found[place] else None)
        assert text == f"label {place}"


@pytest.mark.parametrize("money", ["decimal", "double"])
def test_a_thousand_rows_of_every_feature_equal_what_was_served(served, money):
    server, folder, _, features, reply = served
    table = snapshot(server, folder / f"{money}.parquet", features, "--money", money, *spine_flags(folder))
    same_bits(table, reply)
    assert table.schema.field("as_of").type == pa.timestamp("us", tz="UTC")
    kinds = {
        "orders": pa.int64(), "rfm.frequency": pa.int64(), "rfm.monetary": pa.float64(), "promo_first": pa.bool_(),
        "channel_last": pa.string(), "days_since_order": pa.float64(), "label": pa.string(),
        "revenue": pa.decimal128(38, 6) if money == "decimal" else pa.float64()}
    assert {name: table.schema.field(name).type for name in kinds} == kinds


def test_duckdb_reads_the_same_table_as_arrow(served):
    server, folder, _, features, _ = served
    out = folder / "duck.parquet"
    table = snapshot(server, out, features, "--money", "decimal", *spine_flags(folder))
    names = ", ".join(f'"{name}"' for name in table.column_names if name != "as_of")
    with duckdb.connect() as connection:
        rows = connection.execute(f"select {names} from '{out}'").fetchall()
        moments = connection.execute(f"select distinct epoch_us(as_of) from '{out}'").fetchall()
    as_arrow = table.drop_columns(["as_of"]).to_pylist()
    assert [dict(zip((name for name in table.column_names if name != "as_of"), row)) for row in rows] == as_arrow
    assert len(moments) == 1


def test_the_file_says_what_it_is(served):
    server, folder, _, features, reply = served
    out = folder / "manifest.parquet"
    snapshot(server, out, features, *spine_flags(folder))
    whole = parquet.ParquetFile(out).metadata
    notes = {key.decode(): value.decode() for key, value in whole.metadata.items()}
    assert whole.num_rows == ROWS
    for column in range(whole.num_columns):
        chunk = whole.row_group(0).column(column)
        assert chunk.compression == "ZSTD"
        assert chunk.is_stats_set
    assert notes["patron.rows"] == str(ROWS)
    assert notes["patron.definitions_version"] == str(reply.info.definitions_version)
    assert notes["patron.currency"] == "EUR"
    assert notes["patron.time_zone"] == "UTC"
    assert notes["patron.erasure_epoch"] == "0"
    assert {"patron.position_us", "patron.build"} <= notes.keys()


def test_the_same_snapshot_twice_gives_the_same_bytes(served):
    server, folder, _, features, _ = served
    first, second = folder / "first.parquet", folder / "second.parquet"
    snapshot(server, first, features, *spine_flags(folder))
    snapshot(server, second, features, *spine_flags(folder))
    assert first.read_bytes() == second.read_bytes()
    assert not list(folder.glob("*.partial"))


def test_every_customer_alive_at_the_moment_has_one_row(served):
    server, folder, _, features, reply = served
    at = harness.time_text(reply.info.as_of_us)
    table = snapshot(server, folder / "every.parquet", features, "--at", at)
    customers = table.column("customer").to_pylist()
    assert customers == sorted(set(customers))
    assert set(reply.info.customer_ids) - {0} <= set(customers)
    before = snapshot(server, folder / "before.parquet", features, "--at", "1990-01-01T00:00:00Z")
    assert before.num_rows == 0


def test_a_spine_that_reaches_into_the_future_leaves_no_file(served):
    server, folder, _, features, _ = served
    out = folder / "future.parquet"
    done = server.patron("snapshot", "--features", "orders", "--at", "2199-01-01T00:00:00Z", "-o", out, code=1)
    assert "not known" in done.stderr
    assert not out.exists() and not list(folder.glob("*.partial"))


@pytest.mark.parametrize("extra", [["--server", "127.0.0.1:1"], []])
def test_what_is_no_file_is_not_replaced_by_one(served, tmp_path, extra):
    server, _, _, _, _ = served
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to(tmp_path / "nothing")
    (tmp_path / "device").symlink_to("/dev/null")
    for out in ["/dev/null", "/dev/stdout", tmp_path, tmp_path / "pipe", tmp_path / "nowhere", tmp_path / "device"]:
        done = server.patron("snapshot", "--features", "orders", "--at", "2020-01-01", "-o", out, *extra, code=2)
        assert str(out) in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device", "nowhere", "pipe"]


def test_a_symbolic_link_stays_and_the_file_behind_it_is_replaced(served, tmp_path):
    server, _, _, _, _ = served
    real, link = tmp_path / "real" / "old.parquet", tmp_path / "latest.parquet"
    real.parent.mkdir()
    real.write_text("old", encoding="ascii")
    link.symlink_to(real)
    assert snapshot(server, link, ["orders"], "--at", "1990-01-01").num_rows == 0
    assert link.is_symlink() and parquet.read_table(real).num_rows == 0
    assert [path.name for path in real.parent.iterdir()] == ["old.parquet"]


@pytest.mark.parametrize("row, words", [
    ("ada,2199-01-01,x", "2199-01-01T00:00:00Z is not known yet; "),
    ("ada,1850-01-01,x", "1850-01-01T00:00:00Z lies before 1900-01-01"),
    (f"{'z' * 2000},2020-01-01,x", "1024"),
])
def test_a_row_that_the_server_refuses_is_named_by_its_line(served, tmp_path, row, words):
    server, _, _, _, _ = served
    path = tmp_path / "labels.csv"
    path.write_text(f'who,at,label\nada,2020-01-01,"two\nlines"\n\nbo,2020-01-01,y\n{row}\nbo,2020-01-02,y\n', "utf-8")
    done = server.patron("snapshot", "--features", "orders", "-o", tmp_path / "out.parquet", "--spine", path,
                         "--spine-identifier", "customer_id=who", "--spine-time", "at", code=1)
    assert f"{path}:6: " in done.stderr and words in done.stderr, done.stderr
    assert "of the spine" not in done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels.csv"]


def test_a_spine_of_json_lines_takes_its_keys_along_whenever_they_come(served, tmp_path):
    server, _, names, _, reply = served
    at = harness.time_text(reply.info.as_of_us)
    who = names[0].split(":")[1]
    rows = [{"who": who, "at": at}, {"label": True, "at": reply.info.as_of_us, "who": who}, {},
            {"who": "nobody", "at": "2020-01-01", "label": None, "weight": 1.50, "note": "ä"}]
    path, out = tmp_path / "labels.jsonl", tmp_path / "out.parquet"
    path.write_text("\n".join(json.dumps(row) if row else "" for row in rows) + "\n", "utf-8")
    table = snapshot(server, out, ["orders"], "--spine", path, "--spine-identifier", "customer_id=who",
                     "--spine-time", "at")
    assert table.column_names == [
        "customer", "as_of", "spine_row", "status", "orders", "who", "label", "weight", "note"]
    found = sorted(table.to_pylist(), key=lambda row: row["spine_row"])
    assert [[row[name] for name in ("who", "label", "weight", "note")] for row in found] == [
        [who, None, None, None], [who, "true", None, None], ["nobody", None, "1.5", "ä"]]
    column = next(column for column in reply.columns if column.name == "orders")
    assert found[0]["orders"] == found[1]["orders"] == harness.column_values(column)[0]
    assert found[2]["status"] == "not_found"

    rows[3]["at"] = "2199-01-01"
    path.write_text("\n".join(json.dumps(row) if row else "" for row in rows) + "\n", "utf-8")
    done = server.patron("snapshot", "--features", "orders", "-o", out, "--spine", path, "--spine-identifier",
                         "customer_id=who", "--spine-time", "at", code=1)
    assert f"{path}:4: 2199-01-01T00:00:00Z is not known yet" in done.stderr
