/* What may become one customer: each obstacle at its edge, which of several is told, and what parties are read as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/identity/identity_rows.h"
#include "store/identity/merging.h"
#include "store/identity/rules.h"

#define NOW INT64_C(1700000000000000)
#define DAY MICROSECONDS_PER_DAY

enum { ID, EMAIL, DEVICE, TYPES };

/* Types that lie in another order than their numbers: priority is the order. */
static const uint16_t number_of[TYPES] = {[ID] = 2, [EMAIL] = 0, [DEVICE] = 1};

struct rules {
    struct identifier_type types[TYPES];
    struct definitions definitions;
};

static void rules_init(struct rules *rules)
{
    *rules = (struct rules){0};
    static const char *const names[TYPES] = {[ID] = "id", [EMAIL] = "email", [DEVICE] = "device"};
    for (int i = 0; i < TYPES; i++)
        rules->types[i] = (struct identifier_type){.name = bytes_from_string(names[i]), .number = number_of[i]};
    rules->definitions = (struct definitions){.identifiers = rules->types,
        .identifier_count = TYPES,
        .identity = {.size_max = 100, .value_feature = -1}};
}

/* Customers by hand: as many members of each type, all born so long ago. */
struct side {
    struct party party;
    struct member members[128];
    struct party_side sides[4];
};

static void side_init(struct side *side, uint64_t customer)
{
    *side = (struct side){0};
    side->party.customer = customer;
    side->party.members = side->members;
    side->party.sides = side->sides;
}

static void side_has(struct side *side, int type, size_t count, int64_t age_us)
{
    for (size_t i = 0; i < count; i++) {
        struct member *member = &side->members[side->party.count++];
        *member = (struct member){.customer = side->party.customer,
            .node = side->party.customer + side->party.count,
            .until_us = INT64_MAX,
            .type = number_of[type],
            .birth_us = NOW - age_us};
    }
}

static void side_apart(struct side *side, int64_t since_us, uint8_t which)
{
    side->sides[side->party.side_count++] = (struct party_side){since_us, which};
}

/* Two sides and new identifiers of one type, asked together. */
struct question {
    struct rules rules;
    struct side a, b;
    const struct party *parties[2];
    const struct identifier_type *news[64];
    struct joining joining;
    struct joining_verdict verdict;
};

static void question_init(struct question *question)
{
    *question = (struct question){0};
    rules_init(&question->rules);
    side_init(&question->a, 1);
    side_init(&question->b, 1000);
    question->parties[0] = &question->a.party;
    question->parties[1] = &question->b.party;
    question->joining = (struct joining){.definitions = &question->rules.definitions,
        .parties = question->parties,
        .party_count = 2,
        .new_types = question->news,
        .known_at_us = NOW};
}

static void question_new(struct question *question, int type, size_t count)
{
    for (size_t i = 0; i < count; i++)
        question->news[question->joining.new_count++] = &question->rules.types[type];
}

static enum obstacle ask(struct question *question)
{
    struct arena arena = {0};
    struct error error;
    enum patron_code code = joining_check(&question->joining, &arena, &question->verdict, &error);
    arena_clear(&arena);
    if (code != PATRON_OK)
        fail_msg("%s", error.text);
    return question->verdict.obstacle;
}

static void assert_words(const struct question *question, const char *words)
{
    char made[OBSTACLE_WORDS_MAX];
    joining_words(&question->joining, &question->verdict, made);
    assert_string_equal(made, words);
}

/* --- refusals ----------------------------------------------------------------------------------------------------- */

