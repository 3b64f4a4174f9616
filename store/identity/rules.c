#include "store/identity/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/base/limits.h"
#include "store/base/time_text.h"

/* --- parties ----------------------------------------------------------------------------------------------------- */

static struct kv_iterator *rows_new(const struct identity_rows_from *from, enum kv_family family, struct bytes prefix)
{
    return from->batch ? kv_batch_iterator_new(from->batch, family, prefix)
                       : kv_iterator_new(from->kv, from->snapshot, family, prefix);
}

static enum patron_code members_read(
    const struct identity_rows_from *from, struct arena *arena, struct party *party, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, party->customer);
    struct kv_iterator *rows = rows_new(from, KV_MEMBERS, bytes_of(prefix, sizeof prefix));
    size_t capacity = 0;
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        if (party->count == capacity) {
            capacity = capacity ? 2 * capacity : 8;
            struct member *members = arena_array(arena, capacity, sizeof *members);
            if (party->count)
                memcpy(members, party->members, party->count * sizeof *members);
            party->members = members;
        }
        struct member *member = &party->members[party->count];
        code = member_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), member, error);
        if (code != PATRON_OK)
            goto free_rows;
        party->count += member->until_us == INT64_MAX;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static int side_compare(const void *a, const void *b)
{
    const struct party_side *one = a, *other = b;
    if (one->since_us != other->since_us)
        return one->since_us < other->since_us ? -1 : 1;
    return (int)one->side - (int)other->side;
}

/* The sides lie sorted, each once: all nodes that went through one split have the same few. */
static void side_add(struct party *party, size_t *capacity, const struct separation *separation, struct arena *arena)
{
    struct party_side side = {separation->since_us, separation->side};
    size_t low = 0, high = party->side_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = side_compare(&party->sides[middle], &side);
        if (order == 0)
            return;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (party->side_count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 4;
        struct party_side *sides = arena_array(arena, *capacity, sizeof *sides);
        if (party->side_count)
            memcpy(sides, party->sides, party->side_count * sizeof *sides);
        party->sides = sides;
    }
    memmove(&party->sides[low + 1], &party->sides[low], (party->side_count - low) * sizeof side);
    party->sides[low] = side;
    party->side_count++;
}

/* Members lie by node, as the rows do: neighbours' rows are reached without a search. */
static enum patron_code sides_read(
    const struct identity_rows_from *from, struct arena *arena, struct party *party, struct error *error)
{
    struct kv_iterator *rows = NULL;
    size_t capacity = 0;
    uint64_t at = 0; /* the node whose rows the walk has reached */
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; i < party->count; i++) {
        uint64_t node = party->members[i].node;
        if (!(party->members[i].flags & NODE_SEPARATED))
            continue;
        if (!rows)
            rows = rows_new(from, KV_SEPARATIONS, (struct bytes){0});
        if (at < node) {
            uint8_t key[8];
            encode_be64(key, node);
            kv_iterator_seek(rows, bytes_of(key, sizeof key));
        }
        for (at = UINT64_MAX; kv_iterator_valid(rows); kv_iterator_next(rows)) {
            struct separation separation;
            code = separation_decode(
                kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &separation, error);
            if (code != PATRON_OK)
                goto free_rows;
            at = separation.node;
            if (at != node)
                break;
            if (separation.until_us == INT64_MAX)
                side_add(party, &capacity, &separation, arena);
        }
        if (kv_iterator_valid(rows))
            continue;
        at = UINT64_MAX; /* no more of anybody, unless the walk has failed: another search would hide that */
        code = kv_iterator_status(rows, error);
        if (code != PATRON_OK)
            goto free_rows;
    }
free_rows:
    kv_iterator_free(rows);
    return code;
}

enum patron_code party_read(const struct identity_rows_from *from, uint64_t customer, struct arena *arena,
    struct party *party, struct error *error)
{
    *party = (struct party){.customer = customer};
    TRY(members_read(from, arena, party, error));
    return sides_read(from, arena, party, error);
}

/* --- the check ---------------------------------------------------------------------------------------------------- */

/* Two of them have different sides of one separation. */
static bool separated(const struct joining *joining, struct arena *arena, struct joining_verdict *verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < joining->party_count; i++)
        count += joining->parties[i]->side_count;
    if (count == 0)
        return false;
    struct party_side *sides = arena_array(arena, count, sizeof *sides);
    size_t at = 0;
    for (size_t i = 0; i < joining->party_count; i++) {
        const struct party *party = joining->parties[i];
        if (party->side_count)
            memcpy(&sides[at], party->sides, party->side_count * sizeof *sides);
        at += party->side_count;
    }
    qsort(sides, count, sizeof *sides, side_compare);
    for (size_t i = 1; i < count; i++) {
        if (sides[i].since_us != sides[i - 1].since_us || sides[i].side == sides[i - 1].side)
            continue;
        verdict->obstacle = OBSTACLE_SEPARATED;
        verdict->separated_us = sides[i].since_us;
        return true;
    }
    return false;
}

