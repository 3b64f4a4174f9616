"""Histories made up for the built-in definitions files, and the words that a plain reading of them is written in.

A reading says of one customer, by the descriptions in the file and by nothing of Patron's, what each feature is at a
moment: exact fractions, the standard library's calendar, every event looked at again for every value. builtin_shop.py,
builtin_subscription.py and builtin_bank.py are such readings; test_builtin.py holds a server against them.
"""
import collections
import datetime
import math
import random
from fractions import Fraction
from zoneinfo import ZoneInfo

import harness

HOUR_US = 3_600 * harness.MICROSECONDS
DAY_US = harness.DAY_US
SPANS = (7, 30, 90, 365)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
CASES_AT_US = harness.time_of("2025-05-20T00:00:00Z")  # when what is written out by hand is so, of each file's CASES


class Default(collections.namedtuple("Default", "value")):
    """There is no value, and the file says to take this one."""


class Stale(collections.namedtuple("Stale", "value")):
    """There is a value, too old to be relied on."""


class Event:
    """Amounts are Fractions; a number is a float with few binary digits, so that it is exact in any form."""

    def __init__(self, kind, name, time_us, known_us, identifiers, attributes):
        self.kind, self.name, self.time_us, self.known_us = kind, name, time_us, known_us
        self.identifiers = identifiers
        self.attributes = {key: value for key, value in attributes.items() if value is not None}

    def get(self, attribute):
        return self.attributes.get(attribute)

    def message(self):
        sent = {}
        for key, value in self.attributes.items():
            if isinstance(value, Fraction):
                micros = value * 1_000_000
                assert micros.denominator == 1
                sent["decimal_" + key] = f"{'-' if micros < 0 else ''}{abs(micros.numerator) // 10 ** 6}" \
                    f".{abs(micros.numerator) % 10 ** 6:06}"
            else:
                sent[key] = value
        return harness.event(self.kind, self.name, self.time_us, self.identifiers, known_at_us=self.known_us, **sent)


# --- making histories up ---

class Maker:
    """Events of a number of people, each seen under several identifiers that some of the events tie together."""

    def __init__(self, seed, from_us, to_us, kinds, nobody):
        """`kinds`: how many identifiers of each type a person may have; `nobody`: identifiers that stand for nobody."""
        self.dice = random.Random(seed)
        self.from_us, self.to_us = from_us, to_us
        self.kinds, self.nobody = kinds, nobody
        self.events, self.people = [], []
        self.taken = set()

    def person(self):
        number = len(self.people)
        names = [f"customer_id:c{number}"]
        for kind, most in self.kinds.items():
            for place in range(self.dice.randint(0, most)):
                names.append(f"email:Person{number}.{place}@Example.org" if kind == "email"
                             else f"{kind}:{kind[0]}{number}-{place}")
        self.people.append(names)
        return names

    def chance(self, part):
        return self.dice.random() < part

    def some(self, part, value):
        """The value, or nothing with what is left of the chance."""
        return value if self.chance(part) else None

    def money(self, low, high, places=2):
        return Fraction(self.dice.randint(low * 10 ** places, high * 10 ** places), 10 ** places)

    def moment(self, low_us=None, high_us=None):
        return self.dice.randrange(self.from_us if low_us is None else low_us, high_us or self.to_us)

    def moments(self, per_day, from_us=None, to_us=None):
        """Irregular moments, so many a day on average."""
        at = self.from_us if from_us is None else from_us
        while True:
            at += int(self.dice.expovariate(per_day) * DAY_US) + 1
            if at >= (to_us or self.to_us):
                return
            yield at

    def add(self, kind, names, time_us, /, **attributes):
        time_us = min(time_us, self.to_us + DAY_US)  # a little ahead of the end, at most
        while time_us in self.taken:  # first and last are told apart by time here
            time_us += 1
        self.taken.add(time_us)
        known_us = time_us + self.dice.choice((1, 1, 1, 60, 3600, 2 * 86400)) * self.dice.randint(1, 10 ** 6)
        if self.chance(0.02):  # told before it is due
            known_us = time_us - self.dice.randint(0, 2 * DAY_US)
        who = self.dice.sample(names, self.dice.randint(1, min(3, len(names))))
        if self.chance(0.03):
            who.append(self.dice.choice(self.nobody))
        self.events.append(Event(kind, "", time_us, min(known_us, self.to_us), who, attributes))

    def tell(self, case, days, kind, /, **attributes):
        """An event of one of the CASES, so many days before CASES_AT_US, known at once."""
        time_us = CASES_AT_US - int(days * DAY_US)
        self.add(kind, [f"customer_id:{case}"], time_us, **attributes)
        self.events[-1].known_us = time_us + 1

    def finish(self):
        """In the order in which they became known, each at a moment of its own."""
        self.events.sort(key=lambda event: (event.known_us, event.time_us))
        known_us = 0
        for number, event in enumerate(self.events):
            event.name = f"{event.kind}{number}"
            event.known_us = known_us = max(event.known_us, known_us + 1)
        return self.events