static void a_type_s_maximum_counts_both_sides_and_what_is_new(void **state)
{
    (void)state;
    struct question question;
    question_init(&question);
    question.rules.types[EMAIL].max = 5;
    side_has(&question.a, EMAIL, 2, DAY);
    side_has(&question.b, EMAIL, 2, DAY);
    side_has(&question.b, DEVICE, 20, DAY);
    question_new(&question, EMAIL, 1);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    assert_words(&question, "");
    question_new(&question, EMAIL, 1);
    assert_int_equal(ask(&question), OBSTACLE_MAX);
    assert_ptr_equal(question.verdict.type, &question.rules.types[EMAIL]);
    assert_words(&question, "they would have 6 identifiers of type email; at most 5 are allowed");
    question.rules.types[EMAIL].max = 0; /* unbounded but for the customer's size */
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.rules.types[DEVICE].max = 1;
    assert_int_equal(ask(&question), OBSTACLE_MAX);
    assert_words(&question, "they would have 20 identifiers of type device; at most 1 is allowed");
}

static void a_maximum_of_a_time_counts_those_born_within_it(void **state)
{
    (void)state;
    struct question question;
    question_init(&question);
    question.rules.types[EMAIL].max = 2;
    question.rules.types[EMAIL].max_per_us = 30 * DAY;
    side_has(&question.a, EMAIL, 7, 30 * DAY); /* no longer within it */
    side_has(&question.b, EMAIL, 1, 30 * DAY - 1);
    question_new(&question, EMAIL, 1);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    side_has(&question.b, EMAIL, 1, 30 * DAY - 1);
    assert_int_equal(ask(&question), OBSTACLE_MAX);
    assert_words(
        &question, "they would have 3 identifiers of type email that came within 30 days; at most 2 are allowed");
    question.joining.known_at_us++; /* and one moment later both have left it */
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.rules.types[EMAIL].max_per_us = 36 * MICROSECONDS_PER_HOUR;
    question_new(&question, EMAIL, 2);
    assert_int_equal(ask(&question), OBSTACLE_MAX);
    assert_words(
        &question, "they would have 3 identifiers of type email that came within 36 hours; at most 2 are allowed");
    question.rules.types[EMAIL].max_per_us = MICROSECONDS_PER_MINUTE;
    assert_int_equal(ask(&question), OBSTACLE_MAX);
    assert_words(
        &question, "they would have 3 identifiers of type email that came within 1 minute; at most 2 are allowed");
}

static void two_values_of_a_unique_type_never_share_a_customer(void **state)
{
    (void)state;
    struct question question;
    question_init(&question);
    question.rules.types[ID].unique = true;
    question.rules.types[ID].max = 1;
    side_has(&question.a, ID, 1, DAY);
    side_has(&question.b, EMAIL, 1, DAY);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question_new(&question, ID, 1);
    assert_int_equal(ask(&question), OBSTACLE_UNIQUE);
    assert_ptr_equal(question.verdict.type, &question.rules.types[ID]);
    assert_words(&question, "they would have 2 identifiers of type id, which tells customers apart");
    question.joining.new_count = 0;
    side_has(&question.b, ID, 1, DAY);
    assert_int_equal(ask(&question), OBSTACLE_UNIQUE);
    question.rules.types[EMAIL].max = 1;
    side_has(&question.b, EMAIL, 1, DAY);
    assert_int_equal(ask(&question), OBSTACLE_UNIQUE); /* told before what is too many of another */
}

static void a_customer_has_no_more_identifiers_than_its_maximum(void **state)
{
    (void)state;
    struct question question;
    question_init(&question);
    side_has(&question.a, DEVICE, 60, DAY);
    side_has(&question.b, EMAIL, 30, DAY);
    question_new(&question, ID, 10);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question_new(&question, EMAIL, 1);
    assert_int_equal(ask(&question), OBSTACLE_SIZE);
    assert_words(&question, "they would have 101 identifiers; at most 100 are allowed");
    question.joining.party_count = 0; /* of new ones alone, too */
    question.rules.definitions.identity.size_max = 11;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.rules.definitions.identity.size_max = 10;
    assert_int_equal(ask(&question), OBSTACLE_SIZE);
    question.rules.types[EMAIL].max = 1;
    question_new(&question, EMAIL, 1);
    assert_int_equal(ask(&question), OBSTACLE_MAX); /* told before the size */
}

