/* A merge that waits for a person, printed so that one can decide. */
#include "client/identity_review.h"

#include <math.h>
#include <string.h>

#include "client/table.h"
#include "client/values.h"
#include "client/visible.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

enum { SIDE_IDENTIFIERS_SHOWN_MAX = 20, BAR_CHARACTERS_MAX = 24, LINE_TEXT_MAX = 256 };

/* --- words -------------------------------------------------------------------------------------------------------- */

const char *span_text(int64_t span_us, char text[SPAN_TEXT_MAX])
{
    static const struct {
        int64_t us;
        const char *name;
    } units[] = {{MICROSECONDS_PER_DAY, "days"}, {MICROSECONDS_PER_HOUR, "hours"}, {MICROSECONDS_PER_MINUTE, "minutes"},
        {MICROSECONDS_PER_SECOND, "seconds"}};
    size_t unit = 0;
    while (unit < 3 && span_us < units[unit].us)
        unit++;
    snprintf(text, SPAN_TEXT_MAX, "%.1f %s", (double)span_us / (double)units[unit].us, units[unit].name);
    return text;
}

void seen_text(const Patron__V1__GetReviewResponse *reply, char text[SEEN_TEXT_MAX])
{
    text[0] = '\0';
    for (size_t i = 0; i < reply->seen.len && 2 * i + 2 < SEEN_TEXT_MAX; i++)
        snprintf(text + 2 * i, 3, "%02x", reply->seen.data[i]);
}

/* Why a person is asked, in a sentence. */
static const char *why_words(Patron__V1__Obstacle obstacle)
{
    switch (obstacle) {
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_SIZE:
        return "the two would have more identifiers together than are joined without a person";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_BRIDGE:
        return "both are established customers, and what joins them is of the weakest kind";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_VALUE:
        return "they are worth too much to be joined by a rule alone";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_SCORE:
        return "their records are likely of one person, and no more than likely";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_CLUSTER:
        return "their records match, but others of the two customers contradict that";
    default: /* of a later version */
        return "a rule of a later version of the server";
    }
}

bool item_waits(const Patron__V1__ReviewItem *item)
{
    return item->state == PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_OPEN ||
        item->state == PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_HALF_APPROVED;
}

static void worth_print(const Patron__V1__ReviewWorth *worth)
{
    char text[VALUE_TEXT_MAX];
    if (!worth)
        return;
    double_text(worth->worth, text);
    printf(", worth %s", text);
}

static void reason_print(const char *reason)
{
    fputs(reason[0] ? ": " : "", stdout);
    visible_print(reason, stdout);
    putchar('\n');
}

/* --- the head ----------------------------------------------------------------------------------------------------- */

static void state_print(const Patron__V1__ReviewItem *item, int64_t now_us)
{
    char name[TIME_TEXT_MAX], when[TIME_TEXT_MAX], open[SPAN_TEXT_MAX], left[SPAN_TEXT_MAX];
    time_to_text(item->item_us, name);
    printf("review item %s: %s", name, review_state_word(item->state));
    switch (item->state) {
    case PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_OPEN:
    case PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_HALF_APPROVED:
        printf(", for %s; expires in %s\n", span_text(now_us - item->item_us, open),
            span_text(item->expires_us - now_us, left));
        return;
    case PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_APPROVED:
    case PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_REJECTED:
        time_to_text(item->decided_us, when);
        fputs(" by ", stdout);
        visible_print(item->actor, stdout);
        printf(" at %s", when);
        reason_print(item->reason);
        return;
    case PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_EXPIRED:
        time_to_text(item->expires_us, when);
        printf(" at %s\n", when);
        return;
    default:
        puts(": both are one customer already, or one of them is blocked");
    }
}

static void evidence_print(const Patron__V1__ReviewItem *item)
{
    char text[VALUE_TEXT_MAX], when[TIME_TEXT_MAX];
    printf("evidence   ");
    if (item->rule == PATRON__V1__LINK_RULE__LINK_RULE_MATCH) {
        double_text(item->score, text);
        printf("a match: probability %.8s by model %u", text, item->model);
    } else if (item->rule == PATRON__V1__LINK_RULE__LINK_RULE_HAND) {
        printf("a person said that they are one");
    } else if (item->evidence && item->evidence->type[0]) {
        time_to_text(item->evidence->time_us, when);
        printf("an event that brought both: %s of %s", item->evidence->type, when);
    } else {
        printf("an event that brought both");
    }
    if (item->count > 1) {
        time_to_text(item->last_us, when);
        printf("; it came %llu times, last at %s", (unsigned long long)item->count, when);
    }
    putchar('\n');
}

