"""The definitions files that come with the program: every feature of every service, at past moments and now, of people
whose identifiers came together over time, equals a reading of the same events by hand (builtin_shop.py and the like).
"""
import collections
import datetime
import functools
import importlib
import math
import random
import re
import struct
import subprocess
from fractions import Fraction

import pytest

import harness
from reading import CASES_AT_US, Default, History, Stale, World

NAMES = ("shop", "subscription", "bank")
SERVICES = ("churn", "clv", "personalization", "attribution")
PEOPLE, SAMPLE = 200, 60
FROM_US, LATE_US, TO_US = (harness.time_of(f"{day}T12:00:00Z") for day in ("2022-11-10", "2025-01-20", "2025-06-20"))
STALE, DEFAULT = 4, 7


class Loaded:
    """A server with one built-in file and its made-up history."""

    def __init__(self, name, folder):
        self.reading = importlib.import_module("builtin_" + name)
        self.server = harness.Server(folder)
        self.server.definitions = "builtin:" + name
        self.events = self.reading.make(20240517, PEOPLE, FROM_US, TO_US)
        self.world = World(self.events, self.reading.NOBODY, self.reading.TIME_ZONE)
        self.names = sorted({name for event in self.events for name in event.identifiers})
        self.dice = random.Random(7)
        self.cases = self.reading.CASES  # by identifier, what was written out by hand for it

    def send(self, channel):
        answers = harness.ingest(channel, [event.message() for event in self.events])
        refusals = [refusal.reason for answer in answers for refusal in answer.refusals]
        assert sum(answer.applied for answer in answers) == len(self.events), refusals[:3]
        assert not any(answer.known_late for answer in answers)
        blocked = sum(name in self.reading.NOBODY for event in self.events for name in event.identifiers)
        assert sum(answer.identifiers_dropped for answer in answers) == blocked > 0

    @functools.lru_cache(maxsize=2)
    def readings(self, at_us, names):
        """What is expected of each identifier; None where it is not known then."""
        return [history and self.reading.read(history) for history in map(self.world.histories(at_us), names)]


@pytest.fixture(scope="module", params=NAMES)
def loaded(request, tmp_path_factory):
    made = Loaded(request.param, tmp_path_factory.mktemp(request.param) / "server")
    with made.server, made.server.channel() as channel:
        made.channel = channel
        made.send(channel)
        yield made


def cells(column):
    """(status, value) for each row; money as units, like the wire has it."""
    messages, _ = harness.generated("types")
    found = {
        messages.VALUE_TYPE_DOUBLE: column.doubles, messages.VALUE_TYPE_MONEY: column.doubles,
        messages.VALUE_TYPE_INT64: column.integers, messages.VALUE_TYPE_BOOL: column.flags,
        messages.VALUE_TYPE_STRING: column.texts}[column.type]
    return list(zip(column.statuses, found, strict=True))


def status_and_value(expected, fallback):
    if expected is None and fallback is not None:
        return DEFAULT, fallback
    if expected is None:
        return harness.NULL, None
    if isinstance(expected, Default):
        return DEFAULT, expected.value
    if isinstance(expected, Stale):
        return STALE, expected.value
    return harness.PRESENT, expected


def same(column, got, expected):
    messages, _ = harness.generated("types")
    if expected is None:
        return True
    if column.type == messages.VALUE_TYPE_MONEY:
        return got == float(expected)
    if column.type == messages.VALUE_TYPE_DOUBLE:
        # What remains where all but equal amounts are subtracted counts by the amounts, not by itself.
        return math.isclose(got, float(expected), rel_tol=1e-9, abs_tol=1e-9 if isinstance(expected, Fraction) else 0)
    return type(got) is type(expected) and got == expected


def compare(loaded, reply, names, service, seen):
    """Every cell of the reply; what was seen is counted by feature."""
    at_us = reply.info.as_of_us
    readings = loaded.readings(at_us, names)
    assert [status == harness.PRESENT for status in reply.info.row_statuses] == [
        reading is not None for reading in readings]
    nobody = loaded.reading.read(History([], at_us, loaded.world.zone))
    fallbacks = loaded.reading.SERVICE_DEFAULTS.get(service, {})
    for column in reply.columns:
        fallback = fallbacks.get(column.name)
        for name, reading, (status, got) in zip(names, readings, cells(column), strict=True):
            if reading is None:  # not known then: a default is all there is
                wanted = status_and_value(nobody[column.name], fallback)
                wanted = wanted if wanted[0] == DEFAULT else (harness.NOT_FOUND, None)
            else:
                wanted = status_and_value(reading[column.name], fallback)
                seen[column.name].add(wanted)
            assert status == wanted[0] and same(column, got, wanted[1]), (
                service, column.name, name, at_us, (status, got), wanted)


