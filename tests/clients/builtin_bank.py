"""A made-up history for builtin:bank, and what each of its features is, read from the descriptions."""
from fractions import Fraction

from reading import (DAY_US, SPANS, Default, Maker, Stale, first, gaps, grown, last, mean, mean_gap, over, share,
                     spread, top, total, values)

TIME_ZONE = "Europe/London"
NOBODY = ("email:noreply@example.com", "device:unknown", "cookie:opted-out", "phone:+440000000000")
CHANNELS = ("email", "search", "paid_search", "branch", "referral", "podcast")
PRODUCTS = ("current", "savings", "credit_card", "loan", "mortgage", "investment")


def make(seed, people, from_us, to_us):
    maker = Maker(seed, from_us, to_us, {"account_id": 2, "email": 1, "phone": 1, "device": 2, "cookie": 1}, NOBODY)
    for _ in range(people):
        one_person(maker, maker.person())
    cases(maker)
    return maker.finish()


# Customers of whom something could be said too early, or of the wrong part; and what must be said, by hand.
CASES = {
    # One product was opened before the history begins: what is held cannot be told.
    "customer_id:opened_before": {"products_held": None, "is_customer": None, "closed_share": None},
    # A year's income, of holdings that were twice as high in its first half; and the same known for half a year.
    "customer_id:spent_half": {"income_365d": 120, "balance_mean_365d": 1500, "balance_mean_90d": 1000,
                               "income_on_balance_365d": Fraction(120, 1500)},
    "customer_id:half_a_year": {"income_365d": 60, "balance_mean_365d": 1000, "income_on_balance_365d": None},
    "customer_id:balance_told_late": {"income_365d": 5, "balance_mean_365d": 1000, "income_on_balance_365d": None},
}


def cases(maker):
    """The customers of CASES."""
    tell = maker.tell
    tell("opened_before", 60, "account_closed", product="current")
    tell("opened_before", 30, "account_opened", product="savings")
    for month in range(12):
        days = 30 * month + 5
        tell("spent_half", days, "income", amount=Fraction(10), kind="fee")
        tell("spent_half", days, "balance", amount=Fraction(1000 if month < 6 else 2000))
        if month < 6:
            tell("half_a_year", days, "income", amount=Fraction(10), kind="fee")
            tell("half_a_year", days, "balance", amount=Fraction(1000))
    tell("balance_told_late", 400, "income", amount=Fraction(10), kind="fee")
    tell("balance_told_late", 300, "income", amount=Fraction(5), kind="fee")
    tell("balance_told_late", 100, "balance", amount=Fraction(1000))
    tell("spent_half", 400, "income", amount=Fraction(10), kind="fee")
    tell("spent_half", 400, "balance", amount=Fraction(2000))


def one_person(maker, names):
    dice = maker.dice
    start_us = maker.moment()
    gone_us = maker.moment(start_us) if maker.chance(0.3) else maker.to_us
    products(maker, names, start_us, gone_us)
    money(maker, names, start_us, gone_us)
    for at in maker.moments(dice.choice((0.002, 0.05, 0.4)), start_us, gone_us):
        maker.add("login", names, at, platform=maker.some(0.9, dice.choice(("app", "web"))),
                  seconds=dice.randint(1, 900))
        if maker.chance(0.3):
            maker.add("usage", names, at + 3,
                      feature=maker.some(0.95, dice.choice(("transfer", "standing_order", "pots", "chat"))))
    for at in maker.moments(dice.choice((0.002, 0.03)), start_us):
        maker.add("touch", names, at, channel=maker.some(0.95, dice.choice(CHANNELS)),
                  campaign=maker.some(0.5, dice.choice(("isa", "switch"))), cost=maker.some(0.5, maker.money(0, 9)))
    for at in maker.moments(dice.choice((0.001, 0.01)), start_us):
        maker.add("ticket", names, at, topic="card", complaint=maker.some(0.8, maker.chance(0.4)),
                  cost=maker.some(0.9, maker.money(2, 30)), satisfaction=maker.some(0.4, dice.randint(1, 5)))
    for at in maker.moments(0.01, start_us):
        maker.add("cost", names, at, kind=maker.some(0.95, dice.choice(("service", "funding", "loss"))),
                  amount=maker.some(0.95, maker.money(0, 40, 6)))


