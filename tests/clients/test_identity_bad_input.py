"""Requests about identity that make no sense are refused in words, each with the right code, and change nothing."""
import grpc
import pytest

import harness
from harness import DAY_US, generated

DEFINITIONS = """\
identifiers:
  customer_id: {unique: true}
  email: {normalize: email}
  ip: {link: false}
events:
  order: {amount: money}
  profile: {name: string, postcode: string}
features:
  orders: {of: order, count: true}
  revenue: {of: order, sum: amount}
services: {shown: [orders, revenue]}
identity: {value: revenue, review_either: 1000}
"""

INVALID, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
AHEAD, NOT_NOW = grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.FAILED_PRECONDITION
FAR = 2**64 - 1
IDENTITY, _ = generated("identity")
REVIEW, _ = generated("review")
MATCHING, _ = generated("matching")
MEASURES, _ = generated("measures")


def who(text):
    return IDENTITY.NodeName(identifier=harness.identifiers_of(text)[0])


def node(number):
    return IDENTITY.NodeName(node=number)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with harness.Server(tmp_path_factory.mktemp("bad"), DEFINITIONS) as running, running.channel() as channel:
        for number, names in enumerate((["customer_id:1", "email:ada@x.org"], ["email:bob@x.org"])):
            [answer] = harness.ingest(channel, [
                harness.event("order", f"o{number}", harness.now_us() - DAY_US, names, amount=10.0)])
            assert answer.applied == 1
        yield running


@pytest.fixture(autouse=True)
def nothing_changes(server):
    before = state(server)
    yield
    assert state(server) == before
    assert server.process.poll() is None


def state(server):
    """The newest entry of the log, and both customers' features."""
    operations, _ = generated("operations")
    status = operations.GetStatusResponse.FromString(call(server, "Operations", "GetStatus", b""))
    with server.channel() as channel:
        reply = harness.get_features(channel, ["email:ada@x.org", "email:bob@x.org"], service="shown")
    return (status.newest_known_at_us, list(reply.info.customer_ids),
            [harness.column_values(column) for column in reply.columns])


def call(server, service, method, request, timeout=30):
    """Its answer; `request` may be bytes as well."""
    with server.channel() as channel:
        function = channel.unary_unary(f"/patron.v1.{service}/{method}")
        return function(request if isinstance(request, bytes) else request.SerializeToString(), timeout=timeout)


def refused(server, service, method, request, code, words):
    with pytest.raises(grpc.RpcError) as failed:
        call(server, service, method, request)
    assert (failed.value.code(), words in failed.value.details()) == (code, True), failed.value


@pytest.mark.parametrize("method, kind", [("Show", "ShowIdentityRequest"), ("History", "IdentityHistoryRequest")])
@pytest.mark.parametrize("fields, code, words", [
    ({}, INVALID, "say whose identity"),
    ({"node": 0}, INVALID, "say whose identity"),
    ({"customer": 0}, INVALID, "say whose identity"),
    ({"node": 4}, MISSING, "number 4"),
    ({"node": FAR}, MISSING, str(FAR)),
    ({"customer": 2}, MISSING, "customer 1"),
    ({"customer": FAR}, MISSING, str(FAR)),
    ({"node": 1, "as_of_us": 2**63 - 1}, AHEAD, "not known yet"),
    ({"node": 1, "as_of_us": -2**63}, AHEAD, "before 1900"),
    ({"node": 1, "as_of_us": 0}, MISSING, "number 1"),
    ({"identifier": harness.identifiers_of("email:ada@x.org")[0], "as_of_us": 0}, MISSING, "not known yet"),
])
def test_nobody_is_shown_who_is_not_there(server, method, kind, fields, code, words):
    refused(server, "Identity", method, getattr(IDENTITY, kind)(**fields), code, words)


def test_pages_of_history_have_their_limits(server):
    page = IDENTITY.IdentityHistoryRequest
    refused(server, "Identity", "History", page(node=1, page_size=1001), INVALID, "at most 1000")
    refused(server, "Identity", "History", page(node=1, page_size=2**32 - 1), INVALID, "at most 1000")
    for after_us in (-2**63, 2**63 - 1):
        told = IDENTITY.IdentityHistoryResponse.FromString(
            call(server, "Identity", "History", page(node=1, after_us=after_us)))
        assert len(told.moments) == (1 if after_us < 0 else 0) and told.next_us == 0, told


