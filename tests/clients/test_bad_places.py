"""Where the server must not run, it says why and what to do, and leaves what is there as it was."""
import os
import re
import subprocess
import time
from pathlib import Path

import grpc
import pytest

import harness
from harness import DAY_US, event


def load(server, count=5, source="test"):
    now = harness.now_us()
    with server.channel() as channel:
        events = [event("order", f"{source}{number}", now - DAY_US, ["customer_id:ada"], decimal_amount="2.50")
                  for number in range(count)]
        answers = harness.ingest(channel, events, source=source)
    return sum(answer.applied for answer in answers)


def orders(server):
    with server.channel() as channel:
        reply = harness.get_features(channel, ["customer_id:ada"], features=["orders"])
    return harness.column_values(reply.columns[0])[0]


def test_a_data_directory_in_use_is_refused_by_name(server):
    load(server)
    other = harness.Server(server.folder / "other")
    other.data = server.data
    code, words = other.refused_start()
    assert code == 1
    assert str(server.data) in words and "use" in words
    assert orders(server) == 5


def test_a_wrong_key_a_lost_key_and_an_open_key_are_refused(tmp_path):
    server = harness.Server(tmp_path / "server")
    with server:
        load(server)
    key = Path(f"{server.data}.key")
    secret = key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600

    key.write_bytes(bytes(byte ^ 1 for byte in secret))
    code, words = server.refused_start()
    assert code == 1 and "key" in words

    key.unlink()
    code, words = server.refused_start()
    assert code == 1 and str(key) in words
    assert not key.exists(), "a new key must not be made for an old store"

    key.write_bytes(secret)
    key.chmod(0o644)
    code, words = server.refused_start()
    assert code == 1 and str(key) in words

    key.chmod(0o600)
    with server:
        assert orders(server) == 5
        server.verify()


def test_a_directory_of_a_newer_format_is_refused_and_left_alone(tmp_path):
    server = harness.Server(tmp_path / "server")
    with server:
        load(server)
    table = ["ldb", f"--db={server.data / 'store'}", "--column_family=meta"]
    subprocess.run([*table, "--value_hex", "put", "format", "0x03"], check=True, capture_output=True, timeout=60)
    code, words = server.refused_start()
    assert code == 1 and "newer" in words
    subprocess.run([*table, "--value_hex", "put", "format", "0x02"], check=True, capture_output=True, timeout=60)
    with server:
        assert orders(server) == 5
        server.verify()


def test_definitions_with_mistakes_are_refused_with_their_lines(tmp_path):
    wrong = harness.SHOP.replace("{of: session, count: true, window: 7d}", "{of: sesion, count: true, window: 7d}")
    code, words = harness.Server(tmp_path / "server", wrong).refused_start()
    line = next(number for number, text in enumerate(wrong.splitlines(), 1) if "sesion" in text)
    assert code == 1
    assert f"line {line}" in words and "session" in words


def test_changed_definitions_are_a_new_version_and_a_retyped_attribute_is_refused(tmp_path):
    server = harness.Server(tmp_path / "server")
    with server:
        load(server)
        assert server.status()["definitions_version"] == 1
    server.definitions.write_text(harness.SHOP.replace(
        "services:", "  orders_7d: {of: order, count: true, window: 7d}\nservices:", 1), encoding="utf-8")
    with server:
        assert server.status()["definitions_version"] == 2
        assert server.get("customer_id:ada", service="shown")["rows"][0]["features"]["orders"] == 5
        with server.channel() as channel:
            reply = harness.get_features(channel, ["customer_id:ada"], features=["orders_7d"])
        assert harness.column_values(reply.columns[0]) == [5]
        server.verify()
    server.definitions.write_text(harness.SHOP.replace("amount: money", "amount: number"), encoding="utf-8")
    code, words = server.refused_start()
    assert code == 1 and "amount" in words


def test_a_wrong_flag_is_answered_with_the_nearest(tmp_path):
    server = harness.Server(tmp_path / "server", flags=["--listn", "127.0.0.1:0"])
    code, words = server.refused_start()
    assert code == 2 and "--listen" in words


def test_a_port_in_use_is_refused_by_name(server, tmp_path):
    other = harness.Server(tmp_path / "other")
    command = other.command()
    command[command.index("--listen") + 1] = server.address
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert server.address in done.stdout + done.stderr


def shifted(folder):
    """An environment under which the server's wall clock is off by what folder/shift says; the steady one is not."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(folder / "shift"), "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


def shift(folder, seconds):
    (folder / "new").write_text(f"{seconds:+}s\n", encoding="ascii")
    (folder / "new").rename(folder / "shift")


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_a_clock_that_jumps_stops_writes_until_an_operator_confirms(tmp_path, jump):
    shift(tmp_path, 0)
    server = harness.Server(tmp_path / "server", environment=shifted(tmp_path))
    server.start()
    try:
        server.environment = dict(os.environ)
        assert load(server) == 5
        before = server.status()
        shift(tmp_path, jump)
        deadline = time.monotonic() + 20
        while not server.status()["clock_jumped"]:
            assert time.monotonic() < deadline, "the jump was not noticed"
            time.sleep(0.1)
        with pytest.raises(grpc.RpcError) as refused:
            load(server, source="after")
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "clock confirm" in refused.value.details()
        # Reads go on, and no answer is of a future that the jump made up.
        reply = server.get("customer_id:ada", service="shown")
        assert reply["rows"][0]["features"]["orders"] == 5
        assert abs(harness.time_of(reply["as_of"]) - harness.now_us()) < 60_000_000
        said = server.patron("clock", "confirm").stdout
        # Back in time the store cannot go: it says how far the machine's clock has to come.
        ahead = re.search(r"ahead of the machine's", said)
        assert bool(ahead) == (jump < 0), said
        assert bool(re.search(r"^store clock .* 1 h 59 min ahead|^store clock .* 2 h", server.patron("status").stdout,
                              re.M)) == (jump < 0)
        assert load(server, source="after") == 5
        assert orders(server) == 10
        assert harness.time_of(server.status()["newest_known_at"]) > harness.time_of(before["newest_known_at"])
        server.verify()
    finally:
        assert server.stop() == 0