def products(maker, names, start_us, gone_us):
    dice = maker.dice
    for number, at in enumerate([start_us, *maker.moments(dice.choice((0.0005, 0.003)), start_us, gone_us)]):
        product = dice.choice(PRODUCTS[:2] if number == 0 else PRODUCTS + ("insurance",))
        maker.add("account_opened", names, at, product=maker.some(0.97, product),
                  promo=maker.some(0.8, maker.chance(0.3)),
                  channel=maker.some(0.9, dice.choice(("branch", "app", "web"))))
        if maker.chance(0.4) and gone_us > at:
            maker.add("account_closed", names, maker.moment(at, gone_us), product=maker.some(0.97, product),
                      reason=maker.some(0.7, dice.choice(("fees", "moved"))))
        if product in ("loan", "mortgage"):
            maker.add("loan", names, at + 60, product=product, amount=maker.some(0.97, maker.money(1000, 90000)),
                      months=dice.randint(6, 240), rate=maker.some(0.9, dice.randint(8, 80) / 8))
            for due in range(at + 30 * DAY_US, gone_us, 30 * DAY_US):
                late = dice.choice((0, 0, 0, 0, 3, 12))
                maker.add("loan_payment", names, due + late * DAY_US, amount=maker.money(50, 900),
                          late_days=maker.some(0.95, late))
    if maker.chance(0.05):  # opened before the history begins
        maker.add("account_closed", names, maker.moment(), product="savings", reason="moved")


def money(maker, names, start_us, gone_us):
    dice = maker.dice
    for at in maker.moments(dice.choice((0.005, 0.05, 0.3)), start_us, gone_us):
        maker.add("card_payment", names, at, amount=maker.some(0.97, maker.money(0 if maker.chance(0.1) else 1, 150)),
                  category=maker.some(0.9, dice.choice(("food", "travel", "home", "fun", "fuel"))),
                  online=maker.some(0.8, maker.chance(0.4)), abroad=maker.some(0.9, maker.chance(0.1)))
    if maker.chance(0.5):
        for at in range(start_us + DAY_US, gone_us, 30 * DAY_US):
            maker.add("deposit", names, at + dice.randint(0, 2 * DAY_US), kind="salary",
                      amount=maker.some(0.97, maker.money(1200, 4000)))
    for at in maker.moments(dice.choice((0.005, 0.03)), start_us, gone_us):
        maker.add("deposit", names, at, kind=maker.some(0.9, dice.choice(("cash", "transfer"))),
                  amount=maker.money(10, 900))
        maker.add("withdrawal", names, at + dice.randint(0, 9 * DAY_US), kind="transfer",
                  amount=maker.some(0.97, dice.choice((maker.money(5, 600), maker.money(4000, 9000), Fraction(5000)))))
    step_us = dice.choice((3, 10, 30, 60)) * DAY_US
    low, high = (-900, 300) if maker.chance(0.15) else (-500, 9000)  # some live on their overdraft
    if maker.chance(0.8):
        for at in range(start_us + dice.randint(0, DAY_US), gone_us, step_us):
            maker.add("balance", names, at, amount=maker.some(0.95, maker.money(low, high)))
    low, high = (-30, 10) if maker.chance(0.1) else (0, 40)  # some cost more than they bring
    for at in range(start_us + dice.randint(0, DAY_US), gone_us, 30 * DAY_US):
        kind = dice.choice(("interest", "interchange", "fee", "commission"))
        maker.add("income", names, at, kind=maker.some(0.95, kind),
                  amount=maker.some(0.97, maker.money(low, high, 6)), promo=maker.some(0.85, maker.chance(0.3)))
        for each in range(dice.choice((0, 0, 0, 9))):  # a card in daily use
            maker.add("income", names, at + (3 * each + 1) * DAY_US, kind="interchange", amount=maker.money(0, 2, 4))
        if maker.chance(0.05):
            maker.add("refund", names, at + 9, amount=maker.some(0.95, maker.money(1, 60)), reason="goodwill")


