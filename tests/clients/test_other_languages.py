"""grpcurl, knowing nothing but the address, and a Node client made from proto/ say what `patron get` says."""
import json
import subprocess

import pytest

import harness
import shop

GRPCURL = harness.CACHE / "bin/grpcurl"
NODE = harness.TOP / "tests/clients/node"
CUSTOMERS = 40
NAMES = shop.customer_names(CUSTOMERS)[:10] + ["customer_id:nobody"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with harness.Server(tmp_path_factory.mktemp("languages")) as running, running.channel() as channel:
        events = shop.events(3, CUSTOMERS, 400, *shop.history_window(harness.now_us()))
        harness.ingest(channel, events)
        yield running


def grpcurl(server, *arguments, request=None):
    flags = ["-plaintext", "-max-time", "30"]
    if request is not None:
        flags += ["-emit-defaults", "-d", json.dumps(request)]
    done = subprocess.run([GRPCURL, *flags, server.address, *arguments], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if request is not None else done.stdout


def as_identifiers(names):
    return [dict(zip(("type", "value"), name.split(":", 1))) for name in names]


def test_grpcurl_lists_and_describes_every_service(server):
    services = grpcurl(server, "list").split()
    assert {"patron.v1.Features", "patron.v1.Ingestion", "patron.v1.Operations", "patron.v1.Snapshots",
            "grpc.health.v1.Health"} <= set(services)
    for service in services:
        assert f"{service} is a service" in grpcurl(server, "describe", service)
    assert "fixed64 customer_ids" in grpcurl(server, "describe", "patron.v1.ReadInfo")


def test_grpcurl_asks_for_health(server):
    assert grpcurl(server, "grpc.health.v1.Health/Check", request={})["status"] == "SERVING"


def test_grpcurl_reads_the_status(server):
    said = grpcurl(server, "patron.v1.Operations/GetStatus", request={})
    assert said["services"] == ["churn", "shown"]
    assert int(said["events"]) == server.status()["events"]


def test_grpcurl_brings_an_event_in_and_reads_it(server):
    order = {"type": "order", "id": "curl-1", "timeUs": str(harness.now_us() - 1_000_000),
             "identifiers": [{"type": "customer_id", "value": "curl"}],
             "attributes": [{"name": "amount", "decimal": "19.99"}, {"name": "channel", "text": "web"}]}
    answer = grpcurl(server, "patron.v1.Ingestion/Ingest",
                     request={"batch": "1", "source": "curl", "events": [order]})
    assert answer["applied"] == 1 and answer["refusals"] == []
    reply = grpcurl(server, "patron.v1.Features/GetFeatures", request={
        "service": "shown", "identifiers": as_identifiers(["customer_id:curl"])})
    columns = {column["name"]: column for column in reply["columns"]}
    assert columns["revenue"]["doubles"] == [19.99]
    assert columns["channel_last"]["texts"] == ["web"]
    [told] = server.get("customer_id:curl", service="shown")["rows"]
    assert told["features"]["revenue"] == 19.99 and told["features"]["channel_last"] == "web"


@pytest.fixture(scope="module")
def node_modules_made(tmp_path_factory):
    """protoc with the plugin of the lock file; beside node_modules, so that the modules find their runtime."""
    out = NODE / "node_modules/.patron-modules"
    out.mkdir(exist_ok=True)
    protos = [f"patron/v1/{name}.proto" for name in ("types", "features")]
    subprocess.run(
        ["protoc", f"-I{harness.TOP / 'proto'}", f"--plugin=protoc-gen-ts={NODE / 'node_modules/.bin/protoc-gen-ts'}",
         f"--ts_out={out}", "--ts_opt=output_javascript,output_legacy_commonjs,client_grpc1,long_type_bigint", *protos],
        check=True, timeout=120)
    return out


@pytest.mark.parametrize("service", ["churn"])
def test_a_node_client_reads_the_values_that_the_command_line_says(server, node_modules_made, service):
    told = server.get(*NAMES, service=service)
    as_of_us = harness.time_of(told["as_of"])
    done = subprocess.run(
        ["node", NODE / "client.js", node_modules_made, server.address, service, str(as_of_us), *NAMES],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["asOfUs"] == str(as_of_us)
    assert said["names"] == list(said["columns"])
    for row, expected in enumerate(told["rows"]):
        values = {name: column[row] for name, column in said["columns"].items()}
        if expected["status"] == "not_found":
            assert said["customers"][row] == 0 and set(values.values()) == {None}
            continue
        assert said["customers"][row] == expected["customer"]
        assert values == expected["features"]
        assert said["vectors"][row] == [
            None if value is None else float(value) for value in expected["features"].values()]
