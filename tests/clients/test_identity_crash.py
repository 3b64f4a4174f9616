"""kill -9 at any moment while events, links, splits, blocks and verdicts come in: what was acknowledged is there once,
nothing is there in part, and what was answered before is answered again."""
import collections
import os
import random
import threading
import time

import grpc
import pytest

import harness
from harness import DAY_US, generated

DEFINITIONS = """\
currency: EUR
identifiers:
  email: {max: 6}
  device: {max: 9, weak: true}
events:
  order: {amount: money}
features:
  orders: {of: order, count: true}
  revenue: {of: order, sum: amount}
services: {shown: [orders, revenue]}
identity: {value: revenue, review_either: 800, second_person: 1600, max_size: 30}
"""
PEOPLE = 25
NAMES = [f"email:p{n}" for n in range(PEOPLE)] + [f"device:d{n}" for n in range(PEOPLE)]
KILLS = int(os.environ.get("PATRON_KILLS") or 24)
SEED = int(os.environ.get("PATRON_SEED") or 1)
BATCH = 20
WAITS = 4


class Load:
    """Threads that send until the server is gone; what was acknowledged, and what nobody knows of."""

    def __init__(self, server, seed):
        self.server, self.seed = server, seed
        self.sent = self.named = 0
        self.acknowledged = {}  # known_at by reason
        self.words = {}  # what was asked and answered
        self.unknown = set()  # reasons
        self.applied, self.unsure = {}, {}  # events by id
        self.answers = collections.deque(maxlen=6)  # (T, reply)
        self.failures, self.lock = [], threading.Lock()

    def run(self, seconds):
        threads = [threading.Thread(target=self.until_gone, args=(work, random.Random(f"{self.seed} {work.__name__}")))
                   for work in (self.events, self.changes, self.verdicts, self.reads)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.server.kill()
        for thread in threads:
            thread.join()
        assert not self.failures, self.failures
        self.seed += 1

    def until_gone(self, work, dice):
        try:
            with self.server.channel() as channel:
                while True:
                    work(channel, dice)
        except grpc.RpcError as failed:
            if failed.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                self.failures.append(failed)
        except Exception as failed:  # pylint: disable=broad-except
            self.failures.append(failed)

    def events(self, channel, dice):
        batch = {}
        for _ in range(BATCH):
            self.sent += 1
            n = dice.randrange(PEOPLE)
            who = [f"email:p{n}", f"device:d{n}"][:dice.randrange(1, 3)]
            if dice.random() < 0.2:
                who.append(f"device:d{dice.randrange(PEOPLE)}")
            made = harness.event("order", f"o{self.sent}", harness.now_us() - dice.randrange(90 * DAY_US),
                                 dict.fromkeys(who), amount=float(dice.randrange(1, 20)))
            batch[made.id] = made
        self.unsure.update(batch)
        [answer] = harness.ingest(channel, list(batch.values()))
        refused = [refusal.index for refusal in answer.refusals]
        for at, name in enumerate(batch):
            made = self.unsure.pop(name)
            if at not in refused:
                self.applied[name] = made

    def change(self, call, request):
        """Sends a change under a reason of its own. What it answers, or None if it was refused."""
        with self.lock:
            self.named += 1
            request.reason = f"change {self.named}"
        request.actor = request.actor or "grace"
        self.unknown.add(request.reason)
        try:
            reply = call(request, timeout=30)
        except grpc.RpcError as failed:
            if failed.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND,
                                 grpc.StatusCode.INVALID_ARGUMENT):
                self.unknown.discard(request.reason)
                return None
            raise
        # Where the two wait already, it only counts, and no moment of its own is told.
        if getattr(reply, "fate", 0) == WAITS and reply.item_us != reply.known_at_us:
            return reply
        self.unknown.discard(request.reason)
        if reply.known_at_us:
            self.acknowledged[request.reason] = reply.known_at_us
            self.words[request.reason] = f"{request} was answered {reply}"
        return reply

    def changes(self, channel, dice):
        messages, services = generated("identity")
        client = services.IdentityStub(channel)

        def name():
            return messages.NodeName(identifier=harness.identifiers_of(dice.choice(NAMES))[0])

        what = dice.randrange(10)
        if what < 4:
            self.change(client.Link, messages.LinkIdentityRequest(a=name(), b=name(), lift=dice.random() < 0.7))
        elif what < 8:
            self.change(client.Unlink, messages.UnlinkIdentityRequest(split=[name()], may_relink=dice.random() < 0.7))
        else:
            node = name()
            self.change(client.Block, messages.BlockIdentityRequest(node=node))
            if dice.random() < 0.8:
                self.change(client.Unblock, messages.UnblockIdentityRequest(node=node))

    def verdicts(self, channel, dice):
        messages, services = generated("review")
        client = services.ReviewStub(channel)
        waiting = client.List(messages.ListReviewsRequest(page_size=20), timeout=30).items
        for item in dice.sample(list(waiting), min(3, len(waiting))):
            seen = client.Get(messages.GetReviewRequest(item_us=item.item_us), timeout=30).seen
            self.change(client.Decide, messages.DecideReviewRequest(
                item_us=item.item_us, verdict=dice.choice([messages.REVIEW_VERDICT_APPROVE] * 3 +
                                                          [messages.REVIEW_VERDICT_REJECT]),
                seen=seen, actor=dice.choice(["grace", "alan"])))
        time.sleep(0.01)

    def reads(self, channel, _):
        reply = harness.get_features(channel, NAMES, service="shown")
        self.answers.append((reply.info.as_of_us, answer(reply)))
        time.sleep(0.02)