def moments(loaded):
    """Where clocks are put forward and back and where a day begins, some at random; and now, long after all of it."""
    zone = loaded.world.zone
    local = [datetime.datetime(2024, month, day, hour, tzinfo=zone)
             for month, day, hour in ((3, 31, 4), (11, 1, 0), (12, 31, 23))]
    at = [int(moment.timestamp()) * 1_000_000 for moment in local]
    at += [loaded.dice.randrange(FROM_US, TO_US)] + [loaded.dice.randrange(LATE_US, TO_US) for _ in range(3)]
    return at + [None]


def test_every_feature_of_every_service_is_what_a_reading_of_the_events_says(loaded):
    seen = collections.defaultdict(set)
    features = loaded.server.status()["features"]
    for at_us in moments(loaded):
        names = tuple(dict.fromkeys((*loaded.dice.sample(loaded.names, SAMPLE), *loaded.cases)))
        for service in SERVICES:
            reply = harness.get_features(loaded.channel, names, at_us, service=service)
            compare(loaded, reply, names, service, seen)
        reply = harness.get_features(loaded.channel, names, at_us, features=features)
        assert [column.name for column in reply.columns] == features
        compare(loaded, reply, names, None, seen)
    # The reading knows every feature and no other; each took values and not only one, so that a wrong one would show.
    assert sorted(loaded.reading.read(History([], TO_US, loaded.world.zone))) == sorted(features)
    assert [name for name in features if len({value for _, value in seen[name]} - {None}) < 2] == []


def test_what_could_mislead_is_said_as_written_out_by_hand(loaded):
    at_us, names = CASES_AT_US, tuple(loaded.cases)
    features = sorted({feature for wanted in loaded.cases.values() for feature in wanted})
    reply = harness.get_features(loaded.channel, names, at_us, features=features)
    assert list(reply.info.row_statuses) == [harness.PRESENT] * len(names)
    for column in reply.columns:
        for name, (status, got) in zip(names, cells(column), strict=True):
            wanted = loaded.cases[name].get(column.name, ...)
            if wanted is None:
                assert status == harness.NULL, (name, column.name, got)
            elif wanted is not ...:
                assert status == harness.PRESENT, (name, column.name, status)
                assert got == (pytest.approx(float(wanted), rel=1e-9, abs=1e-9)
                               if isinstance(wanted, Fraction) else wanted), (name, column.name)


def test_a_model_can_take_churn_and_clv_as_numbers(loaded):
    messages, services = harness.generated("features")
    names = tuple(loaded.dice.sample(loaded.names, SAMPLE))
    at_us = loaded.dice.randrange(FROM_US, TO_US)
    for service in ("churn", "clv"):
        columns = harness.get_features(loaded.channel, names, at_us, service=service).columns
        request = messages.GetVectorsRequest(
            service=service, identifiers=harness.identifiers_of(*names), as_of_us=at_us)
        reply = services.FeaturesStub(loaded.channel).GetVectors(request, timeout=60)
        matrix = struct.unpack(f"<{reply.rows * reply.columns}d", reply.matrix)
        for place, column in enumerate(columns):
            for row, (status, value) in enumerate(cells(column)):
                got = matrix[row * reply.columns + place]
                there = status in (harness.PRESENT, DEFAULT)
                assert got == value if there else math.isnan(got), (column.name, names[row])


def test_the_history_is_verified_whole(loaded):
    loaded.server.verify()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_can_be_printed_and_checked_and_documents_every_feature(name):
    printed = patrond("--print-definitions", "builtin:" + name)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == (harness.TOP / f"store/definitions/builtin/{name}.yaml").read_text(encoding="utf-8")
    checked = patrond("--check-definitions", "builtin:" + name)
    assert checked.returncode == 0 and "is good" in checked.stdout, checked.stderr
    body = printed.stdout[printed.stdout.index("\nfeatures:\n"):printed.stdout.index("\nservices:\n")]
    entries = re.split(r"\n  (?=\w+: \{)", body)[1:]
    assert len(entries) > 100
    for entry in entries:
        assert re.search(r", owner: \w+, tags: \[\w", " ".join(entry.split())), entry
        assert re.search(r'description: ".*\[[\w ,]+\]: \w.*"\}', " ".join(entry.split())), entry


def test_an_unknown_file_is_refused_with_those_there_are(tmp_path):
    for arguments in (("--print-definitions", "builtin:shoe"),
                      ("--data", tmp_path / "data", "--definitions", "builtin:shoe")):
        done = patrond(*arguments)
        assert done.returncode == 1
        assert ("there is no builtin:shoe; there are builtin:shop, builtin:subscription and builtin:bank"
                in done.stdout + done.stderr)


def patrond(*arguments):
    return subprocess.run([harness.BUILD / "patrond", *arguments], capture_output=True, text=True, encoding="utf-8",
                          timeout=60, check=False)
