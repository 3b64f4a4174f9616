"""A Python client made from proto/ reads the same values as the command line, and decodes vectors with nothing else."""
import array
import math
import struct
import sys

import grpc
import pytest

import harness
import shop

CUSTOMERS = 60


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    with harness.Server(tmp_path_factory.mktemp("python")) as server:
        events = shop.events(1, CUSTOMERS, 600, *shop.history_window(harness.now_us()))
        with server.channel() as channel:
            answers = harness.ingest(channel, events, batch_size=100)
            assert sum(answer.applied for answer in answers) == len(events)
            yield server, channel


def vectors(channel, names, **what):
    messages, services = harness.generated("features")
    request = messages.GetVectorsRequest(identifiers=harness.identifiers_of(*names), **what)
    return services.FeaturesStub(channel).GetVectors(request, timeout=30)


def decoded(reply, code):
    """Rows of values, None where the validity bit is 0: what the contract says, and no more."""
    values = array.array(code, reply.matrix)
    if sys.byteorder == "big":
        values.byteswap()
    assert len(values) == reply.rows * reply.columns
    assert len(reply.validity) == (reply.rows * reply.columns + 7) // 8
    rows = []
    for row in range(reply.rows):
        cells = []
        for column in range(reply.columns):
            bit = row * reply.columns + column
            valid = reply.validity[bit // 8] >> bit % 8 & 1
            value = values[bit]
            assert valid or math.isnan(value)
            cells.append(value if valid else None)
        rows.append(cells)
    return rows


def test_vectors_hold_what_the_columns_hold(loaded):
    server, channel = loaded
    names = shop.customer_names(CUSTOMERS) + ["customer_id:nobody"]
    columns = harness.get_features(channel, names, service="churn")
    reply = vectors(channel, names, service="churn", as_of_us=columns.info.as_of_us)
    assert reply.rows == len(names)
    assert list(reply.names) == [column.name for column in columns.columns]
    expected = [harness.column_values(column) for column in columns.columns]
    for row, cells in enumerate(decoded(reply, "d")):
        assert cells == [None if values[row] is None else float(values[row]) for values in expected], names[row]
    assert reply.info.row_statuses == bytes([harness.PRESENT] * CUSTOMERS + [harness.NOT_FOUND])
    assert decoded(reply, "d")[-1] == [None] * reply.columns


def test_vectors_of_four_bytes_are_those_of_eight_rounded(loaded):
    _, channel = loaded
    messages, _ = harness.generated("features")
    names = shop.customer_names(CUSTOMERS)
    wide = vectors(channel, names, service="churn")
    narrow = vectors(channel, names, service="churn", as_of_us=wide.info.as_of_us,
                     element_type=messages.ELEMENT_TYPE_FLOAT32)
    rounded = [[None if value is None else struct.unpack("<f", struct.pack("<f", value))[0] for value in row]
               for row in decoded(wide, "d")]
    assert decoded(narrow, "f") == rounded


def test_the_command_line_says_the_same_values(loaded):
    server, channel = loaded
    names = shop.customer_names(CUSTOMERS)[:20] + ["customer_id:nobody"]
    for service in ("churn", "shown"):
        reply = harness.get_features(channel, names, service=service)
        said = server.get(*names, service=service, as_of=harness.time_text(reply.info.as_of_us))
        assert said["as_of"] == harness.time_text(reply.info.as_of_us)
        for row, (name, told) in enumerate(zip(names, said["rows"], strict=True)):
            assert told["id"] == name
            if reply.info.row_statuses[row] == harness.NOT_FOUND:
                assert told["status"] == "not_found"
                continue
            assert told["customer"] == reply.info.customer_ids[row]
            assert told["features"] == {
                column.name: harness.column_values(column)[row] for column in reply.columns}


def test_text_has_no_place_in_a_vector(loaded):
    _, channel = loaded
    with pytest.raises(grpc.RpcError) as refused:
        vectors(channel, ["customer_id:c00001"], service="shown")
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "channel_last" in refused.value.details()


def test_a_misspelt_feature_is_answered_with_the_nearest(loaded):
    _, channel = loaded
    with pytest.raises(grpc.RpcError) as refused:
        harness.get_features(channel, ["customer_id:c00001"], features=["revenu_30d"])
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "revenue_30d" in refused.value.details()


def test_the_future_is_refused(loaded):
    _, channel = loaded
    with pytest.raises(grpc.RpcError) as refused:
        harness.get_features(channel, ["customer_id:c00001"], service="churn",
                             as_of_us=harness.now_us() + harness.DAY_US)
    assert refused.value.code() == grpc.StatusCode.OUT_OF_RANGE


def test_a_read_as_of_its_own_moment_gives_the_same_bytes_again(loaded):
    _, channel = loaded
    names = shop.customer_names(CUSTOMERS)
    first = harness.get_features(channel, names, service="churn")
    more = shop.events(2, CUSTOMERS, 200, *shop.history_window(harness.now_us()))
    assert sum(answer.applied for answer in harness.ingest(channel, more, source="later")) == len(more)
    again = harness.get_features(channel, names, service="churn", as_of_us=first.info.as_of_us)
    assert again.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)