def answer(reply):
    """Positions of rows apart, which a read of the past need not tell."""
    return [list(reply.info.customer_ids), *(harness.column_values(column) for column in reply.columns)]


# --- after a start ---------------------------------------------------------------------------------------------------

def told(channel, after_us):
    """By reason, all moments after `after_us` at which something happened to anybody for it."""
    messages, services = generated("identity")
    client = services.IdentityStub(channel)
    seen, moments = set(), collections.defaultdict(set)
    node = 0
    while True:
        node += 1
        if node in seen:
            continue
        try:
            customer = client.Show(messages.ShowIdentityRequest(node=node), timeout=30)
        except grpc.RpcError as failed:
            assert failed.code() == grpc.StatusCode.NOT_FOUND, failed
            return moments
        seen.update(member.node for member in customer.nodes)
        page_after = after_us
        while True:
            page = client.History(messages.IdentityHistoryRequest(
                node=node, after_us=page_after, page_size=1000), timeout=60)
            for moment in page.moments:
                if moment.reason:
                    moments[moment.reason].add(moment.known_at_us)
            page_after = page.next_us
            if not page_after:
                break


def check(server, load, after_us):
    with server.channel() as channel:
        moments = told(channel, after_us)
        for reason, known_at_us in load.acknowledged.items():
            if known_at_us > after_us:
                assert moments[reason] == {known_at_us}, (moments[reason], load.words[reason])
        for reason, at in moments.items():
            assert len(at) == 1 and (reason in load.acknowledged or reason in load.unknown), (reason, at)
        for as_of_us, before in load.answers:
            assert answer(harness.get_features(channel, NAMES, as_of_us=as_of_us, service="shown")) == before, as_of_us
        # What was acknowledged has no effect again, and what was not is there wholly or not at all.
        again = list(load.applied.values())[-100:]
        if again:
            [done] = harness.ingest(channel, again)
            assert (done.duplicates, done.applied) == (len(again), 0), done
        unsure = list(load.unsure.values())
        if unsure:
            [done] = harness.ingest(channel, unsure)
            refused = {refusal.index for refusal in done.refusals}
            assert done.applied + done.duplicates + len(refused) == len(unsure), done
            load.applied.update((made.id, made) for at, made in enumerate(unsure) if at not in refused)
            load.unsure.clear()
        reply = harness.get_features(channel, NAMES, service="shown")
    orders, revenue = (harness.column_values(column) for column in reply.columns)
    whose = dict(zip(reply.info.customer_ids, zip(orders, revenue)))
    whose.pop(0, None)
    assert sum(count for count, _ in whose.values()) == len(load.applied)
    assert sum(worth for _, worth in whose.values()) == sum(
        made.attributes[0].real for made in load.applied.values())
    server.verify()
    return reply.info.as_of_us


@pytest.mark.parametrize("write_back_ms", [5, 1000])
def test_what_was_acknowledged_is_there_once_after_a_kill(tmp_path, write_back_ms):
    server = harness.Server(tmp_path / "server", DEFINITIONS, flags=["--write-back-ms", write_back_ms])
    dice = random.Random(f"{SEED} {write_back_ms}")
    load = Load(server, SEED * 1_000_000)
    print(f"PATRON_SEED={SEED} PATRON_KILLS={KILLS}")
    after_us = 0
    for _ in range(KILLS // 2):
        server.start()
        load.run(dice.choice([0.02, 0.1, 0.3]) + dice.random() * 0.3)
        server.start()
        after_us = check(server, load, after_us)
        server.kill()
        load.answers.clear()
    server.start()
    check(server, load, 0)
    with server.channel() as channel:
        messages, services = generated("review")
        decided = [item.state for item in services.ReviewStub(channel).List(messages.ListReviewsRequest(
            states=[3, 4], page_size=500), timeout=30).items]
    print(f"{len(load.acknowledged)} changes, {len(decided)} of them verdicts, and {len(load.applied)} events")
    assert len(load.acknowledged) > KILLS and len(load.applied) > KILLS * BATCH
    assert server.stop() == 0
    assert not any(word in server.words() for word in harness.SANITIZER_WORDS), server.words()[-8000:]