@pytest.mark.parametrize("fields, code, words", [
    ({"a": node(0)}, MISSING, "number 0"),
    ({"a": node(4)}, MISSING, "4"),
    ({"b": node(FAR)}, MISSING, str(FAR)),
    ({"b": IDENTITY.NodeName()}, INVALID, "missing"),
    ({"b": node(1)}, INVALID, "two ends"),
    ({"b": who("email:nobody@x.org")}, MISSING, "nobody@x.org"),
    ({"b": who("phone:1")}, INVALID, "unknown identifier type"),
    ({"b": who("email:")}, MISSING, "email ''"),
    ({"b": who("email:" + "x" * 1025)}, INVALID, "1024"),
    ({"actor": ""}, INVALID, "who"),
    ({"actor": "x" * 257}, INVALID, "256"),
    ({"actor": "x\0y"}, INVALID, "actor"),
    ({"reason": "x" * 1001}, INVALID, "1000"),
    ({"reason": "\0"}, INVALID, "reason"),
    ({"service": "other"}, INVALID, "other"),
])
@pytest.mark.parametrize("dry_run", [False, True])
def test_links_that_make_no_sense_are_refused(server, fields, code, words, dry_run):
    request = IDENTITY.LinkIdentityRequest(
        **{"a": node(1), "b": node(3), "actor": "grace", "dry_run": dry_run, **fields})
    refused(server, "Identity", "Link", request, code, words)


@pytest.mark.parametrize("fields, code, words", [
    ({}, INVALID, "either"),
    ({"a": node(1)}, INVALID, "missing"),
    ({"a": node(1), "b": node(2), "split": [node(1)]}, INVALID, "either"),
    ({"a": node(1), "b": node(3)}, NOT_NOW, "one customer"),
    ({"a": node(1), "b": node(1)}, INVALID, ""),
    ({"split": [node(1), node(3)]}, NOT_NOW, "one customer"),
    ({"split": [node(1), node(2)]}, INVALID, "all"),
    ({"split": [node(0)]}, MISSING, "number 0"),
    ({"split": [node(FAR)]}, MISSING, str(FAR)),
    ({"split": [IDENTITY.NodeName()]}, INVALID, ""),
    ({"split": [node(1)] * 1001}, INVALID, "at most"),
    ({"split": [node(1)], "actor": ""}, INVALID, "who"),
    ({"split": [node(1)], "reason": "x" * 1001}, INVALID, "1000"),
    ({"split": [node(1)], "service": "other"}, INVALID, "other"),
])
def test_splits_that_make_no_sense_are_refused(server, fields, code, words):
    request = IDENTITY.UnlinkIdentityRequest(**{"actor": "grace", **fields})
    refused(server, "Identity", "Unlink", request, code, words)


@pytest.mark.parametrize("method, kind", [("Block", "BlockIdentityRequest"), ("Unblock", "UnblockIdentityRequest")])
@pytest.mark.parametrize("fields, code, words", [
    ({}, INVALID, "missing"),
    ({"node": node(0)}, MISSING, "number 0"),
    ({"node": node(4)}, MISSING, "4"),
    ({"node": who("email:nobody@x.org")}, MISSING, "nobody@x.org"),
    ({"node": node(1), "actor": ""}, INVALID, "who"),
    ({"node": node(1), "actor": "x" * 257}, INVALID, "256"),
    ({"node": node(1), "reason": "x" * 1001}, INVALID, "1000"),
])
def test_blocks_that_make_no_sense_are_refused(server, method, kind, fields, code, words):
    refused(server, "Identity", method, getattr(IDENTITY, kind)(**{"actor": "grace", **fields}), code, words)


@pytest.mark.parametrize("method, request_, code, words", [
    ("List", REVIEW.ListReviewsRequest(states=[99]), INVALID, "state"),
    ("List", REVIEW.ListReviewsRequest(obstacles=[99]), INVALID, "obstacle"),
    ("List", REVIEW.ListReviewsRequest(states=[1, 0]), INVALID, "state"),
    ("List", REVIEW.ListReviewsRequest(states=[1] * 10_000), INVALID, "10000 states"),
    ("List", REVIEW.ListReviewsRequest(obstacles=[1] * 10_000), INVALID, "10000 obstacles"),
    ("List", REVIEW.ListReviewsRequest(page_size=2**32 - 1), INVALID, "at most 500"),
    ("List", REVIEW.ListReviewsRequest(min_worth=float("nan")), INVALID, "not a number"),
    ("List", REVIEW.ListReviewsRequest(node=node(0)), MISSING, "number 0"),
    ("List", REVIEW.ListReviewsRequest(node=node(FAR)), MISSING, str(FAR)),
    ("Get", REVIEW.GetReviewRequest(), MISSING, "no review item"),
    ("Decide", REVIEW.DecideReviewRequest(item_us=1, actor="x", verdict=77), INVALID, "verdict"),
    ("Decide", REVIEW.DecideReviewRequest(item_us=1, actor="x", verdict=1, seen=b"x" * 10_000), INVALID, "seen"),
])
def test_reviews_that_make_no_sense_are_refused(server, method, request_, code, words):
    refused(server, "Review", method, request_, code, words)