static void head_print(const Patron__V1__GetReviewResponse *reply)
{
    const Patron__V1__ReviewItem *item = reply->item;
    char text[NODE_TEXT_MAX], when[TIME_TEXT_MAX];
    state_print(item, reply->as_of_us);
    fputs("between    ", stdout);
    visible_print(node_text(item->a, text), stdout);
    printf(", of customer %llu", (unsigned long long)item->customer_a);
    worth_print(item->worth_a);
    fputs("\nand        ", stdout);
    visible_print(node_text(item->b, text), stdout);
    printf(", of customer %llu", (unsigned long long)item->customer_b);
    worth_print(item->worth_b);
    printf("\nwhy        %s\n", why_words(item->obstacle));
    evidence_print(item);
    printf("it takes   %s\n", item->second_person ? "two persons" : "one person");
    if (item->first_us) {
        time_to_text(item->first_us, when);
        fputs("approved   by ", stdout);
        visible_print(item->first_actor, stdout);
        printf(" at %s", when);
        reason_print(item->first_reason);
    }
    if (reply->refused[0] && item_waits(item))
        fputs("but        an approval would be refused", stdout);
    if (reply->refused[0] && item_waits(item))
        reason_print(reply->refused);
}

/* --- the waterfall ------------------------------------------------------------------------------------------------ */

/* A character a bit, to the right of the middle for what speaks for one person, to the left for what speaks against. */
static void bar_text(double bits, char text[2 * BAR_CHARACTERS_MAX + 2])
{
    int length = (int)fmin(fabs(round(bits)), BAR_CHARACTERS_MAX);
    memset(text, ' ', 2 * BAR_CHARACTERS_MAX + 1);
    text[BAR_CHARACTERS_MAX] = '|';
    memset(bits < 0 ? text + BAR_CHARACTERS_MAX - length : text + BAR_CHARACTERS_MAX + 1, bits < 0 ? '-' : '+',
        (size_t)length);
    size_t end = 2 * BAR_CHARACTERS_MAX + 1;
    while (text[end - 1] == ' ')
        end--;
    text[end] = '\0';
}

static void waterfall_row(struct table *table, const char *what, const char *level, double bits)
{
    char number[VALUE_TEXT_MAX], bar[2 * BAR_CHARACTERS_MAX + 2];
    snprintf(number, sizeof number, "%+.2f", bits);
    bar_text(bits, bar);
    table_add(table, what);
    table_add(table, level);
    table_add(table, number);
    table_add(table, bar);
}

static void waterfall_print(const Patron__V1__ReviewWaterfall *waterfall)
{
    struct table table;
    table_open(&table, 4);
    table_align_right(&table, 2);
    table_add(&table, "compared");
    table_add(&table, "how it came out");
    table_add(&table, "bits");
    table_add(&table, "against | for");
    waterfall_row(&table, "any two records", "", waterfall->prior);
    for (size_t i = 0; i < waterfall->n_bars; i++) {
        const Patron__V1__ReviewBar *bar = waterfall->bars[i];
        char level[LINE_TEXT_MAX];
        const char *rarity = bar->frequency_weight > 0 ? ", rare" : bar->frequency_weight < 0 ? ", common" : "";
        snprintf(level, sizeof level, "%s%s", bar->level, rarity);
        waterfall_row(&table, bar->column, level, bar->weight + bar->frequency_weight);
    }
    if (waterfall->household != 0)
        waterfall_row(&table, "household", "may be two who live together", waterfall->household);
    waterfall_row(&table, "together", "", waterfall->weight);
    putchar('\n');
    table_print(&table, stdout);
    table_close(&table);
}

/* --- the sides ---------------------------------------------------------------------------------------------------- */

static void side_cell(struct table *table, const Patron__V1__IdentitySide *side, size_t row)
{
    char text[NODE_TEXT_MAX + 32];
    if (row < side->n_nodes && row < SIDE_IDENTIFIERS_SHOWN_MAX) {
        const Patron__V1__IdentityNode *node = side->nodes[row];
        char name[NODE_TEXT_MAX];
        snprintf(text, sizeof text, "%s%s%s", node_text(node, name), node->separated ? ", kept apart from others" : "",
            node->blocked ? ", blocked" : "");
    } else if (row == SIDE_IDENTIFIERS_SHOWN_MAX && side->n_nodes > row) {
        snprintf(text, sizeof text, "and %zu more", side->n_nodes - row);
    } else {
        text[0] = '\0';
    }
    table_add(table, text);
}

static void sides_print(const Patron__V1__IdentityEffect *effect)
{
    struct table table;
    size_t rows = 0;
    char text[LINE_TEXT_MAX];
    table_open(&table, 2);
    for (size_t i = 0; i < 2; i++) {
        const Patron__V1__IdentitySide *side = effect->before[i];
        snprintf(text, sizeof text, "customer %llu: %zu identifier%s, %llu event%s", (unsigned long long)side->customer,
            side->n_nodes, side->n_nodes == 1 ? "" : "s", (unsigned long long)side->events,
            side->events == 1 ? "" : "s");
        table_add(&table, text);
        rows = side->n_nodes > rows ? side->n_nodes : rows;
    }
    for (size_t row = 0; row < rows && row <= SIDE_IDENTIFIERS_SHOWN_MAX; row++)
        for (size_t i = 0; i < 2; i++)
            side_cell(&table, effect->before[i], row);
    putchar('\n');
    table_print(&table, stdout);
    table_close(&table);
    const Patron__V1__IdentitySide *after = effect->after[0];
    printf("\nas one: customer %llu, with %zu identifiers and %llu event%s\n", (unsigned long long)after->customer,
        after->n_nodes, (unsigned long long)after->events, after->events == 1 ? "" : "s");
}

