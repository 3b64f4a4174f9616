"""A file of definitions before it is applied, and what a server says of its own: check, show, schema."""
import copy
import json
import random
import re
import subprocess

import grpc
import jsonschema
import pytest
import yaml

import harness
from harness import BUILD, SHOP, TOP

EVENTS = """\
identifiers: {id: }
events: {order: {amount: money, weight: number, points: integer, gift: bool, channel: string}}
"""

PROTECTED = """\
identifiers:
  customer_id: {unique: true, keep: true}
  email: {max: 5, per: 365d, normalize: email, never_link: [A@B.c],
          never_link_matching: ['^test[0-9]*@', '^[0-]*$']}
  device: {max: 20, weak: true}
  ip: {link: false}
events:
  order: {amount: money}
  profile: {first_name: string, surname: string, dob: string, city: string, postcode: integer}
features:
  revenue: {of: order, sum: amount}
  profiles: {of: profile, count: true}
derived: {worth: revenue * 0.3}
identity: {max_size: 150, review_size: 100, review_bridge: 3, value: worth, review_either: 5000, review_both: 1000.5,
           second_person: 20000, review_expires: 12h}
matching:
  of: profile
  columns: {first_name: given_name, surname: surname, dob: birth_date, postcode: postcode,
            city: {is: place, frequencies: false}}
  blocks: [[surname, dob], [{column: surname, prefix: 3}, postcode], [{column: surname, sound: true}, dob]]
  link: 0.995
  review: 0.9
  block_records: 400
"""

DESCRIBED = """\
# The shop's file; its comments stay with it.
currency: EUR
time_zone: Europe/Berlin
unknown_attributes: drop
identifiers:
  customer_id: {max: 1}
  email: {normalize: email, never_link: [a@example.com]}
events:
  order: {amount: money, channel: string}
  visit:
features:
  orders_90d: {of: order, count: true, window: 90d, offset: 30d, max_age: 365d, description: Orders., owner: crm,
               tags: [volume, churn]}
  revenue: {of: order, sum: amount, where: {channel: [web, app]}, default: 12.5}
  faded: {of: order, decayed: amount, half_life: 60d}
  rfm: {of: order, rfm: amount, tags: [churn]}
  age: {of: visit, age: last, unit: hour}
  top: {of: order, top: channel, k: 2, default: none}
derived:
  aov: {is: revenue / orders_90d, default: 0, tags: [value]}
services:
  churn: {features: [orders_90d, rfm, aov], defaults: {orders_90d: 1}, description: Who leaves., owner: crm,
          tags: [churn]}
  shown: [top, revenue]
"""