# --- who is who ---

def normal(identifier):
    kind, value = identifier.split(":", 1)
    return f"{kind}:{value.strip().lower() if kind == 'email' else value}"


class World:
    """Which events are whose, as of a moment: what is tied together by events known before it."""

    def __init__(self, events, nobody, zone):
        self.events, self.nobody, self.zone = events, {normal(name) for name in nobody}, ZoneInfo(zone)

    def histories(self, moment_us):
        """A function from an identifier to its customer's History at the moment; None where it is not known."""
        above = {}

        def top(name):
            above.setdefault(name, name)
            while above[name] != name:
                above[name] = above[above[name]]
                name = above[name]
            return name

        known = [event for event in self.events if event.known_us < moment_us]
        whose = []
        for event in known:
            names = [normal(name) for name in event.identifiers]
            names = [name for name in names if name not in self.nobody]
            for name in names:
                above[top(name)] = top(names[0])
            whose.append(names[0])
        by_customer = collections.defaultdict(list)
        for event, name in zip(known, whose):
            if event.time_us < moment_us:
                by_customer[top(name)].append(event)
        return lambda identifier: History(by_customer[top(normal(identifier))], moment_us, self.zone) \
            if normal(identifier) in above else None


class History:
    """One customer's events before a moment, oldest first."""

    def __init__(self, events, now_us, zone):
        self.now_us, self.zone = now_us, zone
        self.by_kind = collections.defaultdict(list)
        for event in sorted(events, key=lambda event: event.time_us):
            self.by_kind[event.kind].append(event)

    def day(self, time_us):
        """The calendar day, as a number."""
        return (EPOCH + datetime.timedelta(microseconds=time_us)).astimezone(self.zone).date().toordinal()

    def today(self):
        return self.day(self.now_us - 1)

    def floor(self, time_us, days):
        """Windows of up to 11 days begin with an hour, longer ones with a calendar day."""
        if days < 12:
            return time_us // HOUR_US * HOUR_US
        midnight = datetime.datetime.combine(
            datetime.date.fromordinal(self.day(time_us)), datetime.time(), tzinfo=self.zone)
        return (midnight - EPOCH) // datetime.timedelta(microseconds=1)

    def ever(self, kind, /, **having):
        return [event for event in self.by_kind[kind]
                if all(event.get(key) == value for key, value in having.items())]

    def past(self, days, kind, /, **having):
        """Of the last so many days."""
        start_us = self.floor(self.now_us - days * DAY_US, days)
        return [event for event in self.ever(kind, **having) if event.time_us >= start_us]

    def before(self, days, kind, /, **having):
        """Of the same number of days right before those."""
        end_us = self.floor(self.now_us - days * DAY_US, days)
        start_us = self.floor(self.now_us - 2 * days * DAY_US, days)
        return [event for event in self.ever(kind, **having) if start_us <= event.time_us < end_us]

    def days(self, events):
        return sorted({self.day(event.time_us) for event in events})

    def since(self, event):
        """In days; nothing without an event."""
        return Fraction(self.now_us - event.time_us, DAY_US) if event else None

    def since_first(self, events):
        return self.since(events[0] if events else None)

    def since_last(self, events):
        return self.since(events[-1] if events else None)

    def rfm(self, events, attribute):
        """(frequency, recency, T, monetary) by calendar days."""
        totals = collections.Counter()
        for event in events:
            if event.get(attribute) is not None:
                totals[self.day(event.time_us)] += event.get(attribute)
        if not totals:
            return None, None, None, None
        first, last = min(totals), max(totals)
        repeats = [total for day, total in totals.items() if day != first]
        return (len(repeats), last - first, self.today() - first,
                Fraction(sum(repeats), len(repeats)) if repeats else None)

    def fading(self, events, half_life_days, attribute=None):
        """Sum by days, each worth half after so many."""
        totals = collections.Counter()
        for event in events:
            value = 1 if attribute is None else event.get(attribute)
            if value is not None:
                totals[self.day(event.time_us)] += value
        if not totals:
            return None
        return math.fsum(float(total) * 2.0 ** (-(self.today() - day) / half_life_days)
                         for day, total in totals.items())

    def streak_now(self, events):
        """Days in a row up to today, or up to yesterday if today has none yet."""
        days = set(self.days(events))
        at = self.today() if self.today() in days else self.today() - 1
        length = 0
        while at - length in days:
            length += 1
        return length

    def streak_longest(self, events):
        days = self.days(events)
        longest = length = 0
        for place, day in enumerate(days):
            length = length + 1 if place and days[place - 1] == day - 1 else 1
            longest = max(longest, length)
        return longest