enum patron_code review_print(const Patron__V1__GetReviewResponse *reply, struct error *error)
{
    if (!reply->item || !reply->item->a || !reply->item->b)
        return error_set(error, PATRON_CORRUPT, "the server's answer has no review item");
    head_print(reply);
    if (reply->waterfall)
        waterfall_print(reply->waterfall);
    const Patron__V1__IdentityEffect *effect = reply->effect;
    if (!effect)
        return PATRON_OK;
    TRY(effect_check(effect, error));
    if (effect->n_before != 2 || effect->n_after != 1)
        return error_set(error, PATRON_CORRUPT, "the server's effect is not one of two customers that become one");
    sides_print(effect);
    effect_features_print(effect);
    if (!item_waits(reply->item))
        return PATRON_OK;
    char name[TIME_TEXT_MAX], seen[SEEN_TEXT_MAX];
    time_to_text(reply->item->item_us, name);
    seen_text(reply, seen);
    printf("\npatron identity review approve %s --seen %s\npatron identity review reject %s\n", name, seen, name);
    return PATRON_OK;
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static struct json_object *worth_json(const Patron__V1__ReviewWorth *worth)
{
    return worth ? double_json(worth->worth) : NULL;
}

static struct json_object *text_json(const char *text)
{
    return text[0] ? json_object_new_string(text) : NULL;
}

struct json_object *review_item_json(const Patron__V1__ReviewItem *item)
{
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "item", moment_json(item->item_us));
    json_object_object_add(one, "state", json_object_new_string(review_state_word(item->state)));
    json_object_object_add(one, "a", item->a ? node_json(item->a) : NULL);
    json_object_object_add(one, "b", item->b ? node_json(item->b) : NULL);
    json_object_object_add(one, "customer_a", json_object_new_uint64(item->customer_a));
    json_object_object_add(one, "customer_b", json_object_new_uint64(item->customer_b));
    json_object_object_add(one, "worth_a", worth_json(item->worth_a));
    json_object_object_add(one, "worth_b", worth_json(item->worth_b));
    json_object_object_add(one, "why", json_object_new_string(obstacle_words(item->obstacle)));
    json_object_object_add(one, "persons", json_object_new_int(item->second_person ? 2 : 1));
    json_object_object_add(one, "rule", json_object_new_string(rule_word(item->rule)));
    json_object_object_add(one, "evidence", evidence_json(item->evidence));
    json_object_object_add(one, "count", json_object_new_uint64(item->count));
    json_object_object_add(one, "last", moment_json(item->last_us));
    json_object_object_add(one, "score", item->model ? double_json(item->score) : NULL);
    json_object_object_add(one, "model", item->model ? json_object_new_int64(item->model) : NULL);
    json_object_object_add(one, "expires", moment_json(item->expires_us));
    json_object_object_add(one, "first_approved", moment_json(item->first_us));
    json_object_object_add(one, "first_actor", text_json(item->first_actor));
    json_object_object_add(one, "first_reason", text_json(item->first_reason));
    json_object_object_add(one, "decided", moment_json(item->decided_us));
    json_object_object_add(one, "actor", text_json(item->actor));
    json_object_object_add(one, "reason", text_json(item->reason));
    return one;
}

static struct json_object *waterfall_json(const Patron__V1__ReviewWaterfall *waterfall)
{
    if (!waterfall)
        return NULL;
    struct json_object *one = json_object_new_object(), *bars = json_object_new_array();
    json_object_object_add(one, "prior", double_json(waterfall->prior));
    json_object_object_add(one, "bars", bars);
    for (size_t i = 0; i < waterfall->n_bars; i++) {
        const Patron__V1__ReviewBar *bar = waterfall->bars[i];
        struct json_object *its = json_object_new_object();
        json_object_object_add(its, "column", json_object_new_string(bar->column));
        json_object_object_add(its, "level", json_object_new_string(bar->level));
        json_object_object_add(its, "weight", double_json(bar->weight));
        json_object_object_add(its, "frequency_weight", double_json(bar->frequency_weight));
        json_object_array_add(bars, its);
    }
    json_object_object_add(one, "household", double_json(waterfall->household));
    json_object_object_add(one, "weight", double_json(waterfall->weight));
    return one;
}

void review_json_print(const Patron__V1__GetReviewResponse *reply)
{
    struct json_object *result = reply->item ? review_item_json(reply->item) : json_object_new_object();
    char seen[SEEN_TEXT_MAX];
    seen_text(reply, seen);
    json_object_object_add(result, "as_of", moment_json(reply->as_of_us));
    json_object_object_add(result, "seen", text_json(seen));
    json_object_object_add(result, "refused", text_json(reply->refused));
    json_object_object_add(result, "waterfall", waterfall_json(reply->waterfall));
    json_object_object_add(result, "effect", effect_json(reply->effect));
    json_print(result);
}
