/* definitions_fixture: the file that the definitions' tests share, and short ways to read one. Include it after
 * cmocka.h; a mistake fails the test. */
#ifndef PATRON_TESTS_DEFINITIONS_FIXTURE_H
#define PATRON_TESTS_DEFINITIONS_FIXTURE_H

#include "store/definitions/definitions.h"

/* A shop's whole file. */
#define SHOP                                                                                                 \
    "currency: EUR\n"                                                                                        \
    "time_zone: Europe/Berlin           # whose calendar days are; default UTC\n"                            \
    "identifiers:                       # highest priority first\n"                                          \
    "  customer_id: {max: 1}\n"                                                                              \
    "  email:       {max: 5, normalize: email}\n"                                                            \
    "  device:      {max: 20}\n"                                                                             \
    "events:\n"                                                                                              \
    "  order:  {amount: money, discount: money, cost: money, promo: bool, channel: string, sku: string}\n"   \
    "  refund: {amount: money, order_id: string}\n"                                                          \
    "features:\n"                                                                                            \
    "  orders_90d:       {of: order, count: true, window: 90d}\n"                                            \
    "  revenue_365d:     {of: order, sum: amount, window: 365d}\n"                                           \
    "  promo_share_365d: {of: order, mean: promo, window: 365d}\n"                                           \
    "  web_orders_30d:   {of: order, count: true, where: {channel: web}, window: 30d}\n"                     \
    "  days_since_order: {of: order, age: last, unit: day}\n"                                                \
    "  first_channel:    {of: order, first: channel}\n"                                                      \
    "  rfm:              {of: order, rfm: amount}       # rfm.frequency, .recency, .T, .monetary; by day\n"  \
    "  refunds:          {of: refund, count: true}\n"                                                        \
    "services:\n"                                                                                            \
    "  churn: [rfm.frequency, rfm.recency, rfm.T, orders_90d]\n"                                             \
    "  value: [revenue_365d, rfm]\n"

/* What the files of these tests have in common, for those about features only. */
#define EVENTS                                                                                               \
    "identifiers: {id: }\n"                                                                                  \
    "events: {order: {amount: money, weight: number, points: integer, gift: bool, channel: string}}\n"

static inline struct bytes text_of(const char *text)
{
    return bytes_from_string(text);
}

static inline const struct definitions *parsed_after(const char *text, const struct definitions *previous)
{
    const struct definitions *definitions;
    struct error error;
    uint32_t version = previous ? previous->version + 1 : 1;
    if (definitions_parse(text_of(text), previous, version, false, &definitions, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return definitions;
}

static inline const struct definitions *parsed(const char *text)
{
    return parsed_after(text, NULL);
}

static inline void assert_bytes(struct bytes bytes, const char *text)
{
    if (!bytes_is(bytes, text))
        fail_msg("'%.*s' is not '%s'", BYTES_ARGUMENTS(bytes), text);
}

static inline const struct feature *feature_of(const struct definitions *definitions, const char *name)
{
    for (size_t i = 0; i < definitions->feature_count; i++)
        if (bytes_is(definitions->features[i].name, name))
            return &definitions->features[i];
    fail_msg("no feature '%s'", name);
    return NULL;
}

#endif
