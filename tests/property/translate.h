/* translate: between the words of the store and those of the oracle: events and identifiers one way, rows the other, so
 * that both sides' answers can be compared and kept.
 *
 * Everything made is in the arena that is given. Safe from any thread. */
#ifndef PATRON_TESTS_PROPERTY_TRANSLATE_H
#define PATRON_TESTS_PROPERTY_TRANSLATE_H

#include <stdio.h>

#include "store/store.h"
#include "tests/property/oracle.h"

/* A row, from either side. */
struct answer {
    uint8_t status;
    uint64_t customer;
    int64_t newest_event_time_us;
    int64_t newest_known_at_us;
    size_t value_count;
    struct oracle_value values[];
};

struct event_identifier translate_identifier(const struct oracle_identifier *identifier);
struct event_input translate_event(struct arena *arena, const struct oracle_event *event);

struct answer *answer_of_store(struct arena *arena, const struct row *row, size_t value_count);
/* Its values are those of `features` (null: all in order), `count` of them. Texts stay the oracle's. */
struct answer *answer_of_oracle(
    struct arena *arena, const struct oracle_row *row, const size_t *features, size_t count);
/* Those values of an answer that stand at these places. */
struct answer *answer_part(
    struct arena *arena, const struct answer *answer, const size_t *places, size_t count);
struct answer *answer_copy(struct arena *arena, const struct answer *answer);
/* What a service makes of it, whose features these are. */
void answer_served(struct answer *answer, const struct oracle_service *service);

/* Bit for bit. */
bool answer_equal(const struct answer *a, const struct answer *b);
/* Both, and which values differ. `names` says what they are of, for `features` as above. */
void answer_print_both(FILE *to, const struct oracle_definitions *definitions, const size_t *features,
    const char *a_name, const struct answer *a, const char *b_name, const struct answer *b);

#endif