@pytest.mark.parametrize("method, request_, code, words", [
    ("Train", MATCHING.TrainRequest(), NOT_NOW, "match"),
    ("Preview", MATCHING.PreviewRequest(), NOT_NOW, "match"),
    ("Preview", MATCHING.PreviewRequest(limit=FAR), NOT_NOW, "match"),
    ("GetModel", MATCHING.GetModelRequest(number=77), MISSING, "77"),
    ("GetModel", MATCHING.GetModelRequest(), MISSING, "model"),
])
def test_without_records_nothing_is_matched(server, method, request_, code, words):
    with server.channel() as channel, pytest.raises(grpc.RpcError) as failed:
        if method in ("Train", "Preview"):
            list(channel.unary_stream(f"/patron.v1.Matching/{method}")(request_.SerializeToString(), timeout=30))
        else:
            channel.unary_unary(f"/patron.v1.Matching/{method}")(request_.SerializeToString(), timeout=30)
    assert (failed.value.code(), words in failed.value.details()) == (code, True), failed.value


def text_field(number, value):
    return bytes([number << 3 | 2, len(value)]) + value


@pytest.mark.parametrize("service, method, good, number", [
    ("Identity", "Link", IDENTITY.LinkIdentityRequest(a=node(1), b=node(3), actor="grace"), 4),
    ("Identity", "Link", IDENTITY.LinkIdentityRequest(a=node(1), b=node(3)), 3),
    ("Identity", "Unlink", IDENTITY.UnlinkIdentityRequest(split=[node(1)], actor="grace"), 5),
    ("Identity", "Block", IDENTITY.BlockIdentityRequest(node=node(1), actor="grace"), 3),
    ("Identity", "Unblock", IDENTITY.UnblockIdentityRequest(node=node(1), actor="grace"), 3),
    ("Review", "Decide", REVIEW.DecideReviewRequest(item_us=1, verdict=2, actor="grace"), 5),
    ("Review", "Get", REVIEW.GetReviewRequest(item_us=1), 2),
])
def test_what_is_no_text_is_refused(server, service, method, good, number):
    for bad in (b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"a\0b"):
        refused(server, service, method, good.SerializeToString() + text_field(number, bad), INVALID, "")


METHODS = [("Identity", name) for name in ("Show", "History", "Link", "Unlink", "Block", "Unblock")] + [
    ("Review", name) for name in ("List", "Get", "Decide")] + [("Matching", "GetModel"), ("Measures", "GetMeasures")]


@pytest.mark.parametrize("service, method", METHODS)
@pytest.mark.parametrize("bad", [b"\x0a", b"\x0a\x7f", b"\xff" * 40, b"\x08" + b"\x80" * 11, b"\x0b\x0c\x0b"],
                         ids=["cut", "short", "ones", "endless", "group"])
def test_what_is_no_message_is_refused(server, service, method, bad):
    with pytest.raises(grpc.RpcError) as failed:
        call(server, service, method, bad)
    assert failed.value.code() == INVALID and failed.value.details(), failed.value


def test_a_message_of_many_empty_parts_is_refused(server):
    many = b"\x1a\x00" * 2_000_000
    refused(server, "Identity", "Unlink", many, INVALID, "")
    refused(server, "Review", "List", b"\x0a\x7f" + b"\x01" * 127 + b"\x10\x01" * 2_000_000, INVALID, "")


def test_measures_ask_nothing_that_can_be_wrong(server):
    asked = MEASURES.GetMeasuresRequest(fresh=True).SerializeToString() + b"\xf8\x07\x01"
    reply = MEASURES.GetMeasuresResponse.FromString(call(
        server, "Measures", "GetMeasures", asked))
    assert reply.identifiers == 3


def test_pages_of_reviews_begin_anywhere(server):
    for from_us in (-2**63, -1, 2**63 - 1):
        for about in ({}, {"customer": 1}, {"states": [1, 2, 3, 4, 5, 6]}):
            told = REVIEW.ListReviewsResponse.FromString(
                call(server, "Review", "List", REVIEW.ListReviewsRequest(from_us=from_us, **about)))
            assert not told.items and told.next_us == 0, told
