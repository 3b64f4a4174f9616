"""A made-up history for builtin:shop, and what each of its features is, read from the descriptions."""
from fractions import Fraction

from reading import (SPANS, Default, Maker, Stale, first, gaps, grown, last, mean, mean_gap, over, share, spread, top,
                     total, values)

TIME_ZONE = "Europe/Berlin"
NOBODY = ("email:Guest@example.com", "device:unknown", "cookie:opted-out", "phone:0000000000")
CHANNELS = ("email", "search", "paid_search", "social", "affiliate", "direct", "podcast")


def make(seed, people, from_us, to_us):
    maker = Maker(seed, from_us, to_us, {"email": 2, "phone": 1, "device": 2, "cookie": 2}, NOBODY)
    for _ in range(people):
        one_person(maker, maker.person())
    tell = maker.tell
    tell("sent_back", 500, "order", amount=Fraction(90), cost=Fraction(40))
    tell("sent_back", 20, "order", amount=Fraction(10), cost=Fraction(4))
    tell("sent_back", 10, "refund", amount=Fraction(90), recovered=Fraction(40))
    tell("bought_once", 30, "order", amount=Fraction(20))
    return maker.finish()


# Customers of whom a number would mislead; and what must be said, by hand.
CASES = {
    # The last year's refund is of an order before it.
    "customer_id:sent_back": {"refund_rate": Fraction(9, 10), "refund_rate_365d": None, "net_revenue_365d": -80,
                              "margin_rate_365d": None, "orders_trend_365d": None, "contribution_margin": 6},
    # One order is no rhythm, and has no margin while its goods' cost is not known.
    "customer_id:bought_once": {"overdue": None, "orders_trend_30d": None, "contribution_margin": None, "aov": 20},
}


def one_person(maker, names):
    dice = maker.dice
    start_us = maker.moment()
    gone_us = maker.moment(start_us) if maker.chance(0.4) else maker.to_us
    tidy = maker.chance(0.5)  # every order says what its goods cost
    for at in maker.moments(dice.choice((0.001, 0.01, 0.03, 0.3)), start_us, gone_us):
        amount = maker.some(0.97, maker.money(0 if maker.chance(0.1) else 5, 200, dice.choice((0, 2, 2, 6))))
        order = f"n{at}"
        maker.add("order", names, at, amount=amount, discount=maker.some(0.3, maker.money(0, 20)),
                  cost=maker.some(1 if tidy else 0.9, maker.money(1, 90)), items=maker.some(0.8, dice.randint(1, 9)),
                  promo=maker.some(0.8, maker.chance(0.3)),
                  channel=maker.some(0.9, dice.choice(("web", "app", "store"))),
                  category=maker.some(0.9, dice.choice(("shoes", "coats", "hats", "bags", "belts"))))
        while maker.chance(0.2):
            maker.add("refund", names, at + dice.randint(1, 60) * 86_400_000_000,
                      amount=maker.some(0.95, maker.money(1, 150)), recovered=maker.some(0.6, maker.money(0, 60)),
                      order_id=maker.some(0.9, order), reason=maker.some(0.5, "size"))
        if maker.chance(0.7):
            maker.add("cost", names, at + 1, kind="shipping", amount=maker.some(0.95, maker.money(3, 9)))
    for at in maker.moments(dice.choice((0.005, 0.05, 0.5)), start_us, gone_us):
        maker.add("session", names, at, pages=maker.some(0.9, dice.randint(1, 30)),
                  cart=maker.some(0.8, maker.chance(0.4)), seconds=dice.randint(1, 999),
                  category=maker.some(0.5, dice.choice(("shoes", "coats", "hats"))))
        if maker.chance(0.3):
            maker.add("usage", names, at + 5,
                      feature=maker.some(0.95, dice.choice(("wishlist", "review", "app", "scan"))))
    for at in maker.moments(dice.choice((0.002, 0.03, 0.1)), start_us):
        maker.add("touch", names, at, channel=maker.some(0.95, dice.choice(CHANNELS)),
                  campaign=maker.some(0.5, dice.choice(("spring", "sale"))), cost=maker.some(0.6, maker.money(0, 3)))
    for at in maker.moments(dice.choice((0.001, 0.01)), start_us):
        maker.add("ticket", names, at, topic="parcel", complaint=maker.some(0.8, maker.chance(0.4)),
                  cost=maker.some(0.9, maker.money(2, 30)), satisfaction=maker.some(0.4, dice.randint(1, 5)))


