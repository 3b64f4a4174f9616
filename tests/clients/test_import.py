"""Rows that bring no id: importing a file again changes nothing, and a grown file adds only its new rows."""
import json

import pytest

import harness

FLAGS = ["--event", "order", "--time", "date", "--identifier", "customer_id=customer", "--attribute", "amount=amount",
         "-o", "json"]
HEAD = "date,customer,amount\n"
FIRST = "2024-03-01T10:00:00Z,a,5\n"
TWIN = "2024-03-01T11:00:00Z,a,9.50\n"
BETWEEN = "2024-03-01T12:00:00Z,b,7\n"
LATER_TWIN = "2024-03-02T11:00:00Z,a,9.50\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with harness.Server(tmp_path_factory.mktemp("import")) as running:
        yield running
        running.verify()


def imported(server, path, *flags):
    """(applied, duplicates, refused)"""
    said = json.loads(server.patron("import", path, *FLAGS, *flags).stdout)
    return said["applied"], said["duplicates"], said["refused"]


def served(server, customer, as_of_us=None):
    with server.channel() as channel:
        answer = harness.get_features(channel, [f"customer_id:{customer}"], as_of_us, features=["orders", "revenue"])
    return [harness.column_values(column)[0] for column in answer.columns]


def test_a_file_again_changes_nothing_and_a_grown_one_adds_its_new_rows(server, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(HEAD + FIRST + 2 * TWIN + BETWEEN + 2 * LATER_TWIN, encoding="utf-8")
    assert imported(server, path, "--source", "shop") == (6, 0, 0)
    assert served(server, "a") == [5, 43.0]
    assert imported(server, path, "--source", "shop") == (0, 6, 0)
    # It grows in the middle: by a third equal row, and by one that was not there.
    new = "2024-03-01T11:30:00Z,b,1\n"
    path.write_text(HEAD + FIRST + 3 * TWIN + new + BETWEEN + 2 * LATER_TWIN, encoding="utf-8")
    assert imported(server, path, "--source", "shop") == (2, 6, 0)
    assert served(server, "a") == [6, 52.5]
    assert served(server, "b") == [2, 8.0]
    assert imported(server, path, "--source", "shop") == (0, 8, 0)
    assert served(server, "a") == [6, 52.5]


def test_equal_rows_are_counted_anew_for_each_row(server, tmp_path):
    path = tmp_path / "groups.csv"
    later = 2 * "2024-03-05T10:00:00Z,g,3\n"
    path.write_text(HEAD + later, encoding="utf-8")
    assert imported(server, path, "--source", "groups") == (2, 0, 0)
    path.write_text(HEAD + 2 * "2024-03-04T10:00:00Z,g,4\n" + later, encoding="utf-8")
    assert imported(server, path, "--source", "groups") == (2, 2, 0)
    assert served(server, "g") == [4, 14.0]


def test_with_the_sources_clock_a_row_is_known_a_lag_after_its_time(tmp_path):
    path = tmp_path / "lagging.csv"
    path.write_text(HEAD + "2024-03-01T10:00:00Z,lag,5\n2024-03-02T10:00:00Z,lag,6\n", encoding="utf-8")
    known_us = harness.time_of("2024-03-02T11:00:00Z")
    # An empty store: one that knows of events since would have got these late, and never as of then.
    with harness.Server(tmp_path / "empty") as server:
        assert imported(server, path, "--source", "lagging", "--clock", "source", "--lag", "1h") == (2, 0, 0)
        assert served(server, "lag", known_us) == [1, 5.0]
        assert served(server, "lag", known_us + 1) == [2, 11.0]
        assert served(server, "lag") == [2, 11.0]
        server.verify()
