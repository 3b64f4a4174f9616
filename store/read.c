#include "store/read.h"

#include "store/definitions/expression.h"
#include "store/definitions/suggest.h"
#include "store/features/profile_rows.h"
#include "store/identity/identity.h"
#include "store/timeline/fold.h"

void row_not_found(const struct view *view, const struct selection *selection, struct row *row)
{
    row->status = STATUS_NOT_FOUND;
    row->customer = 0;
    row->newest_event_time_us = INT64_MIN;
    row->newest_known_at_us = INT64_MIN;
    for (size_t i = 0; i < selection->count; i++) {
        const struct value *fallback = selection->fallbacks ? selection->fallbacks[i] : NULL;
        row->values[i] = fallback ? *fallback
                                  : (struct value){
                .type = (uint8_t)view->definitions->features[selection->features[i]].type,
                .status = STATUS_NOT_FOUND};
    }
}

/* --- derived features --------------------------------------------------------------------------------------------- */

/* What is needed for a row: by feature's number, ascending, so that derived ones come after their operands. */
struct needed {
    const uint32_t *features;
    size_t count;
    struct value *values;
    struct value *settled; /* as operands */
};

static size_t needed_place(const struct needed *needed, uint32_t feature)
{
    size_t low = 0, high = needed->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (needed->features[middle] <= feature)
            low = middle;
        else
            high = middle;
    }
    CHECK(needed->count > 0 && needed->features[low] == feature);
    return low;
}

static const struct value *needed_operand(const void *context, uint32_t feature)
{
    const struct needed *needed = context;
    return &needed->settled[needed_place(needed, feature)];
}

static void needed_evaluate(
    const struct profile *profile, const struct selection *selection, int64_t as_of_us, struct needed *needed)
{
    const struct feature *features = profile->layout->definitions->features;
    size_t folded = 0; /* derived ones come last */
    while (folded < selection->needed_count && features[selection->needed[folded]].aggregation != AGGREGATION_DERIVED)
        folded++;
    profile_evaluate_each(profile, selection->needed, folded, as_of_us, needed->values);
    for (size_t i = 0; i < selection->needed_count; i++) {
        const struct feature *feature = &features[selection->needed[i]];
        if (i >= folded)
            expression_evaluate(feature->expression, needed_operand, needed, &needed->values[i]);
        needed->settled[i] = needed->values[i];
        value_settle(&needed->settled[i], feature->fallback);
    }
}

static void derived_evaluate(const struct profile *profile, const struct row_question *question, struct value *values)
{
    const struct selection *selection = question->selection;
    struct needed needed = {.features = selection->needed,
        .count = selection->needed_count,
        .values = arena_array(question->scratch, selection->needed_count, sizeof *needed.values),
        .settled = arena_array(question->scratch, selection->needed_count, sizeof *needed.settled)};
    needed_evaluate(profile, selection, question->as_of_us, &needed);
    for (size_t i = 0; i < selection->count; i++)
        values[i] = needed.values[needed_place(&needed, selection->features[i])];
}

void row_evaluate(const struct profile *profile, const struct row_question *question, struct row *row)
{
    const struct selection *selection = question->selection;
    row->status = STATUS_PRESENT;
    row->customer = question->customer;
    row->newest_event_time_us = profile->newest_event_time_us;
    row->newest_known_at_us = profile->newest_known_at_us;
    if (selection->needed)
        derived_evaluate(profile, question, row->values);
    else
        profile_evaluate_each(profile, selection->features, selection->count, question->as_of_us, row->values);
    for (size_t i = 0; selection->fallbacks && i < selection->count; i++) {
        struct value *value = &row->values[i];
        if (value->status == STATUS_NULL && selection->fallbacks[i]) {
            int64_t age_us = value->age_us; /* whose lack the default fills is as old as it was */
            *value = *selection->fallbacks[i];
            value->age_us = age_us;
        }
    }
}

/* --- identifiers -------------------------------------------------------------------------------------------------- */