static void what_was_separated_stays_apart_until_that_is_lifted(void **state)
{
    (void)state;
    struct question question;
    question_init(&question);
    side_has(&question.a, EMAIL, 1, DAY);
    side_has(&question.b, EMAIL, 1, DAY);
    side_apart(&question.a, NOW - 5, 0);
    side_apart(&question.b, NOW - 5, 0);
    assert_int_equal(ask(&question), OBSTACLE_NONE); /* of one side */
    side_apart(&question.b, NOW - 3, 0);
    side_apart(&question.a, NOW - 2, 1);
    assert_int_equal(ask(&question), OBSTACLE_NONE); /* of two separations */
    side_apart(&question.a, NOW - 1, 1);
    side_apart(&question.b, NOW - 1, 0);
    assert_int_equal(ask(&question), OBSTACLE_SEPARATED);
    assert_int_equal(question.verdict.separated_us, NOW - 1);
    assert_words(&question,
        "they were separated at 2023-11-14T22:13:19.999999Z and are to stay apart until a link lifts that");
    question.rules.types[EMAIL].unique = true;
    question.rules.definitions.identity.size_max = 1;
    assert_int_equal(ask(&question), OBSTACLE_SEPARATED); /* told before all else */
    question.joining.lifts = true;
    assert_int_equal(ask(&question), OBSTACLE_UNIQUE);
    question.rules.types[EMAIL].unique = false;
    question.rules.definitions.identity.size_max = 2;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
}

/* --- reviews ------------------------------------------------------------------------------------------------------ */

static void a_merge_to_more_than_a_size_is_sent_to_review(void **state)
{
    (void)state;
    struct question question;
    question_init(&question);
    question.rules.definitions.identity.size_review = 10;
    side_has(&question.a, DEVICE, 6, DAY);
    side_has(&question.b, DEVICE, 4, DAY);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question_new(&question, EMAIL, 1);
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_SIZE);
    assert_words(&question, "they would have 11 identifiers; a person decides about more than 10");
    question.joining.passes = obstacle_bit(OBSTACLE_REVIEW_SIZE);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.joining.passes = REVIEWS_ALL & ~obstacle_bit(OBSTACLE_REVIEW_SIZE);
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_SIZE);
    question.rules.types[DEVICE].max = 9;
    assert_int_equal(ask(&question), OBSTACLE_MAX); /* refusals first */
    question.rules.types[DEVICE].max = 0;
    question.joining.party_count = 1;
    question_new(&question, EMAIL, 20);
    assert_int_equal(ask(&question), OBSTACLE_NONE); /* one customer that grows is no merge */
}

static void weak_evidence_that_joins_established_customers_is_sent_to_review(void **state)
{
    (void)state;
    struct question question;
    question_init(&question);
    question.rules.definitions.identity.bridge_established = 3;
    question.joining.weak = true;
    side_has(&question.a, DEVICE, 9, DAY);
    side_has(&question.b, DEVICE, 2, DAY);
    question_new(&question, DEVICE, 3);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    side_has(&question.b, DEVICE, 1, DAY);
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_BRIDGE);
    assert_words(&question,
        "they are established customers, of 3 identifiers each or more, and what joins them is weak: a person decides");
    question.rules.definitions.identity.size_review = 14;
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_SIZE); /* told first */
    question.joining.passes = obstacle_bit(OBSTACLE_REVIEW_SIZE);
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_BRIDGE);
    question.joining.passes |= obstacle_bit(OBSTACLE_REVIEW_BRIDGE);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.joining.passes = 0;
    question.rules.definitions.identity.size_review = 0;
    question.joining.weak = false;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.joining.weak = true;
    question.rules.definitions.identity.bridge_established = 0;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
}

/* What the two sides are worth; NAN: nothing. */
struct worths {
    double a, b;
    size_t asked;
    bool fails;
};