struct union_counts {
    uint64_t total;
    uint64_t of_type[IDENTIFIER_TYPES_MAX]; /* by number */
    uint64_t recent[IDENTIFIER_TYPES_MAX];  /* of those, that count where the maximum is one of a time */
};

static void union_count(const struct joining *joining, struct union_counts *counts)
{
    int64_t since_us[IDENTIFIER_TYPES_MAX] = {0};
    for (size_t i = 0; i < joining->definitions->identifier_count; i++) {
        const struct identifier_type *type = &joining->definitions->identifiers[i];
        since_us[type->number] = type->max_per_us ? joining->known_at_us - type->max_per_us : INT64_MIN;
    }
    *counts = (struct union_counts){0};
    for (size_t i = 0; i < joining->party_count; i++) {
        const struct party *party = joining->parties[i];
        counts->total += party->count;
        for (size_t j = 0; j < party->count; j++) {
            const struct member *member = &party->members[j];
            counts->of_type[member->type]++;
            counts->recent[member->type] += member->birth_us > since_us[member->type];
        }
    }
    counts->total += joining->new_count;
    for (size_t i = 0; i < joining->new_count; i++) {
        counts->of_type[joining->new_types[i]->number]++;
        counts->recent[joining->new_types[i]->number]++;
    }
}

static enum obstacle refusal_of(const struct joining *joining, struct arena *arena, const struct union_counts *counts,
    struct joining_verdict *verdict)
{
    const struct definitions *definitions = joining->definitions;
    if (!joining->lifts && separated(joining, arena, verdict))
        return OBSTACLE_SEPARATED;
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        verdict->type = &definitions->identifiers[i];
        verdict->counted = counts->of_type[verdict->type->number];
        if (verdict->type->unique && verdict->counted > 1)
            return OBSTACLE_UNIQUE;
    }
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        verdict->type = &definitions->identifiers[i];
        verdict->counted = counts->recent[verdict->type->number];
        if (verdict->type->max > 0 && verdict->counted > verdict->type->max)
            return OBSTACLE_MAX;
    }
    verdict->type = NULL;
    verdict->counted = counts->total;
    return counts->total > definitions->identity.size_max ? OBSTACLE_SIZE : OBSTACLE_NONE;
}

static bool decided(const struct joining *joining, enum obstacle obstacle)
{
    return joining->passes & obstacle_bit(obstacle);
}

static bool bridges(const struct joining *joining)
{
    uint32_t established = joining->definitions->identity.bridge_established, count = 0;
    if (established == 0 || !joining->weak)
        return false;
    for (size_t i = 0; i < joining->party_count; i++)
        count += joining->parties[i]->count >= established;
    return count >= 2;
}

/* How the parties' values stand to the thresholds. */
struct weights {
    bool review;
    bool second_person;
};

static enum patron_code weigh(const struct joining *joining, struct weights *weights, struct error *error)
{
    const struct identity_rules *rules = &joining->definitions->identity;
    size_t heavy = 0; /* of which two are needed */
    *weights = (struct weights){0};
    if (!joining->value_of || (!rules->has_review_either && !rules->has_review_both && !rules->has_second_person))
        return PATRON_OK;
    for (size_t i = 0; i < joining->party_count; i++) {
        double value;
        bool known;
        TRY(joining->value_of->ask(joining->value_of->context, joining->parties[i]->customer, joining->known_at_us,
            &value, &known, error));
        if (!known)
            continue;
        weights->review = weights->review || (rules->has_review_either && value >= rules->review_either);
        heavy += rules->has_review_both && value >= rules->review_both;
        weights->second_person = weights->second_person || (rules->has_second_person && value >= rules->second_person);
    }
    weights->review = weights->review || heavy >= 2;
    return PATRON_OK;
}

