"""A made-up history for builtin:subscription, and what each of its features is, read from the descriptions."""
from fractions import Fraction

from reading import (DAY_US, SPANS, Default, Maker, Stale, first, grown, last, mean, mean_gap, over, share, top, total,
                     values)

TIME_ZONE = "UTC"
NOBODY = ("email:noreply@example.com", "device:unknown", "cookie:opted-out")
CHANNELS = ("email", "search", "paid_search", "social", "referral", "podcast")
PLANS = ("basic", "plus", "pro")
PRICES = {"basic": Fraction(999, 100), "plus": Fraction(1999, 100), "pro": Fraction(49)}


def make(seed, people, from_us, to_us):
    maker = Maker(seed, from_us, to_us, {"account_id": 1, "email": 2, "device": 2, "cookie": 1}, NOBODY)
    for _ in range(people):
        one_person(maker, maker.person())
    cases(maker)
    return maker.finish()


# Customers whose older, or other, subscriptions say nothing of the running one; and what must be said, by hand.
NOTHING = dict.fromkeys(("subscription_state", "in_trial", "payment_failing", "current_plan", "subscription_age_days",
                         "days_to_renewal", "days_past_due", "monthly_revenue", "running_is_paid"))
UNPAID = {"days_to_renewal": None, "days_past_due": None, "monthly_revenue": None, "running_is_paid": False}
CASES = {
    # Failed and ended long ago; begun again, and not paid yet.
    "customer_id:again": UNPAID | {"subscription_state": "unpaid", "payment_failing": False, "in_trial": False,
                                   "current_plan": "plus", "subscription_age_days": Fraction(10)},
    "customer_id:again_declined": UNPAID | {"subscription_state": "failing", "payment_failing": True},
    # Paid by an earlier subscription, ended hours before the next began.
    "customer_id:again_at_once": UNPAID | {"subscription_state": "unpaid", "current_plan": "pro"},
    # The checkout took the money two seconds before it began the subscription.
    "customer_id:checkout": {"subscription_state": "active", "in_trial": False, "running_is_paid": True,
                             "days_to_renewal": Fraction(20) - Fraction(2, 86400), "days_past_due": 0,
                             "monthly_revenue": Fraction("3.04375")},
    "customer_id:checkout_trial": {"subscription_state": "active", "in_trial": False},
    "customer_id:checkout_declined": UNPAID | {"subscription_state": "failing", "payment_failing": True},
    # Paid, or declined, weeks before a first subscription began: for something else.
    "customer_id:paid_early": UNPAID | {"subscription_state": "trial", "in_trial": True},
    "customer_id:declined_early": UNPAID | {"subscription_state": "unpaid", "payment_failing": False},
    # A trial whose period was booked at nothing; one after an earlier trial; and none, after one.
    "customer_id:free_trial": {"subscription_state": "trial", "in_trial": True, "monthly_revenue": 0},
    "customer_id:tries_again": UNPAID | {"subscription_state": "trial", "in_trial": True},
    "customer_id:tried_before": UNPAID | {"subscription_state": "unpaid", "in_trial": False},
    # Overdue by 60 days; several at once; one of two ended, whichever.
    "customer_id:overdue": {"subscription_state": "active", "days_past_due": 60 - Fraction(2, 86400),
                            "days_to_renewal": 0},
    "customer_id:trial_beside": NOTHING | {"open_subscriptions": 2, "subscribed": True},
    "customer_id:basic_left": NOTHING | {"open_subscriptions": 1, "subscribed": True, "latest_runs_alone": False},
    # Ends that were told without their beginnings.
    "customer_id:began_before": NOTHING | {"open_subscriptions": None, "subscribed": None},
    "customer_id:ended_twice": NOTHING | {"open_subscriptions": None, "subscribed": None},
    # Done with: nothing runs, nothing is due.
    "customer_id:gone": {"subscription_state": "ended", "current_plan": "none", "monthly_revenue": 0,
                         "days_to_renewal": None, "days_past_due": None, "payment_failing": False, "in_trial": False},
}


