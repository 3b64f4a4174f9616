"""Ending the server: asked to, it answers what is in flight and ends well; killed, it has what it acknowledged."""
import queue
import threading
import time

import grpc

import harness
from harness import DAY_US, event

BATCH = 50


def order(batch, number, now):
    return event("order", f"o{batch}-{number}", now - DAY_US, [f"customer_id:c{(batch * BATCH + number) % 97}"],
                 decimal_amount="1.25")


class Load:
    """Sends batches on one stream, several under way, and counts what was acknowledged, until the stream ends."""

    def __init__(self, server):
        self.server, self.acknowledged, self.error = server, 0, None
        self.waiting = queue.Queue(4)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def requests(self):
        messages, _ = harness.generated("ingestion")
        now, batch = harness.now_us(), 0
        while not self.ended.is_set():
            try:
                self.waiting.put(batch, timeout=0.1)
            except queue.Full:
                continue
            yield messages.IngestRequest(
                batch=batch, source="load", events=[order(batch, number, now) for number in range(BATCH)])
            batch += 1

    def run(self):
        _, services = harness.generated("ingestion")
        with self.server.channel() as channel:
            try:
                for answer in services.IngestionStub(channel).Ingest(self.requests()):
                    assert answer.applied + answer.duplicates == BATCH, answer
                    self.acknowledged += BATCH
                    self.waiting.get()
            except grpc.RpcError as error:
                self.error = error
            finally:
                self.ended.set()

    def wait_for(self, count):
        deadline = time.monotonic() + 60
        while self.acknowledged < count:
            assert time.monotonic() < deadline and not self.ended.is_set(), self.error
            time.sleep(0.01)


class Reads:
    """Reads one customer after another; every call must be answered or be told that the server is going."""

    def __init__(self, server):
        self.server, self.answered, self.codes = server, 0, set()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        with self.server.channel() as channel:
            while True:
                try:
                    harness.get_features(channel, ["customer_id:c1"], service="churn")
                    self.answered += 1
                except grpc.RpcError as error:
                    self.codes.add(error.code())
                    return


def counts(server):
    names = [f"customer_id:c{number}" for number in range(97)]
    with server.channel() as channel:
        reply = harness.get_features(channel, names, features=["orders"])
    return [value or 0 for value in harness.column_values(reply.columns[0])]


def test_asked_to_end_under_load_it_answers_what_is_in_flight_and_serves_the_same_again(server):
    load, reads = Load(server), Reads(server)
    load.wait_for(1000)
    assert server.stop() == 0, server.words()[-4000:]
    load.thread.join(60)
    reads.thread.join(60)
    assert reads.answered > 0
    # A call that is on its way while the server says goodbye was not begun; gRPC's core cancels it.
    assert reads.codes <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}, reads.codes
    server.start()
    total = sum(counts(server))
    assert total >= load.acknowledged
    # What was not answered may have gone in whole groups only; nothing beyond what was sent is there.
    assert total <= load.acknowledged + 5 * BATCH
    served = counts(server)
    server.verify()
    server.restart()
    assert counts(server) == served


def test_killed_under_load_it_has_all_that_it_acknowledged_once(server):
    load = Load(server)
    load.wait_for(1000)
    server.kill()
    load.thread.join(60)
    server.start()
    assert sum(counts(server)) >= load.acknowledged
    server.verify()
    # All of it again: what is there counts once.
    now = harness.now_us()
    with server.channel() as channel:
        batches = [[order(batch, number, now) for number in range(BATCH)] for batch in range(10)]
        before = sum(counts(server))
        for events in batches:
            [answer] = harness.ingest(channel, events, source="load")
            # Their time differs by the run: the same id with other content is refused, never counted twice.
            assert answer.applied == 0
    assert sum(counts(server)) == before
    server.verify()


def test_asked_twice_it_ends_at_once(server):
    load = Load(server)
    load.wait_for(100)
    server.process.terminate()
    server.process.terminate()
    assert server.process.wait(30) == 0
    load.thread.join(60)
