"""A Patron server of its own for each test, the command line, and gRPC modules.

    with Server(folder, SHOP) as server:
        server.patron("import", "orders.jsonl")

Everything lies in the folder that the test gives. A server listens on a port of its own choosing; leaving the block
stops it and fails the test if it did not end well or if a sanitizer had something to say.
"""
import datetime
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import grpc

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PATRON_BUILD") or TOP / "build")
CACHE = TOP / ".cache"
START_SECONDS = 60
STOP_SECONDS = 60
COMMAND_SECONDS = 900
SANITIZER_WORDS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")

MICROSECONDS = 1_000_000
DAY_US = 86_400 * MICROSECONDS

SHOP = """\
currency: EUR
identifiers:
  customer_id: {max: 1}
  email: {max: 5, normalize: email}
  device: {max: 20}
events:
  order: {amount: money, discount: number, items: integer, promo: bool, channel: string}
  session: {pages: integer}
features:
  orders: {of: order, count: true}
  orders_90d: {of: order, count: true, window: 90d}
  revenue: {of: order, sum: amount}
  revenue_30d: {of: order, sum: amount, window: 30d}
  discount_mean: {of: order, mean: discount}
  items_max: {of: order, max: items}
  promo_first: {of: order, first: promo}
  channel_last: {of: order, last: channel}
  channels: {of: order, distinct: channel}
  web_orders: {of: order, count: true, where: {channel: web}}
  days_since_order: {of: order, age: last, unit: day}
  sessions_7d: {of: session, count: true, window: 7d}
  rfm: {of: order, rfm: amount}
services:
  churn: [orders, orders_90d, revenue, revenue_30d, discount_mean, items_max, promo_first, channels, web_orders,
          days_since_order, sessions_7d, rfm]
  shown: [orders, revenue, channel_last, promo_first]
"""


def now_us():
    return time.time_ns() // 1000


def time_text(time_us):
    """RFC 3339 as Patron writes it: microseconds only where there are some."""
    seconds, micros = divmod(time_us, MICROSECONDS)
    text = (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).isoformat()
    return text + (f".{micros:06}".rstrip("0") if micros else "") + "Z"