def read(h):
    """What each feature is for one customer at one moment."""
    made = read_products(h) | read_cards(h) | read_money(h) | read_loans(h) | read_use(h) | read_touches(h)
    touches, tickets, costs = h.ever("touch"), h.ever("ticket"), h.ever("cost")

    ages = [age for age in (made["days_since_card_payment"], made["days_since_deposit"], made["days_since_login"])
            if age is not None]
    made["days_since_activity"] = min(ages, default=None)

    made["tickets"], made["tickets_90d"] = len(tickets), len(h.past(90, "ticket"))
    made["complaints_365d"] = len(h.past(365, "ticket", complaint=True))
    said = [ticket for ticket in tickets if ticket.get("satisfaction") is not None]
    made["satisfaction"] = last(said, "satisfaction")
    if said and h.since_last(said) > 365:
        made["satisfaction"] = Stale(made["satisfaction"])
    made["losses"] = total(h.ever("cost", kind="loss"), "amount")
    for ending, helped, spent in (("", tickets, costs), ("_365d", h.past(365, "ticket"), h.past(365, "cost"))):
        made["ticket_cost" + ending], made["service_cost" + ending] = total(helped, "cost"), total(spent, "amount")
        made["cost_to_serve" + ending] = total(helped, "cost") + total(spent, "amount")
        made["contribution_margin" + ending] = made["net_income" + ending] - made["cost_to_serve" + ending]
    net = made["net_income_365d"]
    made["cost_income_ratio_365d"] = over(made["cost_to_serve_365d"], net) if net > 0 else None
    made["margin_after_marketing"] = made["contribution_margin"] - total(touches, "cost")
    return made


def read_products(h):
    opened, closed = h.ever("account_opened"), h.ever("account_closed")
    held = len(opened) - len(closed)
    if held < 0 or (held == 0 and opened and opened[-1].time_us > closed[-1].time_us):  # not all openings were told
        held = None
    made = {
        "tenure_days": h.since_first(opened),
        "days_since_opened": h.since_last(opened),
        "days_since_closed": h.since_last(closed),
        "products_opened": len(opened),
        "products_opened_365d": len(h.past(365, "account_opened")),
        "products_closed": len(closed),
        "products_closed_365d": len(h.past(365, "account_closed")),
        "kinds_opened": len(set(values(opened, "product"))),
        "first_product": first(opened, "product", Default("none")),
        "latest_product": last(opened, "product", Default("none")),
        "close_reason": last(closed, "reason", Default("none")),
        "opening_gap_mean": mean_gap(h.days(opened)),
        "products_held": held,
        "is_customer": None if held is None else held > 0,
        "closed_share": None if held is None else over(len(closed), len(opened)),
        "promo_product_share": mean(opened, "promo"),
        "opening_channel": last(opened, "channel", Default("unknown")),
    }
    kinds = 0
    for product in PRODUCTS:
        came = len(h.ever("account_opened", product=product))
        went = len(h.ever("account_closed", product=product))
        made |= {f"{product}_opened": came, f"{product}_closed": went,
                 f"{product}_held": came - went if went <= came else None}
        kinds = None if kinds is None or went > came else kinds + (came > went)
    made["kinds_held"] = kinds
    return made


