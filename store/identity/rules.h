/* rules: may these identifiers become one customer?
 *
 * One check for all that joins: events (resolve.c), links by hand, matches and approved reviews
 * (store/changes/linking.h), on parties that were read from what the writer has in its batch, or from a view. It
 * changes nothing. Rules are those of
 * the definitions that serve; what they once let pass stays joined when they tighten, but takes in nothing more.
 *
 * Order, the first that applies is told: SEPARATED, UNIQUE, MAX, SIZE, and then, only where two customers would become
 * one, those that ask for a person: REVIEW_SIZE, REVIEW_BRIDGE, REVIEW_VALUE. */
#ifndef PATRON_IDENTITY_RULES_H
#define PATRON_IDENTITY_RULES_H

#include "store/identity/identity.h"

/* Where rows are read: the batch over the newest state (writer only), or a snapshot. */
struct identity_rows_from {
    struct kv_batch *batch; /* null: kv and snapshot */
    struct kv *kv;
    const struct kv_snapshot *snapshot;
};

/* A side of a separation that holds: struct separation without its node. */
struct party_side {
    int64_t since_us;
    uint8_t side;
};

/* A customer that takes part, with its present members. */
struct party {
    uint64_t customer;
    struct member *members; /* open rows only, by node */
    size_t count;
    struct party_side *sides; /* that any of the members has in separations that hold; each once, by (since, side) */
    size_t side_count;
};
/* Memory in the arena. A customer that is no more, or never was, has no members. */
enum patron_code party_read(const struct identity_rows_from *from, uint64_t customer, struct arena *arena,
    struct party *party, struct error *error) MUST_CHECK;

/* What a customer is worth as of known_at: asked only where two customers would become one, and the definitions go by
 * value. *known false: it has no value. store/measures/worths.h answers. */
struct value_of {
    enum patron_code (*ask)(
        void *context, uint64_t customer, int64_t as_of_us, double *value, bool *known, struct error *error);
    void *context;
};

struct joining {
    const struct definitions *definitions;
    const struct party *const *parties; /* different customers, each once */
    size_t party_count;
    const struct identifier_type *const *new_types; /* of identifiers that are new, one each */
    size_t new_count;
    int64_t known_at_us;
    bool weak;              /* all that joins them is of the weakest kind */
    bool lifts;             /* separations between the parties do not count */
    uint32_t passes;        /* obstacle_bit of those reviews that a person has decided already */
    const struct value_of *value_of; /* null: nothing goes by value */
};
static inline uint32_t obstacle_bit(enum obstacle obstacle)
{
    return UINT32_C(1) << (obstacle - OBSTACLE_REVIEW_SIZE);
}
#define REVIEWS_ALL UINT32_MAX

struct joining_verdict {
    enum obstacle obstacle; /* OBSTACLE_NONE: they may be joined */
    const struct identifier_type *type; /* of MAX and UNIQUE */
    int64_t separated_us;   /* of SEPARATED: the separation's since */
    bool second_person;     /* not of a refusal: one of several customers is worth that much; told also where nothing
                             * stands in the way */
    uint64_t counted;       /* of MAX, SIZE and REVIEW_SIZE: how many there would be */
};
/* Fails only as value_of does. */
enum patron_code joining_check(const struct joining *joining, struct arena *arena, struct joining_verdict *verdict,
    struct error *error) MUST_CHECK;

/* A sentence for people that names nobody: "they would have 6 identifiers of type email; at most 5 are allowed". */
enum { OBSTACLE_WORDS_MAX = 256 };
void joining_words(
    const struct joining *joining, const struct joining_verdict *verdict, char words[OBSTACLE_WORDS_MAX]);
const char *obstacle_word(enum obstacle obstacle);
bool obstacle_from(uint8_t stored, enum obstacle *obstacle);

#endif