class Yaml12(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it: only true and false are bools, and no text is a date."""


Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers
            if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int",
                           "tag:yaml.org,2002:float", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
for kind, pattern, firsts in (
        ("bool", r"^(?:true|false)$", "tf"),
        ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
        ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789")):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), list(firsts))


def offline(text):
    """`patrond --check-definitions -`: exit code, stdout, stderr."""
    done = subprocess.run(
        [str(BUILD / "patrond"), "--check-definitions", "-"], capture_output=True, check=False, timeout=120,
        input=text if isinstance(text, bytes) else text.encode())
    said = done.stderr.decode(errors="replace")
    assert not any(word in said for word in harness.SANITIZER_WORDS), said
    return done.returncode, done.stdout.decode(), said


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with harness.Server(tmp_path_factory.mktemp("definitions"), DESCRIBED) as running:
        yield running


@pytest.fixture(scope="module")
def schema():
    done = subprocess.run([str(BUILD / "patrond"), "--definitions-schema"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def files():
    """Every file that the project has, and those of the tests: by name."""
    found = {"harness": SHOP, "described": DESCRIBED, "protected": PROTECTED, "events": EVENTS,
             "demo": harness.patron("generate", "shop", "--definitions").stdout}
    for folder in ("store/definitions/builtin", "tests/fuzz/corpus/definitions"):
        for path in sorted((TOP / folder).glob("*.yaml")):
            found[path.name if path.name not in found else str(path)] = path.read_bytes()
    return found


# --- the schema ---

def test_the_schema_is_one_and_the_server_prints_the_same(server, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:patron:definitions" and schema["title"]
    assert json.loads(server.patron("definitions", "schema").stdout) == schema
    features = schema["properties"]["features"]["anyOf"][0]["additionalProperties"]
    assert features["additionalProperties"] is False and features["required"] == ["of"]
    assert all(key["description"] for key in features["properties"].values())


def test_the_schema_takes_every_file_that_the_checker_takes(schema):
    taken = 0
    for name, text in files().items():
        code, _, said = offline(text)
        if code != 0:
            assert said.rstrip().endswith(("mistake", "mistakes")), said
            continue
        taken += 1
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.load(text, Yaml12)))
        assert not errors, f"{name}: {errors[0].json_path}: {errors[0].message}"
    assert taken >= 10


@pytest.mark.parametrize("text", [
    "identifiers: {id: }\n",
    "events: {order: }\n",
    EVENTS + "feature: {}\n",
    EVENTS + "currency: Euro\n",
    EVENTS + "currency: eur\n",
    EVENTS + "unknown_attributes: ignore\n",
    "identifiers: {id: {max: 0}}\nevents: {order: }\n",
    "identifiers: {id: {max: many}}\nevents: {order: }\n",
    "identifiers: {id: {normalise: email}}\nevents: {order: }\n",
    "identifiers: {id: {normalize: upper}}\nevents: {order: }\n",
    "identifiers: {1d: }\nevents: {order: }\n",
    "identifiers: [id]\nevents: {order: }\n",
    "identifiers: {id: }\nevents: {order: {amount: decimal}}\n",
    "identifiers: {id: }\nevents: {order: [amount]}\n",
    EVENTS + "features: {x: {count: true}}\n",
    EVENTS + "features: {x: {of: order}}\n",
    EVENTS + "features: {x: {of: order, count: true, sum: amount}}\n",
    EVENTS + "features: {x: {of: order, count: false}}\n",
    EVENTS + "features: {x: {of: order, count: true, windw: 3d}}\n",
    EVENTS + "features: {x: {of: order, count: true, window: 3 days}}\n",
    EVENTS + "features: {x: {of: order, count: true, window: 30}}\n",
    EVENTS + "features: {x: {of: order, count: true, offset: 3d}}\n",
    EVENTS + "features: {x: {of: order, count: true, unit: day}}\n",
    EVENTS + "features: {x: {of: order, age: oldest}}\n",
    EVENTS + "features: {x: {of: order, age: last, unit: month}}\n",
    EVENTS + "features: {x: {of: order, top: channel, k: 21}}\n",
    EVENTS + "features: {x: {of: order, sum: amount, k: 2}}\n",
    EVENTS + "features: {x: {of: order, sum: amount, by: count}}\n",
    EVENTS + "features: {x: {of: order, decayed: amount}}\n",
    EVENTS + "features: {x: {of: order, sum: amount, half_life: 3d}}\n",
    EVENTS + "features: {x: {of: order, gaps: max}}\n",
    EVENTS + "features: {x: {of: order, streak: true}}\n",
    EVENTS + "features: {x: {of: order, count: true, where: {points: {from: 3}}}}\n",
    EVENTS + "features: {x: {of: order, count: true, where: {points: {}}}}\n",
    EVENTS + "features: {x: {of: order, count: true, where: {points: {at_least: 3, more_than: 3}}}}\n",
    EVENTS + "features: {x: {of: order, count: true, where: {points: []}}}\n",
    EVENTS + "features: {x.y: {of: order, count: true}}\n",
    EVENTS + "features: {spine_row: {of: order, count: true}}\n",
    EVENTS + "features: {x: {of: order, count: true, description: ''}}\n",
    EVENTS + "features: {x: {of: order, count: true, tags: [a, a]}}\n",
    EVENTS + "features: {x: {of: order, count: true, where: {points: [3, 3]}}}\n",
    EVENTS + "features: {x: {of: order, count: true}}\nderived: {not: x + 1}\n",
    EVENTS + "features: {x: {of: order, count: true}}\nservices: {s: [x, x]}\n",
    EVENTS + "features: {x: {of: order, count: true}}\nderived: {y: {default: 0}}\n",
    EVENTS + "features: {x: {of: order, count: true}}\nderived: {y: [x]}\n",
    EVENTS + "features: {x: {of: order, count: true}}\nservices: {s: x}\n",
    EVENTS + "features: {x: {of: order, count: true}}\nservices: {s: []}\n",
    EVENTS + "features: {x: {of: order, count: true}}\nservices: {s: {defaults: {x: 0}}}\n",
    "identifiers: {id: {per: 3d}}\nevents: {order: }\n",
    "identifiers: {id: {max: 3, per: 3}}\nevents: {order: }\n",
    "identifiers: {id: {unique: 1}}\nevents: {order: }\n",
    "identifiers: {id: {link: never}}\nevents: {order: }\n",
    "identifiers: {id: {never_link_matching: x}}\nevents: {order: }\n",
    "identifiers: {id: {never_link_matching: ['']}}\nevents: {order: }\n",
    "identifiers: {id: {never_link_matching: [x, x]}}\nevents: {order: }\n",
    "identifiers: {id: {never_link_matching: [" + ", ".join(f"x{i}" for i in range(101)) + "]}}\nevents: {order: }\n",
    EVENTS + "identity: {max_size: 201}\n",
    EVENTS + "identity: {review_size: 0}\n",
    EVENTS + "identity: {review_either: 3}\n",
    EVENTS + "features: {x: {of: order, sum: amount}}\nidentity: {value: x, review_either: -3}\n",
    EVENTS + "features: {x: {of: order, sum: amount}}\nidentity: {value: x, review_either: '3'}\n",
    EVENTS + "identity: {review_expires: soon}\n",
    EVENTS + "identity: {size: 3}\n",
    EVENTS + "matching: \n",
    EVENTS + "matching: {of: order}\n",
    EVENTS + "matching: {columns: {channel: text}}\n",
    EVENTS + "matching: {of: order, columns: {}}\n",
    EVENTS + "matching: {of: order, columns: {channel: name}}\n",
    EVENTS + "matching: {of: order, columns: {channel: {frequencies: true}}}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, link: 1}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, review: 0.5}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, block_records: 1}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, blocks: []}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, blocks: [[]]}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, blocks: [[channel, channel]]}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, blocks: [[channel], [channel]]}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, blocks: [[{prefix: 3}]]}\n",
    EVENTS + "matching: {of: order, columns: {channel: text}, blocks: [[{column: channel, prefix: 65}]]}\n",
])
def test_the_schema_refuses_what_is_wrong_in_form_and_so_does_the_checker(schema, text):
    assert not jsonschema.Draft202012Validator(schema).is_valid(yaml.load(text, Yaml12))
    assert offline(text)[0] == 1


def places(node, path=()):
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from places(child, path + (key,))


@pytest.mark.parametrize("given", [DESCRIBED, PROTECTED])
def test_what_the_schema_refuses_of_a_changed_file_the_checker_refuses_too(schema, given):
    validator = jsonschema.Draft202012Validator(schema)
    dice = random.Random(20260)
    whole = yaml.load(given, Yaml12)
    refused = 0
    for _ in range(80):
        made = copy.deepcopy(whole)
        path = dice.choice([path for path in places(made) if path])
        parent = made
        for key in path[:-1]:
            parent = parent[key]
        what = dice.choice(["drop", "word", "number", "true", "list", "map", "nothing", "rename"])
        if what == "drop":
            del parent[path[-1]]
        elif what == "rename" and isinstance(parent, dict):
            parent[f"{path[-1]}2"] = parent.pop(path[-1])
        else:
            parent[path[-1]] = {"word": "order", "number": 3, "true": True, "list": ["channel"], "map": {"max": 1},
                                "nothing": None}.get(what)
        text = yaml.safe_dump(made, sort_keys=False)
        if not validator.is_valid(yaml.load(text, Yaml12)):
            refused += 1
            assert offline(text)[0] == 1, text
    assert refused > 25


# --- check ---

def test_a_file_is_good_or_each_mistake_is_told_by_line_and_column(server, tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(DESCRIBED + "\n# and a comment\n", encoding="utf-8")
    assert server.patron("definitions", "check", path).stdout == (
        f"{path} is good, and says what version 1 says\n")
    path.write_text(DESCRIBED.replace("sum: amount", "sum: amont").replace("window: 90d", "window: 90days"), "utf-8")
    done = server.patron("definitions", "check", path, code=1)
    assert done.stdout == ""
    assert f"{path}:12:48: window must be a whole number and a unit" in done.stderr
    assert f"{path}:14:29: unknown attribute of 'order': 'amont': did you mean 'amount'?" in done.stderr
    assert done.stderr.endswith(f"{path}: 2 mistakes\n")
    code, said, offline_words = offline(path.read_text(encoding="utf-8"))
    assert (code, said) == (1, "")
    assert offline_words == done.stderr.replace(str(path), "-")


def test_what_a_good_file_would_change_is_told(server, tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(
        DESCRIBED.replace("  visit:\n", "  visit: {pages: integer}\n  refund: {amount: money}\n")
        .replace("  faded: {of: order, decayed: amount, half_life: 60d}\n", "  pages: {of: visit, mean: pages}\n")
        .replace("[top, revenue]", "[revenue, top]"), encoding="utf-8")
    done = server.patron("definitions", "check", path)
    assert done.stdout == f"""\
{path} is good. Against version 1:
  + attribute visit.pages: integer
  + event refund
  + feature pages: mean of visit.pages, lifetime
  - feature faded  [breaking]
  ~ service shown: another order  [breaking]
5 changes, 2 of them breaking; applying it folds the stored events again, in the background
"""
    path.write_text(DESCRIBED.replace("Who leaves.", "Who goes."), encoding="utf-8")
    assert server.patron("definitions", "check", path).stdout.endswith(
        "  ~ service churn: another description\n1 change, 0 of them breaking; applying it takes effect at once\n")
    assert server.status()["definitions_version"] == 1


def test_a_change_that_has_to_be_forced_says_so_and_what_would_break(server, tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(
        DESCRIBED.replace("channel: string", "channel: bool").replace("where: {channel: [web, app]}, ", "")
        .replace("default: none", "default: true"), encoding="utf-8")
    done = server.patron("definitions", "check", path, code=1)
    assert f"{path}:9:35: attribute 'channel' of event 'order' was string and cannot become bool" in done.stderr
    assert "features revenue, top of version 1 use it" in done.stderr and "apply --force" in done.stderr
    assert "~ attribute order.channel: was string, is bool: only new events have it  [breaking]" in done.stdout
    said = json.loads(server.patron("definitions", "check", path, "-o", "json", code=1).stdout)
    assert not said["good"] and said["mistakes_total"] == 1 and said["mistakes"][0]["forceable"]
    assert said["compared_with"] == 1 and said["refill"]
    assert {"kind": "changed", "what": "attribute", "name": "order.channel", "breaking": True, "refill": False,
            "words": "was string, is bool: only new events have it"} in said["changes"]
    # Beside another mistake there is nothing to compare.
    path.write_text(DESCRIBED.replace("channel: string", "channel: bool"), encoding="utf-8")
    said = json.loads(server.patron("definitions", "check", path, "-o", "json", code=1).stdout)
    assert [mistake["forceable"] for mistake in said["mistakes"]].count(False) >= 1 and said["changes"] == []


def test_what_is_forced_away_is_retired_and_stays_readable(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(
        DESCRIBED.replace("channel: string", "channel: bool").replace("where: {channel: [web, app]}, ", "")
        .replace("default: none", "default: true").replace("  visit:\n", "")
        .replace("  age: {of: visit, age: last, unit: hour}\n", ""), encoding="utf-8")
    with harness.Server(tmp_path / "server", DESCRIBED) as server, server.channel() as channel:
        then = harness.now_us() - harness.DAY_US
        harness.ingest(channel, [
            harness.event("order", "1", then, ["customer_id:1"], decimal_amount="10", channel="web"),
            harness.event("visit", "1", then, ["customer_id:1"])])
        server.patron("definitions", "apply", path, code=1)
        server.patron("definitions", "apply", path, "--force")
        server.definitions.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        said = json.loads(server.patron("definitions", "show", "-o", "json").stdout)
        assert [(event["name"], event["retired"]) for event in said["events"]] == [("order", False), ("visit", True)]
        assert said["events"][0]["attributes"] == [
            {"name": "amount", "type": "money", "retired": False},
            {"name": "channel", "type": "bool", "retired": False},
            {"name": "channel", "type": "string", "retired": True}]
        before = json.loads(server.patron("definitions", "show", "--version", "1", "-o", "json").stdout)
        assert not any(event["retired"] for event in before["events"]) and before["definitions_version"] == 1
        answers = harness.ingest(channel, [
            harness.event("order", "2", then, ["customer_id:1"], decimal_amount="5", channel=True),
            harness.event("visit", "2", then, ["customer_id:1"]),
            harness.event("order", "3", then, ["customer_id:1"], decimal_amount="5", channel="web")])
        assert [refusal.index for refusal in answers[0].refusals] == [1, 2]
        server.verify()
        for _ in range(2):
            said = json.loads(server.patron(
                "get", "--features", "revenue,top.1", "--id", "customer_id:1", "-o", "json").stdout)
            assert said["definitions_version"] == 2
            assert said["rows"][0]["features"] == {"revenue": 15.0, "top.1": True}
            server.restart()
        server.verify()
        assert server.patron("definitions", "check", path).stdout.endswith("says what version 2 says\n")


def test_a_feature_that_a_service_uses_may_not_go(server, tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("".join(line for line in DESCRIBED.splitlines(True) if not line.startswith("  top:")), "utf-8")
    done = server.patron("definitions", "check", path, code=1)
    assert "feature 'top' is gone in this file, and service 'shown' uses it" in done.stderr


def test_a_hundred_mistakes_are_listed_and_the_others_counted(server, tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(EVENTS.replace("id:", "customer_id: , email: {normalize: email}, id:") + "features:\n" + "".join(
        f"  x{number}: {{of: order, sum: nothing}}\n" for number in range(130)), encoding="utf-8")
    words = server.patron("definitions", "check", path, code=1).stderr
    assert words.count("unknown attribute") == 100 - words.count("is gone")
    more = words.splitlines()[-2]
    total = int(words.splitlines()[-1].split(": ")[1].split()[0])
    assert total >= 130 and more == f"{path}: and {total - 100} more"
    said = json.loads(server.patron("definitions", "check", path, "-o", "json", code=1).stdout)
    assert len(said["mistakes"]) == 100 and said["mistakes_total"] == total
    assert "and 30 more" in offline(path.read_text(encoding="utf-8"))[2]


LONG = EVENTS + "".join(f"# {number}\n" for number in range(1_500_000))
BAD_FILES = {
    "long": (LONG[:10 << 20].encode(), "larger than 1048576 bytes"),
    "empty": (b"", "the definitions are empty"),
    "blank": (b"\n\n# nothing\n", "the definitions are empty"),
    "nul": (EVENTS.encode() + b"features: {\0: {of: order, count: true}}\n", "control characters are not allowed"),
    "nuls": (b"\0" * 1000, "control characters are not allowed"),
    "utf8": (EVENTS.encode() + b"# caf\xe9\n", "this is not UTF-8"),
    "utf16": (EVENTS.encode("utf-16"), "this is not UTF-8"),
    "anchors": (("a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(24))).encode(),
        "anchors and aliases are not taken here"),
    "deep": (b"[" * 1_000_000, "nested too deeply"),
    "deep maps": (b"{a: " * 200_000, "nested too deeply"),
    "indents": ("".join(" " * i + f"a{i}:\n" for i in range(1000)).encode(), "nested too deeply"),
    "scalar": (b"x" * 1_000_000, "must be a map"),
    "keys": (("".join(f"k{number}: 1\n" for number in range(90_000))).encode(), "unknown key 'k0'"),
    "program": ((BUILD / "patrond").read_bytes()[:1 << 20], ""),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_in_words(server, tmp_path, name):
    data, words = BAD_FILES[name]
    path = tmp_path / "file.yaml"
    path.write_bytes(data)
    done = server.patron("definitions", "check", path, code=1)
    assert words in done.stderr and done.stdout == "", done.stderr[:2000]
    code, said, offline_words = offline(data)
    assert (code, said) == (1, "") and words in offline_words, offline_words[:2000]
    assert server.status()["definitions_version"] == 1


def test_a_server_refuses_too_long_a_text_in_words_and_takes_any_bytes(server):
    messages, services = harness.generated("definitions")
    with server.channel() as channel:
        client = services.DefinitionsStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            client.CheckDefinitions(messages.CheckDefinitionsRequest(text=BAD_FILES["long"][0]), timeout=60)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.details().startswith("the definitions are too long: 10485760 bytes (at most 1048576)")
        dice = random.Random(7)
        for _ in range(50):
            reply = client.CheckDefinitions(messages.CheckDefinitionsRequest(text=dice.randbytes(300)), timeout=60)
            assert reply.mistakes and not reply.changes
        data = bytearray(DESCRIBED.encode())
        for _ in range(200):
            changed = bytearray(data)
            changed[dice.randrange(len(changed))] = dice.randrange(256)
            reply = client.CheckDefinitions(messages.CheckDefinitionsRequest(text=bytes(changed)), timeout=60)
            assert reply.compared_with == 1
            assert reply.mistakes_total >= len(reply.mistakes)


def test_wrong_usage_is_told_and_exits_with_two(server, tmp_path):
    for arguments in (["definitions"], ["definitions", "chek", "x"], ["definitions", "check"],
                      ["definitions", "check", "a", "b"], ["definitions", "check", "a", "-o", "yaml"],
                      ["definitions", "show", "-o", "xml"], ["definitions", "show", "churn", "-o", "yaml"],
                      ["definitions", "show", "--version", "x"], ["definitions", "schema", "x"],
                      ["help", "definitions", "chek"]):
        assert "patron" in server.patron(*arguments, code=2).stderr
    assert "did you mean 'check'?" in server.patron("definitions", "chek", code=2).stderr
    assert "cannot read" in server.patron("definitions", "check", tmp_path / "none.yaml", code=1).stderr
    assert server.patron("definitions", "check", "-", given=DESCRIBED).stdout.startswith("- is good")
    helped = server.patron("help", "definitions").stdout
    assert all(word in helped for word in ("check", "show", "schema"))
    assert server.patron("help", "definitions", "check").stdout == server.patron(
        "definitions", "check", "--help").stdout
    alone = harness.patron("definitions", "check", "-", code=1, given=DESCRIBED,
                           environment=dict(server.environment, PATRON_SERVER="127.0.0.1:1"))
    assert "127.0.0.1:1" in alone.stderr


# --- show ---

def test_the_file_comes_back_as_it_was_given(server):
    assert server.patron("definitions", "show", "-o", "yaml").stdout == DESCRIBED


def test_an_overview_tells_what_comes_in_and_what_is_served(server):
    said = server.patron("definitions", "show").stdout
    for words in ("version 1", "EUR", "Europe/Berlin", "drop", "customer_id: at most 1",
                  "email: any number, normalised as email", "order: amount money, channel string", "visit\n",
                  "churn: 6 features: Who leaves.", "shown: 3 features"):
        assert words in said, said


def test_a_name_shows_all_about_a_feature_a_family_or_a_service(server):
    said = server.patron("definitions", "show", "orders_90d", "aov", "churn").stdout
    for words in ("churn, a service", "orders_90d: 1", "the 90d that end 30d before now", "stale after   365d",
                  "tags          volume, churn", "revenue / orders_90d", "from          orders_90d, revenue",
                  "default       0", "services      churn", "    orders_90d: {of: order, count: true,"):
        assert words in said, said
    assert server.patron("definitions", "show", "rfm").stdout.count("  services      churn") == 4
    done = server.patron("definitions", "show", "chrn", code=1)
    assert "no feature or service is named 'chrn': did you mean 'churn'?" in done.stderr
    assert "version 7" in server.patron("definitions", "show", "--version", "7", code=1).stderr
    assert server.patron("definitions", "show", "--version", "1").stdout == server.patron("definitions", "show").stdout


def test_a_table_lists_features_and_a_tag_chooses_among_them(server):
    lines = server.patron("definitions", "show", "-o", "table").stdout.splitlines()
    assert lines[0].split() == ["feature", "type", "window", "description"]
    rows = {line.split()[0]: line for line in lines[2:]}
    assert list(rows) == ["orders_90d", "revenue", "faded", "rfm.frequency", "rfm.recency", "rfm.T", "rfm.monetary",
                          "age", "top.1", "top.2", "aov"]
    assert rows["orders_90d"].split(maxsplit=4)[1:] == ["int64", "90d,", "30d", "ago  Orders."]
    assert rows["revenue"].split(maxsplit=3)[1:] == [
        "money", "lifetime", "sum of order.amount where channel is app or web, lifetime"]
    tagged = server.patron("definitions", "show", "--tag", "volume", "-t", "value", "-o", "table").stdout
    assert [line.split()[0] for line in tagged.splitlines()[2:]] == ["orders_90d", "aov"]
    assert "no feature or service has the tag 'nothing'" in server.patron(
        "definitions", "show", "--tag", "nothing", code=1).stderr


def test_json_has_it_all(server):
    said = json.loads(server.patron("definitions", "show", "-o", "json").stdout)
    assert said["definitions_version"] == 1 and said["unknown_attributes"] == "drop"
    assert said["identifiers"][1] == {
        "name": "email", "max": None, "normalize": "email", "never_link": ["a@example.com"],
        "never_link_matching": [], "per_s": None, "unique": False, "weak": False, "link": True, "keep": False}
    assert said["identity"] == {
        "max_size": 200, "review_size": None, "review_bridge": None, "value": None, "review_either": None,
        "review_both": None, "second_person": None, "review_expires_s": 30 * 86400}
    assert said["matching"] is None
    assert said["events"][0]["attributes"][0] == {"name": "amount", "type": "money", "retired": False}
    features = {feature["name"]: feature for feature in said["features"]}
    orders = features["orders_90d"]
    assert (orders["window_s"], orders["offset_s"], orders["max_age_s"]) == (90 * 86400, 30 * 86400, 365 * 86400)
    assert orders["description"] == "Orders." and orders["owner"] == "crm" and orders["tags"] == ["volume", "churn"]
    assert orders["services"] == ["churn"] and orders["default"] is None and orders["event"] == "order"
    assert orders["written"].startswith("orders_90d: {of: order,")
    assert features["revenue"]["default"] == "12.50" and features["aov"]["default"] == 0
    assert features["aov"]["operands"] == ["orders_90d", "revenue"]
    assert features["faded"]["half_life_s"] == 60 * 86400 and features["age"]["unit_s"] == 3600
    assert features["rfm.T"]["family"] == "rfm" and features["top.2"]["aggregation"] == "top.2"
    assert features["top.2"]["default"] == "none"
    churn = said["services"][0]
    assert churn["features"] == ["orders_90d", "rfm.frequency", "rfm.recency", "rfm.T", "rfm.monetary", "aov"]
    assert churn["defaults"] == {"orders_90d": 1}


def test_what_protects_identity_is_shown(tmp_path):
    with harness.Server(tmp_path, PROTECTED) as running:
        said = json.loads(running.patron("definitions", "show", "-o", "json").stdout)
        shown = running.patron("definitions", "show").stdout.splitlines()
    assert said["identifiers"][0] == {
        "name": "customer_id", "max": None, "normalize": "none", "never_link": [], "never_link_matching": [],
        "per_s": None, "unique": True, "weak": False, "link": True, "keep": True}
    assert said["identifiers"][1]["per_s"] == 365 * 86400 and said["identifiers"][1]["never_link"] == ["a@b.c"]
    assert said["identifiers"][1]["never_link_matching"] == ["^test[0-9]*@", "^[0-]*$"]
    assert said["identifiers"][2]["weak"] and not said["identifiers"][3]["link"]
    assert said["identity"] == {
        "max_size": 150, "review_size": 100, "review_bridge": 3, "value": "worth", "review_either": 5000,
        "review_both": 1000.5, "second_person": 20000, "review_expires_s": 12 * 3600}
    matching = said["matching"]
    assert matching["of"] == "profile" and (matching["link"], matching["review"]) == (0.995, 0.9)
    assert matching["block_records"] == 400
    assert matching["columns"][0] == {"name": "first_name", "is": "given_name", "frequencies": True}
    assert matching["columns"][4] == {"name": "city", "is": "place", "frequencies": False}
    assert matching["blocks"][1] == [{"column": "surname", "prefix": 3, "sound": False},
                                     {"column": "postcode", "prefix": None, "sound": False}]
    assert matching["blocks"][2][0]["sound"]
    assert [event["sealed"] for event in said["events"]] == [False, True]
    assert shown[4:8] == [
        "identifiers     customer_id: one, always, kept",
        "                email: at most 5 per 365d, normalised as email, some values never link",
        "                device: at most 20, weak",
        "                ip: never links"]
    for line in ["identity        at most 150 identifiers in a customer",
                 "                review if both's worth is 1000.5 or more",
                 "                a second person if either's is 20000 or more",
                 "                reviews are open for 12h",
                 "                links from 0.995 on, review from 0.9 on"]:
        assert line in shown
    assert any(line.startswith("matching        profile: first_name is given_name, surname is") for line in shown)


def test_a_client_may_ask_for_little(server):
    messages, services = harness.generated("definitions")
    with server.channel() as channel:
        client = services.DefinitionsStub(channel)
        little = client.DescribeDefinitions(messages.DescribeDefinitionsRequest(names=["churn", "rfm"]), timeout=10)
        assert [service.name for service in little.services] == ["churn"]
        assert [feature.name for feature in little.features] == [
            "rfm.frequency", "rfm.recency", "rfm.T", "rfm.monetary"]
        assert little.text == b""
        both = client.DescribeDefinitions(
            messages.DescribeDefinitionsRequest(names=["churn", "rfm", "top"], tags=["churn"], with_text=True),
            timeout=10)
        assert len(both.features) == 4 and len(both.services) == 1 and both.text == DESCRIBED.encode()
        whole = client.DescribeDefinitions(messages.DescribeDefinitionsRequest(), timeout=10)
        features = {feature.name: feature for feature in whole.features}
        assert features["orders_90d"].window_us == 90 * harness.DAY_US
        assert features["revenue"].default_value.decimal == "12.50"
        assert features["aov"].default_value.real == 0 and features["aov"].HasField("default_value")
        assert not features["faded"].HasField("default_value")
        for wrong, code in ((dict(names=["churm"]), grpc.StatusCode.INVALID_ARGUMENT),
                            (dict(names=["churn"] * 1001), grpc.StatusCode.INVALID_ARGUMENT),
                            (dict(definitions_version=2), grpc.StatusCode.NOT_FOUND)):
            with pytest.raises(grpc.RpcError) as refused:
                client.DescribeDefinitions(messages.DescribeDefinitionsRequest(**wrong), timeout=10)
            assert refused.value.code() == code