def read(h):
    """What each feature is for one customer at one moment."""
    orders, refunds, sessions = h.ever("order"), h.ever("refund"), h.ever("session")
    touches, tickets, costs = h.ever("touch"), h.ever("ticket"), h.ever("cost")
    tenure, year = h.since_first(orders), 365
    order_days = h.days(orders)
    made = {}

    frequency, recency, age, monetary = h.rfm([o for o in orders if (o.get("amount") or 0) > 0], "amount")
    made |= {"rfm.frequency": frequency, "rfm.recency": recency, "rfm.T": age, "rfm.monetary": monetary}
    made["days_since_order"], made["tenure_days"] = h.since_last(orders), tenure

    made["orders"], made["revenue"], made["aov"] = len(orders), total(orders, "amount"), mean(orders, "amount")
    for span in SPANS:
        now, before = h.past(span, "order"), h.before(span, "order")
        for name, of in {"orders": len, "revenue": lambda them: total(them, "amount"),
                         "aov": lambda them: mean(them, "amount")}.items():
            made[f"{name}_{span}d"], made[f"{name}_{span}d_before"] = of(now), of(before)
        made[f"orders_trend_{span}d"] = grown(tenure, span, len(now), len(before))
        made[f"revenue_trend_{span}d"] = grown(tenure, span, total(now, "amount"), total(before, "amount"))
        made[f"aov_trend_{span}d"] = over(mean(now, "amount"), mean(before, "amount"))
    usual = mean_gap(order_days)
    uneven = spread(gaps(order_days))
    made["order_days"], made["order_gap_mean"], made["order_gap_stddev"] = len(order_days), usual, uneven
    made["overdue"] = over(h.since_last(orders), usual)
    made["overdue_deviations"] = over(h.since_last(orders) - usual, uneven) if uneven is not None else None
    recent = h.fading(orders, 90, "amount")
    made["revenue_recent"] = Default(0.0) if recent is None else recent
    made["order_stddev"] = spread(values(orders, "amount"))
    made["order_largest"] = max(values(orders, "amount"), default=None)
    made["spend_variation"] = over(made["order_stddev"], made["aov"])

    orders_year, refunds_year = h.past(year, "order"), h.past(year, "refund")
    made["refunds"], made["refunds_365d"] = len(refunds), len(refunds_year)
    made["refunded"], made["refunded_365d"] = total(refunds, "amount"), total(refunds_year, "amount")
    made["recovered"], made["recovered_365d"] = total(refunds, "recovered"), total(refunds_year, "recovered")
    made["refunded_orders"] = len(set(values(refunds, "order_id")))
    made["net_revenue"] = made["revenue"] - made["refunded"]
    made["net_revenue_365d"] = made["revenue_365d"] - made["refunded_365d"]
    made["refund_rate"] = share(made["refunded"], made["revenue"])
    made["refund_rate_365d"] = share(made["refunded_365d"], made["revenue_365d"])
    made["refunded_order_share"] = share(made["refunded_orders"], len(orders))

    made["promo_order_share"], made["promo_order_share_365d"] = mean(orders, "promo"), mean(orders_year, "promo")
    made["promo_revenue_365d"] = total(h.past(year, "order", promo=True), "amount")
    made["full_price_revenue"] = total(h.ever("order", promo=False), "amount")
    made["full_price_revenue_365d"] = total(h.past(year, "order", promo=False), "amount")
    made["discounts_365d"] = total(orders_year, "discount")
    made["promo_revenue_share_365d"] = over(
        made["promo_revenue_365d"], made["promo_revenue_365d"] + made["full_price_revenue_365d"])
    made["discount_rate_365d"] = over(made["discounts_365d"], made["revenue_365d"] + made["discounts_365d"])

    made |= read_touches(h, touches)
    made |= read_visits(h, sessions, orders)

    made["tickets"], made["tickets_90d"] = len(tickets), len(h.past(90, "ticket"))
    made["complaint_share_365d"] = mean(h.past(year, "ticket"), "complaint")
    said = [ticket for ticket in tickets if ticket.get("satisfaction") is not None]
    made["satisfaction"] = last(said, "satisfaction")
    if said and h.since_last(said) > year:
        made["satisfaction"] = Stale(made["satisfaction"])
    marketing, marketing_year = total(touches, "cost"), total(h.past(year, "touch"), "cost")
    for ending, bought, helped, spent, marketed, back in (
            ("", orders, tickets, costs, marketing, made["recovered"]),
            ("_365d", orders_year, h.past(year, "ticket"), h.past(year, "cost"), marketing_year,
             made["recovered_365d"])):
        made["ticket_cost" + ending], made["service_cost" + ending] = total(helped, "cost"), total(spent, "amount")
        made["goods_cost" + ending], made["costed_orders" + ending] = total(bought, "cost"), len(values(bought, "cost"))
        serving = total(helped, "cost") + total(spent, "amount")
        made["cost_to_serve" + ending] = serving
        known = len(values(bought, "cost")) == len(bought)
        margin = made["net_revenue" + ending] - (total(bought, "cost") - back) - serving if known else None
        made["contribution_margin" + ending] = margin
        made["marketing_cost" + ending] = marketed
        made["margin_after_marketing" + ending] = margin - marketed if known else None
    net = made["net_revenue_365d"]
    made["margin_rate_365d"] = over(made["contribution_margin_365d"], net) if net > 0 else None
    return made