static enum patron_code worth_of(
    void *context, uint64_t customer, int64_t as_of_us, double *value, bool *known, struct error *error)
{
    struct worths *worths = context;
    assert_int_equal(as_of_us, NOW);
    worths->asked++;
    if (worths->fails)
        return error_set(error, PATRON_IO, "no");
    *value = customer == 1 ? worths->a : worths->b;
    *known = *value >= 0;
    return PATRON_OK;
}

static void value_on_either_side_or_on_both_sends_to_review(void **state)
{
    (void)state;
    struct worths worths = {.a = 99.5, .b = 49.5};
    const struct value_of value_of = {worth_of, &worths};
    struct question question;
    question_init(&question);
    struct identity_rules *rules = &question.rules.definitions.identity;
    side_has(&question.a, DEVICE, 1, DAY);
    side_has(&question.b, DEVICE, 1, DAY);
    question.joining.value_of = &value_of;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    assert_int_equal(worths.asked, 0); /* no rule goes by value */
    rules->has_review_either = true;
    rules->review_either = 100;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    rules->review_either = 99.5;
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_VALUE);
    assert_false(question.verdict.second_person);
    assert_words(&question, "they are worth so much that a person decides");
    rules->has_review_either = false;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    rules->has_review_both = true;
    rules->review_both = 50;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    rules->review_both = 49.5;
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_VALUE);
    worths.b = -1; /* has no value */
    rules->review_both = -5;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    worths.b = 49.5;
    question.joining.passes = obstacle_bit(OBSTACLE_REVIEW_VALUE);
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.joining.passes = 0;
    question.joining.value_of = NULL;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.joining.value_of = &value_of;
    worths.asked = 0;
    question.joining.party_count = 1;
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    question.joining.party_count = 2;
    rules->size_max = 1;
    assert_int_equal(ask(&question), OBSTACLE_SIZE);
    assert_int_equal(worths.asked, 0); /* neither where nothing is joined nor where that is refused */
    rules->size_max = 100;
    worths.fails = true;
    struct arena arena = {0};
    assert_int_equal(joining_check(&question.joining, &arena, &question.verdict, NULL), PATRON_IO);
    arena_clear(&arena);
}

static void two_persons_are_asked_for_where_either_side_is_worth_that(void **state)
{
    (void)state;
    struct worths worths = {.a = 10, .b = 20};
    const struct value_of value_of = {worth_of, &worths};
    struct question question;
    question_init(&question);
    struct identity_rules *rules = &question.rules.definitions.identity;
    side_has(&question.a, DEVICE, 2, DAY);
    side_has(&question.b, DEVICE, 2, DAY);
    question.joining.value_of = &value_of;
    rules->size_review = 3;
    rules->has_second_person = true;
    rules->second_person = 20.5;
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_SIZE);
    assert_false(question.verdict.second_person);
    rules->second_person = 20;
    assert_int_equal(ask(&question), OBSTACLE_REVIEW_SIZE);
    assert_true(question.verdict.second_person);
    question.joining.passes = REVIEWS_ALL; /* what a person links by hand may take a second one */
    assert_int_equal(ask(&question), OBSTACLE_NONE);
    assert_true(question.verdict.second_person);
    rules->size_max = 3;
    assert_int_equal(ask(&question), OBSTACLE_SIZE);
    assert_false(question.verdict.second_person);
}

/* --- words and numbers -------------------------------------------------------------------------------------------- */