def cases(maker):
    """The customers of CASES."""
    def tell(case, *happened):
        for days, kind, attributes in happened:
            maker.tell(case, days, kind, **attributes)

    def start(days, plan, trial=False):
        return days, "subscription_started", {"subscription": f"{plan}{days}", "plan": plan, "trial": trial}

    def pay(days, amount=3, period=30):
        return days, "payment", {"amount": Fraction(amount), "period_days": period}

    def decline(days):
        return days, "payment_failed", {"amount": Fraction(3)}

    def end(days):
        return days, "subscription_cancelled", {"plan": "basic"}

    before = Fraction(2, 86400)  # two seconds
    old = (start(800, "basic"), pay(799), decline(765), end(760))
    tell("again", *old, start(10, "plus"))
    tell("again_declined", *old, start(10, "plus"), decline(9))
    tell("again_at_once", start(60, "basic"), pay(Fraction(41, 4)), end(Fraction(81, 8)), start(10, "pro"))
    tell("checkout", pay(10 + before), start(10, "plus"))
    tell("checkout_trial", *old, pay(10 + before), start(10, "plus", True))
    tell("checkout_declined", *old, decline(10 + before), start(10, "plus"))
    tell("paid_early", pay(30), start(10, "plus", True))
    tell("declined_early", decline(30), start(10, "plus"))
    tell("free_trial", *old, start(10, "plus", True), pay(Fraction(19, 2), 0, 14))
    tell("tries_again", start(90, "plus", True), pay(80), end(50), start(10, "plus", True))
    tell("tried_before", start(90, "plus", True), end(76), start(10, "plus"))
    tell("overdue", start(90, "plus"), pay(90 - before))
    tell("trial_beside", start(90, "basic"), pay(30), start(10, "pro", True), pay(Fraction(1, 2)))
    tell("basic_left", start(90, "basic"), start(60, "pro"), pay(40), end(10))
    tell("began_before", end(90), start(60, "basic"), start(40, "pro"), pay(39))
    tell("ended_twice", start(90, "basic"), end(60), end(59), start(10, "pro"), pay(9))
    tell("gone", *old)