/* One that is not found must not cost a request all its other rows. */
enum patron_code identifier_find(const struct view *view, const struct event_identifier *identifier,
    struct arena *arena, struct identifier_entry *entry, struct error *error)
{
    const struct identifier_type *type = definitions_identifier_type(view->definitions, identifier->type);
    if (!type)
        return error_set(error, PATRON_INVALID, "unknown identifier type '%s'%s", quote(identifier->type).text,
            suggest(identifier->type,
                SUGGEST_FROM(view->definitions->identifiers, view->definitions->identifier_count, name))
                .text);
    struct bytes normalized;
    enum patron_code code = identifier_normalize(type, identifier->value, arena, &normalized, NULL);
    if (code != PATRON_OK) {
        bool is_text = identifier->value.length <= IDENTIFIER_VALUE_BYTES_MAX && bytes_are_utf8(identifier->value);
        return is_text ? PATRON_NOT_FOUND : identifier_normalize(type, identifier->value, arena, &normalized, error);
    }
    uint8_t hash[IDENTIFIER_HASH_BYTES];
    identifier_hash(view->key, type, normalized, hash);
    return identifier_get(view->kv, view->snapshot, hash, arena, entry, error);
}

static enum patron_code as_of_check(int64_t as_of_us, struct error *error)
{
    if (as_of_us < EVENT_TIME_MIN_US || as_of_us > EVENT_TIME_MAX_US)
        return error_set(error, PATRON_OUT_OF_RANGE, "a time to read as of must lie between 1900 and 2200");
    return PATRON_OK;
}

enum patron_code read_now(const struct view *view, const struct selection *selection,
    const struct event_identifier *identifier, int64_t as_of_us, struct arena *arena, struct row *row,
    struct error *error)
{
    CHECK(as_of_us > view->position_us);
    if (as_of_us > EVENT_TIME_MAX_US)
        return as_of_check(as_of_us, error);
    struct identifier_entry entry;
    enum patron_code code = identifier_find(view, identifier, arena, &entry, error);
    if (code == PATRON_NOT_FOUND) {
        row_not_found(view, selection, row);
        return PATRON_OK;
    }
    if (code != PATRON_OK)
        return code;
    const struct profile_parts *parts;
    code = profile_parts_at(view, entry.customer, &parts, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "customer %llu has no profile: run patron verify",
            (unsigned long long)entry.customer);
    if (code != PATRON_OK)
        return code;
    struct profile profile;
    code = profile_decode(&profile, view->layout, parts, arena, error);
    if (code == PATRON_OK && profile.position_us > view->position_us)
        code = error_set(error, PATRON_CORRUPT, "the profile of customer %llu is ahead of the log: run patron verify",
            (unsigned long long)entry.customer);
    if (code == PATRON_OK) {
        profile_advance(&profile, as_of_us - 1);
        struct row_question question = {selection, entry.customer, as_of_us, arena};
        row_evaluate(&profile, &question, row);
        for (size_t i = 0; i < selection->count; i++) /* the parts go, the text stays with the call */
            if (row->values[i].text.length > 0)
                row->values[i].text = arena_copy(arena, row->values[i].text);
    }
    profile_parts_release(parts);
    return code;
}

enum patron_code read_as_of(const struct view *view, const struct selection *selection,
    const struct event_identifier *identifier, int64_t as_of_us, struct arena *arena, struct row *row,
    struct error *error)
{
    TRY(as_of_check(as_of_us, error));
    struct identifier_entry entry;
    uint64_t customer;
    enum patron_code code = identifier_find(view, identifier, arena, &entry, error);
    if (code == PATRON_OK)
        code = membership_at(view->kv, view->snapshot, entry.node, as_of_us, &customer, error);
    if (code == PATRON_NOT_FOUND) {
        row_not_found(view, selection, row);
        return PATRON_OK;
    }
    if (code != PATRON_OK)
        return code;
    struct member *members;
    size_t count;
    TRY(members_of(view->kv, view->snapshot, customer, arena, &members, &count, error));
    struct profile profile;
    uint64_t events = 0;
    TRY(fold_at(view, members, count, as_of_us, arena, &profile, &events, error));
    struct row_question question = {selection, customer, as_of_us, arena};
    row_evaluate(&profile, &question, row);
    return PATRON_OK;
}

enum patron_code identifier_customer_at(const struct view *view, const struct event_identifier *identifier,
    int64_t as_of_us, struct arena *arena, uint64_t *customer, struct error *error)
{
    TRY(as_of_check(as_of_us, error));
    struct identifier_entry entry;
    TRY(identifier_find(view, identifier, arena, &entry, error));
    return membership_at(view->kv, view->snapshot, entry.node, as_of_us, customer, error);
}