static void obstacles_have_words_and_numbers_that_stay(void **state)
{
    (void)state;
    static const struct {
        enum obstacle obstacle;
        uint8_t number;
        const char *word;
    } all[] = {{OBSTACLE_NONE, 0, "none"}, {OBSTACLE_MAX, 1, "max"}, {OBSTACLE_UNIQUE, 2, "unique"},
        {OBSTACLE_SIZE, 3, "size"}, {OBSTACLE_SEPARATED, 4, "separated"}, {OBSTACLE_BLOCKED, 5, "blocked"},
        {OBSTACLE_AFTER, 6, "after"}, {OBSTACLE_REVIEW_SIZE, 16, "review_size"},
        {OBSTACLE_REVIEW_BRIDGE, 17, "review_bridge"}, {OBSTACLE_REVIEW_VALUE, 18, "review_value"},
        {OBSTACLE_REVIEW_SCORE, 19, "review_score"}, {OBSTACLE_REVIEW_CLUSTER, 20, "review_cluster"}};
    size_t found = 0;
    for (int number = 0; number < 256; number++) {
        enum obstacle obstacle;
        if (!obstacle_from((uint8_t)number, &obstacle))
            continue;
        assert_true(found < sizeof all / sizeof all[0]);
        assert_int_equal(obstacle, all[found].obstacle);
        assert_int_equal(number, all[found].number);
        assert_string_equal(obstacle_word(obstacle), all[found].word);
        assert_int_equal(obstacle_is_review(obstacle), number >= 16);
        found++;
    }
    assert_int_equal(found, sizeof all / sizeof all[0]);
    struct question question;
    question_init(&question);
    for (size_t i = 5; i < found; i++) { /* those without figures */
        char words[OBSTACLE_WORDS_MAX];
        question.verdict = (struct joining_verdict){.obstacle = all[i].obstacle};
        joining_words(&question.joining, &question.verdict, words);
        assert_true(strlen(words) > 20);
    }
}

/* --- parties ------------------------------------------------------------------------------------------------------ */

static struct member member_of(uint64_t customer, uint64_t node, uint8_t flags)
{
    return (struct member){.customer = customer,
        .node = node,
        .since_us = NOW,
        .until_us = INT64_MAX,
        .type = 1,
        .flags = flags,
        .hash = {(uint8_t)node},
        .birth_us = NOW - (int64_t)node};
}

