"""What is wrong is said in words, by place, and costs nothing else: the rest goes in and nothing is lost."""
import json

import grpc
import pytest

import harness
from harness import DAY_US, event

NOW = harness.now_us()
CSV_FLAGS = ["--event", "order", "--time", "date", "--id", "id", "--identifier", "customer_id=customer",
             "--attribute", "amount=amount", "--attribute", "channel=channel"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with harness.Server(tmp_path_factory.mktemp("bad")) as running:
        yield running


@pytest.fixture(scope="module")
def channel(server):
    with server.channel() as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_is_lost(server, channel):
    """Around every test: one customer's features do not change, and a refold agrees with what is served."""
    keeper = [event("order", "kept", NOW - DAY_US, ["customer_id:keeper"], decimal_amount="12.50")]
    harness.ingest(channel, keeper, source="keeper")
    before = harness.get_features(channel, ["customer_id:keeper"], features=["orders", "revenue"])
    yield
    after = harness.get_features(channel, ["customer_id:keeper"], features=["orders", "revenue"])
    assert [harness.column_values(column) for column in after.columns] == [[1], [12.5]]
    assert after.info.customer_ids == before.info.customer_ids
    server.verify()


def events_held(server):
    return server.status()["events"]


def write(folder, text, name="orders.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def orders_csv(bad_line):
    lines = ["id,date,customer,amount,channel"]
    lines += [f"{number},2024-03-01T00:00:{number:02}Z,z{number},9.50,web" for number in range(2, 6)]
    lines += [bad_line] if bad_line else []
    lines += [f"{number},2024-03-02T00:00:{number:02}Z,z{number},9.50,web" for number in range(7, 10)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name, bad_line, words", [
    ("few", "6,2024-03-01T00:00:06Z", "6:"),
    ("date", "6,yesterday,z6,9.50,web", "yesterday"),
    ("digits", "6,2024-03-01T00:00:06Z,z6,9.5000001,web", "amount"),
    ("overflow", "6,2024-03-01T00:00:06Z,z6,99999999999999999999999,web", "amount"),
    ("nan", "6,2024-03-01T00:00:06Z,z6,NaN,web", "amount"),
    ("old", "6,1850-03-01T00:00:06Z,z6,9.50,web", "1850"),
    ("far", "6,2250-03-01T00:00:06Z,z6,9.50,web", "2250"),
    ("nobody", "6,2024-03-01T00:00:06Z,,9.50,web", "identifier"),
    ("long", "6,2024-03-01T00:00:06Z," + "z" * (1 << 20) + ",9.50,web", "1024"),
])
def test_a_broken_row_is_named_by_its_line_and_the_rest_goes_in(server, tmp_path, name, bad_line, words):
    path = write(tmp_path, orders_csv(bad_line))
    before = events_held(server)
    done = server.patron("import", path, "--source", name, *CSV_FLAGS, code=1)
    assert f"{path}:6:" in done.stderr, done.stderr
    assert words in done.stderr, done.stderr
    assert events_held(server) == before + 7
    # Mended, it goes in alone.
    write(tmp_path, orders_csv("6,2024-03-01T00:00:06Z,z6,9.50,web"))
    said = json.loads(server.patron("import", path, "--source", name, "-o", "json", *CSV_FLAGS).stdout)
    assert (said["applied"], said["duplicates"], said["refused"]) == (1, 7, 0)


def test_strict_stops_at_the_first_broken_row(server, tmp_path):
    path = write(tmp_path, orders_csv("6,yesterday,z6,9.50,web"))
    before = events_held(server)
    done = server.patron("import", path, "--source", "strict", "--strict", *CSV_FLAGS, code=1)
    assert f"{path}:6:" in done.stderr
    assert events_held(server) == before


def test_strict_stops_at_the_first_refused_event_and_counts_all_that_went_in(server, tmp_path):
    lines = ["id,date,customer,amount,channel"]
    lines += [f"{number},2024-03-01T00:{number // 60:02}:{number % 60:02}Z,s{number},9.50,web"
              for number in range(1000)]
    lines[1 + 250] = lines[1 + 250].replace("9.50", "9.5000001")
    path = write(tmp_path, "\n".join(lines) + "\n")
    before = events_held(server)
    flags = ["--source", "strictly", "--strict", "-o", "json", *CSV_FLAGS]
    done = server.patron("import", path, *flags, code=1)
    said = json.loads(done.stdout)
    assert f"stopped at {path}:252," in done.stderr
    assert "250 events before it are in, and 49 after it" in done.stderr
    assert (said["sent"], said["applied"], said["duplicates"], said["refused"]) == (300, 299, 0, 1)
    assert events_held(server) == before + 299
    again = json.loads(server.patron("import", path, *flags, code=1).stdout)
    assert (again["applied"], again["duplicates"], again["refused"]) == (0, 299, 1)
    write(tmp_path, "\n".join(lines).replace("9.5000001", "9.50") + "\n")
    mended = json.loads(server.patron("import", path, *flags).stdout)
    assert (mended["applied"], mended["duplicates"], mended["refused"]) == (701, 299, 0)


def test_other_columns_of_the_same_rows_are_refused_and_not_counted_twice(server, tmp_path):
    path = write(tmp_path, "date,customer,amount,tax\n2024-03-01,m1,9.50,1\n2024-03-01,m1,9.50,1\n"
                           "2024-03-02,m2,7,1\n", "mapped.csv")
    flags = ["--event", "order", "--time", "date", "--identifier", "customer_id=customer", "-o", "json"]
    first = json.loads(server.patron("import", path, *flags, "--attribute", "amount=amount").stdout)
    assert (first["applied"], first["duplicates"]) == (3, 0)
    other = server.patron("import", path, *flags, "--attribute", "amount=tax", code=1)
    said = json.loads(other.stdout)
    assert (said["applied"], said["duplicates"], said["refused"]) == (0, 0, 3)
    assert "conflict" in other.stderr


def test_a_file_named_twice_is_refused(server, tmp_path):
    path = write(tmp_path, orders_csv(None), "once.csv")
    (tmp_path / "linked.csv").symlink_to(path)
    before = events_held(server)
    for other in [path, tmp_path / "." / "linked.csv"]:
        done = server.patron("import", path, other, "--source", "once", *CSV_FLAGS, code=2)
        assert "the same file" in done.stderr
    assert events_held(server) == before


def test_two_files_of_one_name_need_a_source(server, tmp_path):
    paths = []
    for name in ["north", "south"]:
        (tmp_path / name).mkdir()
        paths.append(write(tmp_path / name, orders_csv(None), "twin.csv"))
    before = events_held(server)
    done = server.patron("import", *paths, *CSV_FLAGS, code=2)
    assert "name one with --source" in done.stderr
    assert events_held(server) == before
    said = json.loads(server.patron("import", *paths, "--source", "both", "-o", "json", *CSV_FLAGS).stdout)
    assert (said["applied"], said["duplicates"]) == (7, 7)


def test_bytes_that_are_no_utf8_are_named_by_their_line(server, tmp_path):
    path = write(tmp_path, orders_csv(None).encode().replace(b"z7,", b"z\xff7,"))
    before = events_held(server)
    done = server.patron("import", path, "--source", "latin", *CSV_FLAGS, code=1)
    assert f"{path}:6:" in done.stderr and "UTF-8" in done.stderr
    assert events_held(server) == before + 6


def test_a_broken_json_line_is_named_and_the_rest_goes_in(server, tmp_path):
    good = [json.dumps({"type": "order", "id": f"j{number}", "time": "2024-03-01T00:00:00Z",
                        "identifiers": {"customer_id": f"j{number}"}, "attributes": {"amount": 1.5}})
            for number in range(4)]
    path = write(tmp_path, "\n".join(good[:2] + ['{"type": "order", "id": '] + good[2:]) + "\n", "events.jsonl")
    before = events_held(server)
    done = server.patron("import", path, code=1)
    assert f"{path}:3:" in done.stderr
    assert events_held(server) == before + 4


def test_a_file_that_is_not_there_is_named(server, tmp_path):
    assert str(tmp_path / "no.csv") in server.patron("import", tmp_path / "no.csv", *CSV_FLAGS, code=1).stderr


def test_a_misspelt_flag_is_answered_with_the_nearest(server):
    assert "--service" in server.patron("get", "--servise", "churn", code=2).stderr


def test_the_version_is_said_with_and_without_dashes():
    assert harness.patron("version").stdout == harness.patron("--version").stdout
    assert harness.patron("version").stdout.startswith("patron ")


def test_a_server_that_is_not_there_is_named_with_what_to_do(tmp_path):
    done = harness.patron("status", "--server", "127.0.0.1:1", code=1)
    assert "127.0.0.1:1" in done.stderr


ORDER = {"decimal_amount": "1.00"}
REFUSED = {
    "an unknown type": (event("ordr", "r", NOW, ["customer_id:r"]), "ordr"),
    "an unknown attribute": (event("order", "r", NOW, ["customer_id:r"], amout=1), "amout"),
    "an unknown identifier type": (event("order", "r", NOW, ["mail:r@x.org"]), "mail"),
    "text for money": (event("order", "r", NOW, ["customer_id:r"], amount="a lot"), "amount"),
    "a fraction for an integer": (event("order", "r", NOW, ["customer_id:r"], items=1.5), "items"),
    "a number for text": (event("order", "r", NOW, ["customer_id:r"], channel=7), "channel"),
    "seven decimals of money": (event("order", "r", NOW, ["customer_id:r"], decimal_amount="0.0000001"), "amount"),
    "money past its bounds": (event("order", "r", NOW, ["customer_id:r"], decimal_amount="9" * 20), "amount"),
    "NaN for money": (event("order", "r", NOW, ["customer_id:r"], amount=float("nan")), "amount"),
    "an infinite number": (event("order", "r", NOW, ["customer_id:r"], discount=float("inf")), "discount"),
    "a number past 2^53": (event("order", "r", NOW, ["customer_id:r"], discount=2.0 ** 53), "discount"),
    "no identifier": (event("order", "r", NOW, []), "identifier"),
    "an empty identifier": (event("order", "r", NOW, ["customer_id:"]), "identifier"),
    "an identifier of 1 MiB": (event("order", "r", NOW, ["customer_id:" + "r" * (1 << 20)]), "1024"),
    "33 identifiers": (event("order", "r", NOW, [f"device:{number}" for number in range(33)]), "32"),
    "no id": (event("order", "", NOW, ["customer_id:r"]), "id"),
    "an id of 513 bytes": (event("order", "r" * 513, NOW, ["customer_id:r"]), "512"),
    "a time before 1900": (event("order", "r", -3_000_000_000_000_000, ["customer_id:r"]), "1900"),
    "a time past 2200": (event("order", "r", 7_258_118_400_000_000, ["customer_id:r"]), "2200"),
    "a time too far ahead": (event("order", "r", NOW + 30 * DAY_US, ["customer_id:r"]), "604800"),
    "known after the clock": (
        event("order", "r", NOW, ["customer_id:r"], known_at_us=NOW + 2 * DAY_US), "clock"),
    "an address that is none": (event("order", "r", NOW, ["email:ada"]), "@"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_event_is_refused_by_itself_with_its_reason(server, channel, what):
    bad, words = REFUSED[what]
    before = events_held(server)
    good = [event("order", f"{what} {number}", NOW - DAY_US, [f"customer_id:{what} {number}"], **ORDER)
            for number in range(2)]
    [answer] = harness.ingest(channel, [good[0], bad, good[1]], source="refused")
    assert answer.applied == 2
    [refusal] = answer.refusals
    assert refusal.index == 1
    assert words in refusal.reason, refusal.reason
    assert events_held(server) == before + 2
    known = harness.get_features(channel, ["customer_id:r"], features=["orders"]).info.row_statuses
    assert known == bytes([harness.NOT_FOUND])


def test_the_same_id_with_other_content_is_refused_and_with_the_same_content_counts_once(server, channel):
    first = event("order", "twice", NOW - DAY_US, ["customer_id:twice"], decimal_amount="5")
    other = event("order", "twice", NOW - DAY_US, ["customer_id:twice"], decimal_amount="6")
    [answer] = harness.ingest(channel, [first, first, other], source="twice")
    assert (answer.applied, answer.duplicates) == (1, 1)
    [refusal] = answer.refusals
    assert (refusal.index, refusal.code) == (2, "conflict")
    columns = harness.get_features(channel, ["customer_id:twice"], features=["orders", "revenue"]).columns
    assert [harness.column_values(column) for column in columns] == [[1], [5.0]]


def test_100000_identifiers_in_a_request_are_too_many_by_number(channel):
    with pytest.raises(grpc.RpcError) as refused:
        harness.get_features(channel, ["customer_id:x"] * 100_000, features=["orders"])
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "10000" in refused.value.details().replace(",", "")


def test_an_identifier_of_1_mib_in_a_read_is_refused(channel):
    with pytest.raises(grpc.RpcError) as refused:
        harness.get_features(channel, ["customer_id:" + "x" * (1 << 20)], features=["orders"])
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method, request_bytes", [
    ("/patron.v1.Features/GetFeatures", b"\xff\xff\xff"),
    ("/patron.v1.Features/GetVectors", b"\x1a\x7fx"),
    # {identifiers: [{type: "customer_id", value: <a byte that is no UTF-8>}]}, features: ["orders"]
    ("/patron.v1.Features/GetFeatures", b"\x12\x06orders\x1a\x10\x0a\x0bcustomer_id\x12\x01\xff"),
])
def test_bytes_that_are_no_request_are_refused(channel, method, request_bytes):
    call = channel.unary_unary(method)
    with pytest.raises(grpc.RpcError) as refused:
        call(request_bytes, timeout=30)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, refused.value.details()


def test_a_method_that_is_not_there_is_unimplemented_at_once(channel):
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/patron.v1.Features/GetFuture")(b"", timeout=30)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_request_of_20_mib_is_refused(channel):
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/patron.v1.Features/GetFeatures")(b"\x0a" + b"\x80" * (20 << 20), timeout=30)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