def time_of(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


class Server:
    def __init__(self, folder, definitions=SHOP, flags=(), environment=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.definitions = self.folder / "definitions.yaml"
        self.definitions.write_text(definitions, encoding="utf-8")
        self.ready = self.folder / "ready"
        self.log = self.folder / "patrond.log"
        self.flags = [str(flag) for flag in flags]
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.address = self.admin = None

    def command(self):
        return [
            str(BUILD / "patrond"), "--data", str(self.data), "--definitions", str(self.definitions),
            "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file", str(self.ready), *self.flags]

    def launch(self):
        """Starts the process without waiting for it."""
        self.ready.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=subprocess.STDOUT, env=self.environment, stdin=subprocess.DEVNULL)

    def start(self):
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self.ready.exists():
            if self.process.poll() is not None:
                raise AssertionError(f"patrond ended with {self.process.returncode}:\n{self.words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"patrond was not ready in {START_SECONDS} s:\n{self.words()}")
            time.sleep(0.02)
        addresses = dict(
            line.split("=", 1) for line in self.ready.read_text(encoding="utf-8").split() if "=" in line)
        self.address, self.admin = addresses["listen"], addresses["admin"]
        return self

    def refused_start(self):
        """Starts it where it must not run; its exit code and what it said."""
        before = len(self.words())
        self.launch()
        code = self.process.wait(START_SECONDS)
        return code, self.words()[before:]

    def words(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def stop(self, how=signal.SIGTERM):
        """Its exit code, after it has been asked to end."""
        self.process.send_signal(how)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"patrond did not end in {STOP_SECONDS} s:\n{self.words()[-4000:]}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        assert self.stop() == 0, self.words()[-4000:]
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        code = self.stop() if self.process and self.process.poll() is None else None
        words = self.words()
        if kind is None:
            assert code in (0, None), f"patrond ended with {code}:\n{words[-4000:]}"
            assert not any(word in words for word in SANITIZER_WORDS), words[-8000:]
        else:
            sys.stderr.write(f"--- patrond said:\n{words[-4000:]}\n")

    # --- the command line ---

    def patron(self, *arguments, code=0, given=None, environment=None):
        """Runs patron against this server; checks its exit code."""
        return patron(*arguments, code=code, given=given,
                      environment=dict(self.environment, PATRON_SERVER=self.address, **(environment or {})))

    def get(self, *identifiers, service="churn", as_of=None):
        """What `patron get -o json` says."""
        arguments = ["get", "--service", service, "-o", "json"]
        for identifier in identifiers:
            arguments += ["--id", identifier]
        if as_of is not None:
            arguments += ["--as-of", as_of]
        return json.loads(self.patron(*arguments).stdout)

    def status(self):
        return json.loads(self.patron("status", "-o", "json").stdout)

    def verify(self):
        """Everything refolded and compared: fails the test on a difference."""
        return self.patron("verify")

    def metrics(self):
        return self.http("/metrics")

    def http(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as reply:
            return reply.read().decode()

    def channel(self):
        return grpc.insecure_channel(self.address, options=[("grpc.max_receive_message_length", -1)])

    def memory_peak_bytes(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")


def patron(*arguments, code=0, given=None, environment=None):
    done = subprocess.run(
        [str(BUILD / "patron"), *map(str, arguments)], input=given, capture_output=True, text=True, encoding="utf-8",
        errors="surrogateescape", env=environment, timeout=COMMAND_SECONDS, check=False)
    said = f"patron {' '.join(map(str, arguments))}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert not any(word in done.stderr for word in SANITIZER_WORDS), said
    if code is not None:
        assert done.returncode == code, said
    return done


# --- modules, generated from proto/ ---

@functools.cache
def generated_folder():
    from grpc_tools import protoc

    folder = tempfile.mkdtemp(prefix="patron-modules-")
    protos = sorted(str(path.relative_to(TOP / "proto")) for path in (TOP / "proto/patron/v1").glob("*.proto"))
    failed = protoc.main(
        ["protoc", f"-I{TOP / 'proto'}", f"--python_out={folder}", f"--grpc_python_out={folder}", *protos])
    assert failed == 0, "the modules could not be generated"
    sys.path.insert(0, folder)
    return folder


def generated(name):
    """generated("features") is the pair of generated modules for patron/v1/features.proto: messages, services."""
    generated_folder()
    return importlib.import_module(f"patron.v1.{name}_pb2"), importlib.import_module(f"patron.v1.{name}_pb2_grpc")


def identifiers_of(*texts):
    messages, _ = generated("types")
    return [messages.Identifier(type=kind, value=value) for kind, value in (text.split(":", 1) for text in texts)]


def event(kind, name, time_us, identifiers, /, **attributes):
    """An Event; attributes by their Python type: str of digits with `decimal_` in front of the name is a decimal."""
    messages, _ = generated("ingestion")
    made = messages.Event(type=kind, id=name, time_us=time_us)
    made.identifiers.extend(identifiers_of(*identifiers))
    for key, value in attributes.items():
        if key == "known_at_us":
            made.known_at_us = value
        elif key.startswith("decimal_"):
            made.attributes.add(name=key.removeprefix("decimal_"), decimal=value)
        elif isinstance(value, bool):
            made.attributes.add(name=key, flag=value)
        elif isinstance(value, int):
            made.attributes.add(name=key, integer=value)
        elif isinstance(value, float):
            made.attributes.add(name=key, real=value)
        else:
            made.attributes.add(name=key, text=value)
    return made


def ingest(channel, events, source="test", batch_size=1000):
    """Sends the events; the answers, one a batch."""
    messages, services = generated("ingestion")
    requests = [messages.IngestRequest(batch=number, source=source, events=events[at:at + batch_size])
                for number, at in enumerate(range(0, len(events), batch_size))]
    return list(services.IngestionStub(channel).Ingest(iter(requests), timeout=120))


def get_features(channel, identifiers, as_of_us=None, **what):
    messages, services = generated("features")
    request = messages.GetFeaturesRequest(identifiers=identifiers_of(*identifiers), **what)
    if as_of_us is not None:
        request.as_of_us = as_of_us
    return services.FeaturesStub(channel).GetFeatures(request, timeout=60)


PRESENT, NULL, NOT_FOUND = 1, 2, 3


def column_values(column):
    """The column's values as Python has them; None where there is none."""
    messages, _ = generated("types")
    lists = {
        messages.VALUE_TYPE_DOUBLE: column.doubles, messages.VALUE_TYPE_MONEY: column.doubles,
        messages.VALUE_TYPE_INT64: column.integers, messages.VALUE_TYPE_BOOL: column.flags,
        messages.VALUE_TYPE_STRING: column.texts}
    values = lists[column.type]
    assert len(values) == len(column.statuses)
    return [value if status == PRESENT else None for value, status in zip(values, column.statuses)]