static void assert_party(const struct identity_rows_from *from, uint64_t customer, const uint64_t *nodes,
    size_t node_count, const struct party_side *sides, size_t side_count)
{
    struct arena arena = {0};
    struct party party;
    struct error error;
    if (party_read(from, customer, &arena, &party, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    assert_int_equal(party.customer, customer);
    assert_int_equal(party.count, node_count);
    for (size_t i = 0; i < node_count; i++) {
        assert_int_equal(party.members[i].node, nodes[i]);
        assert_int_equal(party.members[i].birth_us, NOW - (int64_t)nodes[i]);
    }
    assert_int_equal(party.side_count, side_count);
    for (size_t i = 0; i < side_count; i++)
        assert_true(party.sides[i].since_us == sides[i].since_us && party.sides[i].side == sides[i].side);
    arena_clear(&arena);
}

static void a_party_has_its_open_members_and_the_sides_that_hold(void **state)
{
    (void)state;
    struct kv *kv = kv_memory_new();
    struct kv_batch *batch = kv_batch_new(kv);
    for (uint64_t node = 1; node <= 20; node++) { /* more than one step of the list's growth */
        struct member member = member_of(1, node, node % 3 == 0 ? NODE_SEPARATED : 0);
        if (node == 5 || node == 9)
            member.until_us = NOW + 1;
        member_put(batch, &member);
    }
    struct member other = member_of(2, 21, NODE_SEPARATED);
    member_put(batch, &other);
    static const struct separation separations[] = {
        {3, NOW + 1, INT64_MAX, 1}, {3, NOW + 2, NOW + 3, 0}, {3, NOW + 3, INT64_MAX, 0}, /* one no longer holds */
        {4, NOW + 4, INT64_MAX, 1},                                                       /* not flagged */
        {6, NOW + 1, INT64_MAX, 1}, {9, NOW + 5, INT64_MAX, 1},                           /* no member any more */
        {12, NOW, INT64_MAX, 0}, {15, NOW + 6, NOW + 7, 1}, {18, NOW + 1, INT64_MAX, 0}, {21, NOW + 9, INT64_MAX, 1}};
    for (size_t i = 0; i < sizeof separations / sizeof separations[0]; i++)
        separation_put(batch, &separations[i]);
    static const uint64_t nodes[] = {1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
    static const struct party_side sides[] = {{NOW, 0}, {NOW + 1, 0}, {NOW + 1, 1}, {NOW + 3, 0}};
    static const struct party_side others[] = {{NOW + 9, 1}};
    const struct identity_rows_from written = {.batch = batch};
    assert_party(&written, 1, nodes, 18, sides, 4);
    assert_party(&written, 2, &other.node, 1, others, 1);
    assert_party(&written, 3, NULL, 0, NULL, 0);

    assert_int_equal(kv_write(kv, batch, false, NULL), PATRON_OK);
    struct kv_snapshot *snapshot = kv_snapshot_new(kv);
    const struct identity_rows_from then = {.kv = kv, .snapshot = snapshot};
    party_move(batch, &(struct party){.customer = 2, .members = &other, .count = 1}, 1, NOW + 10);
    assert_int_equal(kv_write(kv, batch, false, NULL), PATRON_OK);
    const struct identity_rows_from now = {.kv = kv};
    assert_party(&then, 2, &other.node, 1, others, 1);
    assert_party(&now, 2, NULL, 0, NULL, 0);
    kv_snapshot_free(kv, snapshot);
    kv_batch_free(batch);
    kv_close(kv);
}

static void damaged_rows_of_a_party_are_told(void **state)
{
    (void)state;
    struct kv *kv = kv_memory_new();
    struct kv_batch *batch = kv_batch_new(kv);
    struct arena arena = {0};
    const struct identity_rows_from from = {.batch = batch};
    struct member member = member_of(1, 1, NODE_SEPARATED);
    member_put(batch, &member);
    uint8_t key[16] = {0};
    key[7] = 1;
    struct bytes damaged = bytes_from_string("x");
    kv_batch_put(batch, KV_SEPARATIONS, bytes_of(key, sizeof key), damaged);
    struct party party;
    struct error error;
    assert_int_equal(party_read(&from, 1, &arena, &party, &error), PATRON_CORRUPT);
    assert_string_equal(error.text, "a separation's row is damaged");
    uint8_t member_key[MEMBER_KEY_BYTES] = {0};
    member_key[7] = 1;
    kv_batch_put(batch, KV_MEMBERS, bytes_of(member_key, sizeof member_key), damaged);
    assert_int_equal(party_read(&from, 1, &arena, &party, &error), PATRON_CORRUPT);
    assert_string_equal(error.text, "a member's row is damaged");
    arena_clear(&arena);
    kv_batch_free(batch);
    kv_close(kv);
}

static void moving_a_member_keeps_what_it_was_and_carries_its_flags(void **state)
{
    (void)state;
    struct kv *kv = kv_memory_new();
    struct kv_batch *batch = kv_batch_new(kv);
    struct arena arena = {0};
    struct member member = member_of(7, 9, NODE_SEPARATED | NODE_BLOCKED);
    member_keep(batch, &member);
    member_move(batch, &member, 3, NOW + 5);
    assert_int_equal(kv_write(kv, batch, false, NULL), PATRON_OK);
    struct identifier_entry entry;
    assert_int_equal(identifier_get(kv, NULL, member.hash, &arena, &entry, NULL), PATRON_OK);
    assert_true(entry.node == 9 && entry.customer == 3 && entry.flags == (NODE_SEPARATED | NODE_BLOCKED));
    uint64_t customer;
    assert_int_equal(membership_at(kv, NULL, 9, NOW + 5, &customer, NULL), PATRON_NOT_FOUND); /* not put here */
    assert_int_equal(membership_at(kv, NULL, 9, NOW + 6, &customer, NULL), PATRON_OK);
    assert_int_equal(customer, 3);
    struct member *rows;
    size_t count;
    assert_int_equal(members_of(kv, NULL, 7, &arena, &rows, &count, NULL), PATRON_OK);
    assert_true(count == 1 && rows[0].since_us == NOW && rows[0].until_us == NOW + 5 && rows[0].birth_us == NOW - 9);
    assert_int_equal(members_of(kv, NULL, 3, &arena, &rows, &count, NULL), PATRON_OK);
    assert_true(count == 1 && rows[0].since_us == NOW + 5 && rows[0].until_us == INT64_MAX);
    assert_true(rows[0].flags == member.flags && rows[0].type == 1 && rows[0].birth_us == NOW - 9);
    assert_memory_equal(rows[0].hash, member.hash, sizeof member.hash);
    arena_clear(&arena);
    kv_batch_free(batch);
    kv_close(kv);
}

static void a_live_link_is_found_in_either_order_and_by_its_rule(void **state)
{
    (void)state;
    struct kv *kv = kv_memory_new();
    struct kv_batch *batch = kv_batch_new(kv);
    struct arena arena = {0};
    struct link closed = {.a = 1, .b = 2, .since_us = NOW, .until_us = NOW + 1, .rule = LINK_BY_HAND, .count = 1};
    link_put(batch, &closed);
    struct link found;
    assert_int_equal(link_live(batch, 1, 2, LINK_BY_HAND, &arena, &found, NULL), PATRON_NOT_FOUND);
    struct link link = {.a = 1,
        .b = 2,
        .since_us = NOW + 2,
        .until_us = INT64_MAX,
        .rule = LINK_BY_HAND,
        .count = 1,
        .actor = bytes_from_string("ada")};
    assert_int_equal(link_strengthen(batch, &link, &arena, NULL), PATRON_OK);
    assert_int_equal(link_live(batch, 1, 2, LINK_MATCH, &arena, &found, NULL), PATRON_NOT_FOUND);
    assert_int_equal(link_live(batch, 1, 3, LINK_BY_HAND, &arena, &found, NULL), PATRON_NOT_FOUND);
    struct link again = link;
    again.since_us = NOW + 9;
    again.actor = bytes_from_string("bob");
    assert_int_equal(link_strengthen(batch, &again, &arena, NULL), PATRON_OK);
    for (uint64_t a = 1; a <= 2; a++) {
        assert_int_equal(link_live(batch, a, 3 - a, LINK_BY_HAND, &arena, &found, NULL), PATRON_OK);
        assert_true(found.a == a && found.count == 2 && found.since_us == NOW + 2 && bytes_is(found.actor, "ada"));
    }
    arena_clear(&arena);
    kv_batch_free(batch);
    kv_close(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_s_maximum_counts_both_sides_and_what_is_new),
        cmocka_unit_test(a_maximum_of_a_time_counts_those_born_within_it),
        cmocka_unit_test(two_values_of_a_unique_type_never_share_a_customer),
        cmocka_unit_test(a_customer_has_no_more_identifiers_than_its_maximum),
        cmocka_unit_test(what_was_separated_stays_apart_until_that_is_lifted),
        cmocka_unit_test(a_merge_to_more_than_a_size_is_sent_to_review),
        cmocka_unit_test(weak_evidence_that_joins_established_customers_is_sent_to_review),
        cmocka_unit_test(value_on_either_side_or_on_both_sends_to_review),
        cmocka_unit_test(two_persons_are_asked_for_where_either_side_is_worth_that),
        cmocka_unit_test(obstacles_have_words_and_numbers_that_stay),
        cmocka_unit_test(a_party_has_its_open_members_and_the_sides_that_hold),
        cmocka_unit_test(damaged_rows_of_a_party_are_told),
        cmocka_unit_test(moving_a_member_keeps_what_it_was_and_carries_its_flags),
        cmocka_unit_test(a_live_link_is_found_in_either_order_and_by_its_rule),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
