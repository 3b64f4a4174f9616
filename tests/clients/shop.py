"""A small made-up shop: customers who are seen under several identifiers, which events tie together over time."""
import random

from harness import DAY_US, event

CHANNELS = ("web", "app", "store", "phone", "partner")


def customer_names(customers):
    return [f"customer_id:c{number:05}" for number in range(customers)]


def events(seed, customers, count, from_us, to_us):
    """Sorted by time. Every customer has an order under its customer_id; amounts have up to six decimals."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        customer = number % customers if number < customers else dice.randrange(customers)
        known = [f"customer_id:c{customer:05}"]
        time_us = dice.randrange(from_us, to_us)
        if number >= customers and dice.random() < 0.3:
            who = dice.choice([known + [f"device:d{customer}-{dice.randrange(3)}"], [f"device:d{customer}-0"]])
            made.append(event("session", f"s{number}", time_us, who, pages=dice.randrange(1, 40)))
            continue
        who = known + ([f"email:C{customer}@Example.org"] if dice.random() < 0.5 else [])
        attributes = {}
        if dice.random() < 0.95:
            places = dice.choice((0, 2, 2, 2, 6))
            attributes["decimal_amount"] = f"{dice.randrange(10 ** 3 * 10 ** places) / 10 ** places:.{places}f}"
        if dice.random() < 0.6:
            attributes["discount"] = dice.random() / 3
        if dice.random() < 0.8:
            attributes["items"] = dice.randrange(1, 9)
        if dice.random() < 0.8:
            attributes["promo"] = dice.random() < 0.2
        if dice.random() < 0.9:
            attributes["channel"] = dice.choice(CHANNELS)
        made.append(event("order", f"o{number}", time_us, who, **attributes))
    made.sort(key=lambda one: (one.time_us, one.id))
    return made


def history_window(now_us, days=400):
    """From so many days ago until an hour ago."""
    return now_us - days * DAY_US, now_us - 3_600_000_000
