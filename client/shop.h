/* A made-up shop: what its customers do, event by event in order of time, and the definitions that fit it.
 *
 * Everything is a function of the options: a small generator of its own and integers only, so one seed gives the same
 * bytes on every machine. People first come by a device, order as guests by email or with an account, and so turn from
 * several identifiers into one customer over time; some share a device; some stop coming. Memory is about 64 bytes a
 * customer. One thread. */
#ifndef PATRON_CLIENT_SHOP_H
#define PATRON_CLIENT_SHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two identifiers of one person that no event ties together: a demonstration ties them. */
#define SHOP_UNTIED_EMAIL "ada@example.org"
#define SHOP_UNTIED_DEVICE "ada-phone"

enum { SHOP_CUSTOMERS_MAX = 10 * 1000 * 1000, SHOP_LINE_MAX = 512 };

struct shop_options {
    uint32_t customers;
    uint64_t events;
    uint64_t seed;
    int64_t from_us, to_us;
};

enum shop_event { SHOP_SESSION, SHOP_ORDER, SHOP_REFUND, SHOP_TICKET, SHOP_EVENT_KINDS };
extern const char *const shop_event_names[SHOP_EVENT_KINDS];

struct shop;

struct shop *shop_new(const struct shop_options *options);
void shop_free(struct shop *shop);
/* The next event as a JSON line with its line end; false after the last. */
bool shop_next(struct shop *shop, enum shop_event *kind, char line[SHOP_LINE_MAX], size_t *length);

/* YAML. */
extern const char shop_definitions[];

#endif