enum patron_code joining_check(const struct joining *joining, struct arena *arena, struct joining_verdict *verdict,
    struct error *error)
{
    const struct identity_rules *rules = &joining->definitions->identity;
    struct union_counts counts;
    union_count(joining, &counts);
    *verdict = (struct joining_verdict){0};
    verdict->obstacle = refusal_of(joining, arena, &counts, verdict);
    if (verdict->obstacle != OBSTACLE_NONE || joining->party_count < 2)
        return PATRON_OK;
    struct weights weights;
    TRY(weigh(joining, &weights, error));
    verdict->second_person = weights.second_person;
    if (rules->size_review > 0 && counts.total > rules->size_review && !decided(joining, OBSTACLE_REVIEW_SIZE))
        verdict->obstacle = OBSTACLE_REVIEW_SIZE;
    else if (bridges(joining) && !decided(joining, OBSTACLE_REVIEW_BRIDGE))
        verdict->obstacle = OBSTACLE_REVIEW_BRIDGE;
    else if (weights.review && !decided(joining, OBSTACLE_REVIEW_VALUE))
        verdict->obstacle = OBSTACLE_REVIEW_VALUE;
    return PATRON_OK;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

const char *obstacle_word(enum obstacle obstacle)
{
    switch (obstacle) {
#define X(name, number, word)                                                                                \
    case name:                                                                                               \
        return word;
        OBSTACLES(X)
#undef X
    }
    IMPOSSIBLE("an obstacle that has no name");
}

bool obstacle_from(uint8_t stored, enum obstacle *obstacle)
{
    switch (stored) {
#define X(name, number, word) case number:
        OBSTACLES(X)
#undef X
        *obstacle = (enum obstacle)stored;
        return true;
    default:
        return false;
    }
}

/* " that came within 30 days", in the largest unit that is exact. */
static void per_words(int64_t per_us, char *words, size_t size)
{
    static const struct {
        int64_t us;
        const char *name;
    } units[] = {{MICROSECONDS_PER_DAY, "day"}, {MICROSECONDS_PER_HOUR, "hour"}, {MICROSECONDS_PER_MINUTE, "minute"},
        {MICROSECONDS_PER_SECOND, "second"}, {1, "microsecond"}};
    words[0] = '\0';
    if (per_us == 0)
        return;
    size_t unit = 0;
    while (per_us % units[unit].us != 0)
        unit++;
    long long count = per_us / units[unit].us;
    snprintf(words, size, " that came within %lld %s%s", count, units[unit].name, count == 1 ? "" : "s");
}

static void max_words(const struct joining_verdict *verdict, char words[OBSTACLE_WORDS_MAX])
{
    char per[64];
    per_words(verdict->type->max_per_us, per, sizeof per);
    snprintf(words, OBSTACLE_WORDS_MAX, "they would have %llu identifiers of type %.*s%s; at most %lu %s allowed",
        (unsigned long long)verdict->counted, BYTES_ARGUMENTS(verdict->type->name), per,
        (unsigned long)verdict->type->max, verdict->type->max == 1 ? "is" : "are");
}

static void separated_words(const struct joining_verdict *verdict, char words[OBSTACLE_WORDS_MAX])
{
    char at[TIME_TEXT_MAX];
    time_to_text(verdict->separated_us, at);
    snprintf(words, OBSTACLE_WORDS_MAX, "they were separated at %s and are to stay apart until a link lifts that", at);
}

void joining_words(
    const struct joining *joining, const struct joining_verdict *verdict, char words[OBSTACLE_WORDS_MAX])
{
    const struct identity_rules *rules = &joining->definitions->identity;
    const char *simple = "";
    switch (verdict->obstacle) {
    case OBSTACLE_NONE:
        break;
    case OBSTACLE_MAX:
        max_words(verdict, words);
        return;
    case OBSTACLE_UNIQUE:
        snprintf(words, OBSTACLE_WORDS_MAX,
            "they would have %llu identifiers of type %.*s, which tells customers apart",
            (unsigned long long)verdict->counted, BYTES_ARGUMENTS(verdict->type->name));
        return;
    case OBSTACLE_SIZE:
        snprintf(words, OBSTACLE_WORDS_MAX, "they would have %llu identifiers; at most %lu are allowed",
            (unsigned long long)verdict->counted, (unsigned long)rules->size_max);
        return;
    case OBSTACLE_SEPARATED:
        separated_words(verdict, words);
        return;
    case OBSTACLE_REVIEW_SIZE:
        snprintf(words, OBSTACLE_WORDS_MAX,
            "they would have %llu identifiers; a person decides about more than %lu",
            (unsigned long long)verdict->counted, (unsigned long)rules->size_review);
        return;
    case OBSTACLE_REVIEW_BRIDGE:
        snprintf(words, OBSTACLE_WORDS_MAX,
            "they are established customers, of %lu identifiers each or more, and what joins them is weak: a person "
            "decides",
            (unsigned long)rules->bridge_established);
        return;
    case OBSTACLE_BLOCKED:
        simple = "an identifier is blocked: it links nothing";
        break;
    case OBSTACLE_AFTER:
        simple = "an identifier of higher priority was not joined";
        break;
    case OBSTACLE_REVIEW_VALUE:
        simple = "they are worth so much that a person decides";
        break;
    case OBSTACLE_REVIEW_SCORE:
        simple = "their records are likely those of one person, and no more than likely: a person decides";
        break;
    case OBSTACLE_REVIEW_CLUSTER:
        simple = "their records match, but others of the two contradict it: a person decides";
        break;
    }
    snprintf(words, OBSTACLE_WORDS_MAX, "%s", simple);
}