# --- over lists of events ---

def values(events, attribute):
    return [event.get(attribute) for event in events if event.get(attribute) is not None]


def total(events, attribute):
    return sum(values(events, attribute), Fraction(0))


def mean(events, attribute):
    found = values(events, attribute)
    return Fraction(sum(map(Fraction, found)), len(found)) if found else None


def spread(numbers):
    """Standard deviation of a sample; nothing under two."""
    if len(numbers) < 2:
        return None
    middle = Fraction(sum(numbers), len(numbers))
    squares = sum((number - middle) ** 2 for number in numbers)
    return math.sqrt(Fraction(squares, len(numbers) - 1))


def first(events, attribute, default=None):
    found = values(events, attribute)
    return found[0] if found else default


def last(events, attribute, default=None):
    found = values(events, attribute)
    return found[-1] if found else default


def top(events, attribute, by=None):
    """The values that lead, by number or by what they bring; ties in the order of the alphabet."""
    score = collections.Counter()
    for event in events:
        weight = 1 if by is None else event.get(by)
        if event.get(attribute) is not None and weight is not None:
            score[event.get(attribute)] += weight
    return sorted(score, key=lambda value: (-score[value], value.encode()))


def gaps(days):
    return [later - earlier for earlier, later in zip(days, days[1:])]


def mean_gap(days):
    return Fraction(days[-1] - days[0], len(days) - 1) if len(days) > 1 else None


def over(part, whole):
    """A quotient; nothing where a part is missing or the whole is 0."""
    if part is None or whole is None or whole == 0:
        return None
    if isinstance(part, float) or isinstance(whole, float):
        return float(part) / float(whole)
    return Fraction(part) / Fraction(whole)


def share(part, whole):
    """A quotient that must lie in 0 to 1."""
    return over(part, whole) if part <= whole else None


def grown(tenure_days, span, now, before):
    """A trend, for those who were there for both windows."""
    return over(now, before) if tenure_days is not None and tenure_days >= 2 * span else None