def one_person(maker, names):
    dice = maker.dice
    start_us = maker.moment()
    at = start_us
    while at < maker.to_us and not maker.chance(0.15):
        at = one_subscription(maker, names, at)
        at += dice.randint(1, 120) * DAY_US
    if maker.chance(0.05):  # it began before the history does
        maker.add("subscription_cancelled", names, maker.moment(), plan="basic", voluntary=True)
    visits = list(maker.moments(dice.choice((0.003, 0.05, 0.5)), start_us))
    if maker.chance(0.06):  # not a day without it
        visits += range(max(start_us, maker.to_us - 200 * DAY_US), maker.to_us, DAY_US // 6 * 5)
    for at in visits:
        maker.add("session", names, at, minutes=maker.some(0.9, dice.randint(1, 400) / 4),
                  platform=maker.some(0.9, dice.choice(("web", "ios", "tv"))))
        if maker.chance(0.5):
            feature = dice.choice(("search", "share", "export", "api"))
            maker.add("usage", names, at + 7, feature=maker.some(0.95, feature),
                      quantity=maker.some(0.7, dice.randint(1, 50) / 2))
    for at in maker.moments(dice.choice((0.002, 0.03)), start_us):
        maker.add("touch", names, at, channel=maker.some(0.95, dice.choice(CHANNELS)),
                  campaign=maker.some(0.5, dice.choice(("spring", "sale"))), cost=maker.some(0.5, maker.money(0, 9)))
    for at in maker.moments(dice.choice((0.001, 0.01)), start_us):
        maker.add("ticket", names, at, topic="bill", complaint=maker.some(0.8, maker.chance(0.4)),
                  cost=maker.some(0.9, maker.money(2, 30)), satisfaction=maker.some(0.4, dice.randint(1, 5)))
    for at in maker.moments(0.02, start_us):
        maker.add("cost", names, at, kind="hosting", amount=maker.some(0.95, maker.money(0, 4, 6)))


def one_subscription(maker, names, at):
    """From its start to its end or that of the history; when that was."""
    dice = maker.dice
    plan, period = dice.choice(PLANS), dice.choice((30, 30, 30, 365))
    trial = maker.chance(0.3)
    maker.add("subscription_started", names, at, subscription=f"s{at}", plan=maker.some(0.95, plan),
              trial=maker.some(0.9, trial), channel=maker.some(0.8, dice.choice(("web", "app"))))
    if trial:
        at += 14 * DAY_US
    if maker.chance(0.05):
        one_subscription(maker, names, at + DAY_US)  # a second one beside it
    while at < maker.to_us:
        price = PRICES[plan] * (12 if period == 365 else 1)
        failures = 0
        while failures < 3 and maker.chance(0.25):
            failures += 1
            maker.add("payment_failed", names, at + failures * DAY_US, amount=price,
                      reason=maker.some(0.8, dice.choice(("expired", "funds"))), attempt=maker.some(0.9, failures))
        if failures == 3:
            at += 25 * DAY_US  # it is given up after a while
            break
        if trial and maker.chance(0.3):
            break
        promo = maker.some(0.85, maker.chance(0.3))
        off = price / 5 if promo else Fraction(0)
        maker.add("payment", names, at + failures * DAY_US + 1, promo=promo,
                  amount=maker.some(0.97, price - off), discount=off or None, plan=maker.some(0.95, plan),
                  period_days=maker.some(0.95, period))
        if maker.chance(0.1):
            maker.add("refund", names, at + 3 * DAY_US, amount=maker.some(0.95, maker.money(1, 300)))
        if maker.chance(0.08):
            after = dice.choice(PLANS)
            if after != plan:
                maker.add("plan_changed", names, at + 5 * DAY_US, plan=maker.some(0.95, after),
                          upgrade=maker.some(0.9, PRICES[after] > PRICES[plan]))
                plan = after
        trial = False
        at += period * DAY_US
        if at >= maker.to_us:
            return at
        if maker.chance(0.15):
            break
        maker.add("subscription_renewed", names, at, plan=plan)
    if at < maker.to_us:
        maker.add("subscription_cancelled", names, at, plan=plan, voluntary=maker.some(0.9, maker.chance(0.7)),
                  reason=maker.some(0.7, dice.choice(("price", "unused"))))
    return at


def read(h):
    """What each feature is for one customer at one moment."""
    payments, refunds, touches, tickets = h.ever("payment"), h.ever("refund"), h.ever("touch"), h.ever("ticket")
    started = h.ever("subscription_started")
    made = read_state(h) | read_payments(h, payments) | read_use(h) | read_touches(h, touches)
    made["tenure_days"] = h.since_first(started)

    made["refunds"], made["refunds_365d"] = len(refunds), len(h.past(365, "refund"))
    made["refunded"], made["refunded_365d"] = total(refunds, "amount"), total(h.past(365, "refund"), "amount")
    made["net_revenue"] = made["revenue"] - made["refunded"]
    made["net_revenue_365d"] = made["revenue_365d"] - made["refunded_365d"]
    made["refund_rate"] = share(made["refunded"], made["revenue"])
    made["refund_rate_365d"] = share(made["refunded_365d"], made["revenue_365d"])

    made["tickets"], made["tickets_90d"] = len(tickets), len(h.past(90, "ticket"))
    made["complaint_share_365d"] = mean(h.past(365, "ticket"), "complaint")
    said = [ticket for ticket in tickets if ticket.get("satisfaction") is not None]
    made["satisfaction"] = last(said, "satisfaction")
    if said and h.since_last(said) > 365:
        made["satisfaction"] = Stale(made["satisfaction"])
    for ending, helped, spent in (("", tickets, h.ever("cost")), ("_365d", h.past(365, "ticket"), h.past(365, "cost"))):
        made["ticket_cost" + ending], made["service_cost" + ending] = total(helped, "cost"), total(spent, "amount")
        made["cost_to_serve" + ending] = total(helped, "cost") + total(spent, "amount")
        made["contribution_margin" + ending] = made["net_revenue" + ending] - made["cost_to_serve" + ending]
    net = made["net_revenue_365d"]
    made["margin_rate_365d"] = over(made["contribution_margin_365d"], net) if net > 0 else None
    made["margin_after_marketing"] = made["contribution_margin"] - made["marketing_cost"]
    made["payback"] = over(made["contribution_margin"], made["marketing_cost"])
    return made


def read_state(h):
    started, ended = h.ever("subscription_started"), h.ever("subscription_cancelled")
    renewed, changed = h.ever("subscription_renewed"), h.ever("plan_changed")
    payments, failed = h.ever("payment"), h.ever("payment_failed")
    running, alone = running_of(started, ended)
    subscribed = None if running is None else running > 0
    begun = alone and [event for event in (*payments, *failed) if belongs(event, alone, ended)]
    periods = [payment for payment in payments
               if (payment.get("period_days") or 0) > 0 and payment.get("amount") is not None]
    amount, days, since = last(periods, "amount"), last(periods, "period_days"), h.since_last(periods)
    paid = bool(periods) and periods[-1] in begun if alone else None
    made = {
        "subscriptions_started": len(started),
        "trials": len([start for start in started if start.get("trial")]),
        "subscriptions_cancelled": len(ended),
        "days_since_started": h.since_last(started),
        "days_since_trial_started": h.since_last([start for start in started if start.get("trial")]),
        "days_since_cancelled": h.since_last(ended),
        "days_since_first_cancelled": h.since_first(ended),
        "voluntary_cancel_share": mean(ended, "voluntary"),
        "cancel_reason": last(ended, "reason", Default("none")),
        "renewals": len(renewed),
        "renewals_365d": len(h.past(365, "subscription_renewed")),
        "days_since_renewal": h.since_last(renewed),
        "renewal_rate": over(len(renewed), len(renewed) + len(ended)),
        "first_plan": first(started, "plan", Default("none")),
        "started_plan": last(started, "plan"),
        "changed_plan": last(changed, "plan"),
        "days_since_plan_change": h.since_last(changed),
        "plans_held": len(set(values(payments, "plan"))),
        "upgrades": len(h.ever("plan_changed", upgrade=True)),
        "downgrades": len(h.ever("plan_changed", upgrade=False)),
        "downgrades_90d": len(h.past(90, "plan_changed", upgrade=False)),
        "open_subscriptions": running,
        "subscribed": subscribed,
        "latest_runs_alone": None if running is None else alone is not None,
        "running_is_paid": paid,
        "subscription_age_days": h.since(alone),
        "last_period_amount": amount,
        "last_period_days": days,
        "days_since_period_paid": since,
        "days_since_period_charged": h.since_last([payment for payment in periods if payment.get("amount") > 0]),
        "days_to_renewal": max(Fraction(0), days - since) if paid else None,
        "days_past_due": max(Fraction(0), since - days) if paid else None,
    }
    made["monthly_revenue"] = 0 if running == 0 else amount / days * Fraction("30.4375") if paid else None
    if alone:
        bills = [event for event in begun if event in periods and event.get("amount") > 0]
        newest = max((*payments, *failed), key=lambda event: event.time_us, default=None)
        trial = bool(alone.get("trial")) and not bills
        failing = newest in begun and newest.kind == "payment_failed"
        plans = [event for event in changed if event.time_us >= alone.time_us]
        made |= {
            "in_trial": trial, "payment_failing": failing,
            "subscription_state": "trial" if trial else "failing" if failing else "active" if paid else "unpaid",
            # What lacks a plan leaves the one told before.
            "current_plan": last(changed if plans else started, "plan"),
        }
    elif running == 0:
        made |= {"in_trial": False, "payment_failing": False, "current_plan": "none",
                 "subscription_state": "ended" if started or ended else "never"}
    else:
        made |= dict.fromkeys(("in_trial", "payment_failing", "current_plan", "subscription_state"))
    return made


def running_of(started, ended):
    """How many run, None where what is told contradicts itself; and the one that does where no other can be meant."""
    told = sorted(started + ended, key=lambda event: event.time_us)
    running, alone = 0, None
    for event in told:
        alone = event if event in started and running == 0 else None
        running += 1 if event in started else -1
    lost = running < 0 or (told and told[0] in ended and started) or (running == 0 and told and told[-1] in started)
    return (None, None) if lost else (running, alone)


def belongs(event, start, ended):
    """Whether of the subscription begun so: since; or at its checkout, up to a day before and with no ending since."""
    early_us = start.time_us - event.time_us
    return early_us <= 0 or (early_us <= DAY_US and not [end for end in ended if end.time_us >= event.time_us])


def read_payments(h, payments):
    tenure, failed = h.since_first(h.ever("subscription_started")), h.ever("payment_failed")
    frequency, recency, age, monetary = h.rfm([p for p in payments if (p.get("amount") or 0) > 0], "amount")
    year, failed_year = h.past(365, "payment"), h.past(365, "payment_failed")
    made = {
        "rfm.frequency": frequency, "rfm.recency": recency, "rfm.T": age, "rfm.monetary": monetary,
        "days_since_payment": h.since_last(payments),
        "payment_gap_mean": mean_gap(h.days(payments)),
        "overdue": over(h.since_last(payments), mean_gap(h.days(payments))),
        "payments": len(payments),
        "revenue": total(payments, "amount"),
        "payment_mean": mean(payments, "amount"),
        "payments_failed": len(failed),
        "payments_failed_30d": len(h.past(30, "payment_failed")),
        "payments_failed_365d": len(failed_year),
        "days_since_payment_failed": h.since_last(failed),
        "failure_reason": last(h.past(90, "payment_failed"), "reason", Default("none")),
        "failed_attempts_30d": max(values(h.past(30, "payment_failed"), "attempt"), default=None),
        "payment_failure_rate_365d": over(len(failed_year), len(failed_year) + len(year)),
        "promo_payment_share": mean(payments, "promo"),
        "promo_revenue_365d": total(h.past(365, "payment", promo=True), "amount"),
        "full_price_revenue": total(h.ever("payment", promo=False), "amount"),
        "full_price_revenue_365d": total(h.past(365, "payment", promo=False), "amount"),
        "discounts_365d": total(year, "discount"),
    }
    made["promo_revenue_share_365d"] = over(
        made["promo_revenue_365d"], made["promo_revenue_365d"] + made["full_price_revenue_365d"])
    made["discount_rate_365d"] = over(total(year, "discount"), total(year, "amount") + total(year, "discount"))
    for span in SPANS:
        now, before = h.past(span, "payment"), h.before(span, "payment")
        made |= {f"payments_{span}d": len(now), f"revenue_{span}d": total(now, "amount"),
                 f"payment_mean_{span}d": mean(now, "amount")}
        if span >= 30:  # a shorter trend would only say when the bill came
            made |= {
                f"payments_{span}d_before": len(before),
                f"revenue_{span}d_before": total(before, "amount"),
                f"payment_mean_{span}d_before": mean(before, "amount"),
                f"payments_trend_{span}d": grown(tenure, span, len(now), len(before)),
                f"revenue_trend_{span}d": grown(tenure, span, total(now, "amount"), total(before, "amount")),
                f"payment_mean_trend_{span}d": over(mean(now, "amount"), mean(before, "amount")),
            }
    return made


def read_use(h):
    sessions, month, used = h.ever("session"), h.past(30, "session"), h.past(30, "usage")
    began = h.since_first(sessions)
    usual = mean_gap(h.days(h.past(90, "session")))
    favourites = top(h.past(90, "usage"), "feature")
    recent = h.fading(h.ever("usage"), 14)
    made = {
        "sessions_90d": len(h.past(90, "session")),
        "first_session_days": began,
        "days_since_session": h.since_last(sessions),
        "session_gap_mean_90d": usual,
        "silence": over(h.since_last(sessions), usual),
        "active_days_7d": len(h.days(h.past(7, "session"))),
        "active_days_30d": len(h.days(month)),
        "stickiness_30d": min(Fraction(1), Fraction(len(h.days(month)), 30)),
        "streak": h.streak_now(h.past(365, "session")),
        "streak_longest": h.streak_longest(h.past(365, "session")),
        "minutes_30d": sum(values(month, "minutes"), 0.0),
        "usage_recent": Default(0.0) if recent is None else recent,
        "usage_30d": len(used),
        "quantity_30d": sum(values(used, "quantity"), 0.0),
        "features_used_30d": len(set(values(used, "feature"))),
        "features_used": len(set(values(h.ever("usage"), "feature"))),
        "uses_per_session_30d": over(len(used), len(month)),
        "platform": last(h.past(90, "session"), "platform", Default("none")),
    }
    for span in (7, 30):
        now, before = len(h.past(span, "session")), len(h.before(span, "session"))
        made |= {f"sessions_{span}d": now, f"sessions_{span}d_before": before,
                 f"sessions_trend_{span}d": grown(began, span, now, before)}
    for place in range(3):
        made[f"top_features.{place + 1}"] = favourites[place] if place < len(favourites) else Default("none")
    return made


def read_touches(h, touches):
    window = h.past(30, "touch")
    made = {
        "first_touch_channel": first(touches, "channel", Default("unknown")),
        "first_touch_campaign": first(touches, "campaign", Default("unknown")),
        "last_touch_channel": last(touches, "channel", Default("unknown")),
        "first_touch_channel_30d": first(window, "channel"),
        "last_touch_channel_30d": last(window, "channel"),
        "started_channel": last(h.ever("subscription_started"), "channel", Default("unknown")),
        "days_since_touch": h.since_last(touches),
        "touches_30d": len(window),
        "other_touches_30d": len([touch for touch in window if touch.get("channel") not in CHANNELS[:5]]),
        "marketing_cost": total(touches, "cost"),
        "marketing_cost_365d": total(h.past(365, "touch"), "cost"),
    }
    for channel in CHANNELS[:5]:
        made[f"{channel}_touches_30d"] = len([touch for touch in window if touch.get("channel") == channel])
    return made


# What a service says instead where there is no value.
SERVICE_DEFAULTS = {"attribution": {"first_touch_channel_30d": "none", "last_touch_channel_30d": "none"}}