def read_cards(h):
    payments, quarter = h.ever("card_payment"), h.past(90, "card_payment")
    began = h.since_first(payments)
    usual = mean_gap(h.days(h.past(365, "card_payment")))
    frequency, recency, age, monetary = h.rfm([p for p in payments if (p.get("amount") or 0) > 0], "amount")
    made = {
        "rfm.frequency": frequency, "rfm.recency": recency, "rfm.T": age, "rfm.monetary": monetary,
        "days_since_card_payment": h.since_last(payments),
        "card_gap_mean_365d": usual,
        "overdue": over(h.since_last(payments), usual),
        "first_card_payment_days": began,
        "card_payments": len(payments),
        "card_spend": total(payments, "amount"),
        "card_mean": mean(payments, "amount"),
        "online_share_90d": mean(quarter, "online"),
        "abroad_share_365d": mean(h.past(365, "card_payment"), "abroad"),
        "categories_90d": len(set(values(quarter, "category"))),
    }
    for span in SPANS:
        now, before = h.past(span, "card_payment"), h.before(span, "card_payment")
        for name, of in {"card_payments": len, "card_spend": lambda them: total(them, "amount"),
                         "card_mean": lambda them: mean(them, "amount")}.items():
            made[f"{name}_{span}d"], made[f"{name}_{span}d_before"] = of(now), of(before)
        made[f"card_payments_trend_{span}d"] = grown(began, span, len(now), len(before))
        made[f"card_spend_trend_{span}d"] = grown(began, span, total(now, "amount"), total(before, "amount"))
        made[f"card_mean_trend_{span}d"] = over(mean(now, "amount"), mean(before, "amount"))
    favourites = top(quarter, "category", by="amount")
    for place in range(3):
        made[f"top_categories.{place + 1}"] = favourites[place] if place < len(favourites) else Default("none")
    return made


def read_money(h):
    deposits, balances, income = h.ever("deposit"), h.ever("balance"), h.ever("income")
    salaries, salaries_90d = h.ever("deposit", kind="salary"), h.past(90, "deposit", kind="salary")
    came, went = total(h.past(90, "deposit"), "amount"), total(h.past(90, "withdrawal"), "amount")
    usual = mean_gap(h.days(h.past(365, "deposit", kind="salary")))
    told, told_90d = [b for b in balances if b.get("amount") is not None], values(h.past(90, "balance"), "amount")
    holdings, holdings_before = mean(h.past(90, "balance"), "amount"), mean(h.before(90, "balance"), "amount")
    holdings_year = mean(h.past(365, "balance"), "amount")
    known_for = min(h.since_first(income), h.since_first(balances)) if income and balances else 0
    year, back_year = h.past(365, "income"), total(h.past(365, "refund"), "amount")
    earned, earned_year = total(income, "amount"), total(year, "amount")
    recent = h.fading(income, 180, "amount")
    promo, full = (total(h.past(365, "income", promo=on), "amount") for on in (True, False))
    made = {
        "deposited_90d": came,
        "deposited_90d_before": total(h.before(90, "deposit"), "amount"),
        "deposited_trend_90d": grown(h.since_first(deposits), 90, came, total(h.before(90, "deposit"), "amount")),
        "first_deposit_days": h.since_first(deposits),
        "days_since_deposit": h.since_last(deposits),
        "withdrawn_90d": went,
        "large_withdrawals_90d": len([v for v in values(h.past(90, "withdrawal"), "amount") if v >= 5000]),
        "outflow_share_90d": share(went, came),
        "net_flow_90d": came - went - total(h.past(90, "card_payment"), "amount"),
        "salaries_90d": len(salaries_90d),
        "salary_90d": total(salaries_90d, "amount"),
        "is_main_bank": len(salaries_90d) >= 2,
        "days_since_salary": h.since_last(salaries),
        "salary_gap_mean_365d": usual,
        "salary_overdue": over(h.since_last(salaries), usual),
        "balance": last(told, "amount"),
        "balance_mean_90d": holdings,
        "balance_mean_90d_before": holdings_before,
        "balance_mean_365d": holdings_year,
        "first_balance_days": h.since_first(balances),
        "balance_trend_90d": over(holdings, holdings_before) if (holdings_before or 0) > 0 else None,
        "balance_least_90d": min(told_90d, default=None),
        "balance_stddev_90d": spread(told_90d),
        "income": earned,
        "income_mean": mean(income, "amount"),
        "first_income_days": h.since_first(income),
        "income_recent": Default(0.0) if recent is None else recent,
        "interest_income_365d": total(h.past(365, "income", kind="interest"), "amount"),
        "fee_income_365d": total([i for i in year if i.get("kind") in ("fee", "commission", "interchange")], "amount"),
        "income_on_balance_365d":
            over(earned_year, holdings_year) if known_for >= 365 and (holdings_year or 0) > 0 else None,
        "promo_income_365d": promo,
        "full_price_income": total(h.ever("income", promo=False), "amount"),
        "full_price_income_365d": full,
        "promo_income_share_365d": over(promo, promo + full) if promo >= 0 and full >= 0 else None,
        "refunds_365d": len(h.past(365, "refund")),
        "refunded": total(h.ever("refund"), "amount"),
        "refunded_365d": back_year,
        "refund_rate_365d": share(back_year, earned_year),
        "net_income": earned - total(h.ever("refund"), "amount"),
        "net_income_365d": earned_year - back_year,
    }
    if told and h.since_last(told) > 45:
        made["balance"] = Stale(made["balance"])
    for span in SPANS:
        now, before = mean(h.past(span, "income"), "amount"), mean(h.before(span, "income"), "amount")
        made |= {f"income_mean_{span}d": now, f"income_mean_{span}d_before": before,
                 f"income_mean_trend_{span}d": over(now, before) if (before or 0) > 0 else None}
        now, before = total(h.past(span, "income"), "amount"), total(h.before(span, "income"), "amount")
        made |= {f"income_{span}d": now, f"income_{span}d_before": before,
                 f"income_trend_{span}d": grown(h.since_first(income), span, now, before) if before > 0 else None}
    return made


