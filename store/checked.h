/* checked: an event as it came, checked for form against the definitions that serve, before anything of it is looked
 * up. Part of group.c's work. */
#ifndef PATRON_STORE_CHECKED_H
#define PATRON_STORE_CHECKED_H

#include "store/store_internal.h"

struct checked {
    struct event event;
    const struct event_type *type; /* null: the definitions have none of the name */
    struct given_value *values; /* by attribute's number */
    const struct event_attribute *kept[EVENT_KEPT_MAX]; /* by name, each once */
    size_t kept_count;
    size_t unknown_count; /* kept or dropped */
    struct known_identifier identifiers[EVENT_IDENTIFIERS_MAX]; /* that may link: highest priority first, each once */
    size_t identifier_count;
    struct known_identifier blocked[EVENT_IDENTIFIERS_MAX]; /* that never link, each once */
    size_t blocked_count;
    const struct shared_cost *shared; /* no customer's: how it will be shared out */
};

/* PATRON_INVALID, PATRON_OUT_OF_RANGE: refused, in words for its sender. What is made lies in the event's arena. That
 * no identifier may link is not said here: a second arrival of an event from before they were blocked is fine. */
enum patron_code event_check(struct store *store, const struct event_input *input, struct checked *checked,
    struct error *why) MUST_CHECK;

#endif
