"""50,000 records of people: trained and matched within a minute and a GiB, and no customer that swallows the others."""
import collections
import time

import harness
import test_matching

SECONDS_MAX, BYTES_MAX, RECORDS = 60, 1024**3, 50_000


def test_50_000_records_are_trained_and_matched_in_a_minute_and_a_gib(tmp_path):
    people = test_matching.made_up(26_000)
    del people.records[RECORDS:]
    people.cluster = {name: cluster for name, cluster, _ in people.records}
    assert len(people.records) == RECORDS
    with harness.Server(tmp_path / "server", test_matching.definitions(test_matching.FAKE)) as server:
        begun = time.monotonic()
        people.send(server)
        server.patron("identity", "match", "--wait")
        sent = time.monotonic()
        server.patron("identity", "train")
        trained = time.monotonic()
        server.patron("identity", "match", "--wait")
        matched = time.monotonic()
        status = test_matching.matching_status(server)
        peak = server.memory_peak_bytes()
        print(f"sent in {sent - begun:.1f} s, trained in {trained - sent:.1f} s, matched in {matched - trained:.1f} s, "
              f"peak {peak >> 20} MiB, {status.pairs} pairs, {status.links} links, {status.oversized_blocks} times a "
              f"block was too large")
        found = people.customers(server)
        largest = max(collections.Counter(found.values()).values())
        precision, recall, _ = people.measure(found, "made up")
        assert precision >= 0.99 and recall >= 0.9
        assert largest <= 6, largest
        assert matched - sent <= SECONDS_MAX
        assert peak <= BYTES_MAX