def read_touches(h, touches):
    window = h.past(30, "touch")
    paid = [touch for touch in window if touch.get("channel") in ("paid_search", "social", "affiliate")]
    made = {
        "first_touch_channel": first(touches, "channel", Default("unknown")),
        "first_touch_campaign": first(touches, "campaign", Default("unknown")),
        "last_touch_channel": last(touches, "channel", Default("unknown")),
        "first_touch_channel_30d": first(window, "channel"),
        "last_touch_channel_30d": last(window, "channel"),
        "last_paid_touch_channel_30d": last(paid, "channel"),
        "days_since_touch": h.since_last(touches),
        "touches_30d": len(window),
    }
    for channel in CHANNELS[:6]:
        made[f"{channel}_touches_30d"] = len([touch for touch in window if touch.get("channel") == channel])
    made["other_touches_30d"] = len([touch for touch in window if touch.get("channel") not in CHANNELS[:6]])
    weight = h.fading(window, 7)
    made["touch_weight_30d"] = Default(0.0) if weight is None else weight
    for channel in ("email", "paid_search", "social"):
        part = h.fading([touch for touch in window if touch.get("channel") == channel], 7)
        made[f"{channel}_weight_30d"] = Default(0.0) if part is None else part
        made[f"{channel}_credit_30d"] = over(part or 0.0, weight)
    return made


def read_visits(h, sessions, orders):
    month, usage = h.past(30, "session"), h.past(90, "usage")
    known = [session for session in month if session.get("cart")]
    favourites, used = top(h.past(365, "order"), "category", by="amount"), top(usage, "feature")
    made = {
        "sessions_7d": len(h.past(7, "session")),
        "sessions_30d": len(month),
        "sessions_30d_before": len(h.before(30, "session")),
        "first_session_days": h.since_first(sessions),
        "days_since_session": h.since_last(sessions),
        "active_days_30d": len(h.days(month)),
        "visit_streak": h.streak_now(h.past(90, "session")),
        "cart_share_30d": over(len(known), len(month)),
        "pages_30d": mean(month, "pages"),
        "usage_30d": len(h.past(30, "usage")),
        "features_used_90d": len(set(values(usage, "feature"))),
        "viewed_category": last(month, "category", Default("none")),
        "last_order_channel": last(orders, "channel", Default("none")),
        "sessions_trend_30d": grown(h.since_first(sessions), 30, len(month), len(h.before(30, "session"))),
        "conversion_30d": share(len(h.past(30, "order")), len(month)),
    }
    for place in range(3):
        made[f"top_categories.{place + 1}"] = favourites[place] if place < len(favourites) else Default("none")
    for place in range(2):
        made[f"top_features.{place + 1}"] = used[place] if place < len(used) else Default("none")
    return made


# What a service says instead where there is no value.
SERVICE_DEFAULTS = {"attribution": {
    "first_touch_channel_30d": "none", "last_touch_channel_30d": "none", "last_paid_touch_channel_30d": "none"}}