def read_loans(h):
    loans, year = h.ever("loan"), h.past(365, "loan_payment")
    told = values(year, "late_days")
    late = [payment for payment in h.ever("loan_payment") if (payment.get("late_days") or 0) > 0]
    return {
        "loans": len(loans),
        "borrowed": total(loans, "amount"),
        "loan_rate": last(loans, "rate"),
        "loan_payments_365d": len(year),
        "timed_loan_payments_365d": len(told),
        "late_loan_payments_365d": len([days for days in told if days > 0]),
        "most_late_days_365d": max(told, default=None),
        "days_since_late": h.since_last(late),
        "late_share_365d": over(len([days for days in told if days > 0]), len(told)),
    }


def read_use(h):
    logins, month, used = h.ever("login"), h.past(30, "login"), h.past(90, "usage")
    favourites = top(used, "feature")
    made = {
        "logins": len(logins),
        "logins_7d": len(h.past(7, "login")),
        "logins_30d": len(month),
        "logins_90d": len(h.past(90, "login")),
        "logins_365d": len(h.past(365, "login")),
        "logins_30d_before": len(h.before(30, "login")),
        "logins_trend_30d": grown(h.since_first(logins), 30, len(month), len(h.before(30, "login"))),
        "first_login_days": h.since_first(logins),
        "days_since_login": h.since_last(logins),
        "active_days_30d": len(h.days(month)),
        "login_streak_365d": h.streak_longest(h.past(365, "login")),
        "login_variation_90d": spread([Fraction(gap) for gap in gaps(h.days(h.past(90, "login")))]),
        "platform": last(logins, "platform", Default("none")),
        "usage_30d": len(h.past(30, "usage")),
        "features_used_90d": len(set(values(used, "feature"))),
    }
    for place in range(2):
        made[f"top_features.{place + 1}"] = favourites[place] if place < len(favourites) else Default("none")
    return made


def read_touches(h):
    touches, window = h.ever("touch"), h.past(90, "touch")
    made = {
        "first_touch_channel": first(touches, "channel", Default("unknown")),
        "last_touch_channel": last(touches, "channel", Default("unknown")),
        "first_touch_channel_90d": first(window, "channel"),
        "last_touch_channel_90d": last(window, "channel"),
        "last_touch_campaign_90d": last(window, "campaign"),
        "days_since_touch": h.since_last(touches),
        "touches_90d": len(window),
        "other_touches_90d": len([touch for touch in window if touch.get("channel") not in CHANNELS[:5]]),
        "marketing_cost": total(touches, "cost"),
        "marketing_cost_365d": total(h.past(365, "touch"), "cost"),
    }
    for channel in CHANNELS[:5]:
        made[f"{channel}_touches_90d"] = len([touch for touch in window if touch.get("channel") == channel])
    return made


# What a service says instead where there is no value.
SERVICE_DEFAULTS = {"attribution": {
    "first_touch_channel_90d": "none", "last_touch_channel_90d": "none", "last_touch_campaign_90d": "none"}}
