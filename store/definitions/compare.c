#include "store/definitions/compare.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/definitions/comparing.h"
#include "store/definitions/describe.h"
#include "store/definitions/parse.h"

enum { SHARED_COST_WORDS_MAX = 4 * NAME_BYTES_MAX };

void compare_differ(struct comparing *comparing, bool breaking, bool refill, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    char *text = arena_alloc(comparing->arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    if (comparing->words.length > 0 && length > 0)
        encode_raw(&comparing->words, "; ", 2);
    encode_raw(&comparing->words, text, (size_t)length);
    comparing->breaking |= breaking;
    comparing->refill |= refill;
}

static struct change *change_add(struct changes *changes)
{
    if (changes->count == changes->capacity) {
        changes->capacity = changes->capacity ? 2 * changes->capacity : 16;
        changes->list = memory_resize(changes->list, changes->capacity * sizeof *changes->list);
    }
    return &changes->list[changes->count++];
}

void compare_tell(struct comparing *comparing, enum change_kind kind, enum change_what what, struct bytes name)
{
    if (kind != CHANGE_CHANGED || comparing->words.length > 0) {
        *change_add(comparing->changes) = (struct change){
            .kind = kind,
            .what = what,
            .name = arena_copy(comparing->arena, name),
            .words = arena_string(comparing->arena, encoder_borrow(&comparing->words)),
            .breaking = comparing->breaking,
            .refill = comparing->refill,
        };
        comparing->changes->breaking |= comparing->breaking;
        comparing->changes->refill |= comparing->refill;
    }
    encoder_reset(&comparing->words);
    comparing->breaking = comparing->refill = false;
}

/* --- small things ------------------------------------------------------------------------------------------------- */

const char *compare_cut(struct comparing *comparing, struct bytes text)
{
    return arena_string(comparing->arena, text);
}

static void differ_texts(struct comparing *comparing, const char *what, struct bytes before, struct bytes after)
{
    if (!bytes_equal(before, after))
        compare_differ(comparing, false, false, "%s", what);
}

static bool lists_equal(const struct bytes *a, size_t a_count, const struct bytes *b, size_t b_count)
{
    bool equal = a_count == b_count;
    for (size_t i = 0; i < a_count && equal; i++)
        equal = bytes_equal(a[i], b[i]);
    return equal;
}

static bool values_equal(const struct value *a, const struct value *b)
{
    if (!a || !b)
        return a == b;
    return a->type == b->type && a->real == b->real && a->integer == b->integer &&
        a->exact == b->exact && bytes_equal(a->text, b->text);
}

static const char *value_words(struct comparing *comparing, const struct value *value)
{
    return value ? compare_cut(comparing, describe_value(value, comparing->arena)) : "none";
}

const char *compare_duration(struct comparing *comparing, int64_t duration_us)
{
    return duration_us ? compare_cut(comparing, describe_duration(duration_us, comparing->arena)) : "none";
}

/* --- settings ----------------------------------------------------------------------------------------------------- */

static void compare_setting(
    struct comparing *comparing, const char *name, struct bytes before, struct bytes after, bool breaking, bool refill)
{
    if (!bytes_equal(before, after))
        compare_differ(comparing, breaking, refill, "was %s, is %s", compare_cut(comparing, before),
            compare_cut(comparing, after));
    compare_tell(comparing, CHANGE_CHANGED, CHANGE_OF_SETTING, bytes_from_string(name));
}

static void compare_settings(struct comparing *comparing)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    compare_setting(comparing, "currency", old->currency, new->currency, true, false);
    compare_setting(comparing, "time_zone", old->time_zone_name, new->time_zone_name, true, true);
    compare_setting(comparing, "unknown_attributes",
        bytes_from_string(describe_unknown_attributes(old->unknown_attributes)),
        bytes_from_string(describe_unknown_attributes(new->unknown_attributes)),
        new->unknown_attributes == UNKNOWN_REFUSE, false);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static void tell_attribute(
    struct comparing *comparing, enum change_kind kind, const struct event_type *event, struct bytes name)
{
    char whole[2 * NAME_BYTES_MAX + 2];
    snprintf(whole, sizeof whole, "%.*s.%.*s", BYTES_ARGUMENTS(event->name), BYTES_ARGUMENTS(name));
    compare_tell(comparing, kind, CHANGE_OF_ATTRIBUTE, bytes_from_string(whole));
}

static void compare_attributes(
    struct comparing *comparing, const struct event_type *before, const struct event_type *after)
{
    for (size_t i = 0; i < after->attribute_count; i++) {
        const struct attribute *attribute = &after->attributes[i];
        if (attribute->retired)
            continue;
        const struct attribute *old = event_type_attribute(before, attribute->name);
        if (!old) {
            compare_differ(comparing, false, false, "%s", attribute_type_name(attribute->type));
            tell_attribute(comparing, CHANGE_ADDED, after, attribute->name);
            continue;
        }
        if (old->type != attribute->type)
            compare_differ(comparing, true, false, "was %s, is %s: only new events have it",
                attribute_type_name(old->type), attribute_type_name(attribute->type));
        tell_attribute(comparing, CHANGE_CHANGED, after, attribute->name);
    }
    for (size_t i = 0; i < before->attribute_count; i++) {
        const struct attribute *attribute = &before->attributes[i];
        if (attribute->retired || event_type_attribute(after, attribute->name))
            continue;
        compare_differ(comparing, true, false, "retired");
        tell_attribute(comparing, CHANGE_REMOVED, before, attribute->name);
    }
}

static void compare_events(struct comparing *comparing)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    for (size_t i = 0; i < new->event_count; i++) {
        const struct event_type *after = &new->events[i];
        if (after->retired)
            continue;
        const struct event_type *before = definitions_event_type(old, after->name);
        if (before && !before->sealed && after->sealed)
            compare_differ(comparing, false, false, "its attributes are sealed from now on");
        compare_tell(comparing, before ? CHANGE_CHANGED : CHANGE_ADDED, CHANGE_OF_EVENT, after->name);
        if (before)
            compare_attributes(comparing, before, after);
    }
    for (size_t i = 0; i < old->event_count; i++) {
        if (old->events[i].retired || definitions_event_type(new, old->events[i].name))
            continue;
        compare_differ(comparing, true, false, "retired");
        compare_tell(comparing, CHANGE_REMOVED, CHANGE_OF_EVENT, old->events[i].name);
    }
}

/* --- features ----------------------------------------------------------------------------------------------------- */

static bool scalars_equal(const struct scalar *a, const struct scalar *b)
{
    return a->type == b->type && a->number == b->number && bytes_equal(a->text, b->text);
}

static bool filters_equal(const struct filter *a, size_t a_count, const struct filter *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        if (a[i].attribute != b[i].attribute || a[i].value_count != b[i].value_count ||
            a[i].has_low != b[i].has_low || a[i].has_high != b[i].has_high || a[i].low_open != b[i].low_open ||
            a[i].high_open != b[i].high_open || !scalars_equal(&a[i].low, &b[i].low) ||
            !scalars_equal(&a[i].high, &b[i].high))
            return false;
        for (size_t j = 0; j < a[i].value_count; j++)
            if (!scalars_equal(&a[i].values[j], &b[i].values[j]))
                return false;
    }
    return true;
}

static bool same_events(const struct comparing *comparing, const struct feature *a, const struct feature *b)
{
    return comparing->old->events[a->event].number == comparing->new->events[b->event].number &&
        filters_equal(a->filters, a->filter_count, b->filters, b->filter_count);
}

/* What profiles hold for both is the same. */
static bool same_fold(const struct comparing *comparing, const struct feature *a, const struct feature *b)
{
    return a->aggregation == b->aggregation && a->attribute == b->attribute && a->window_us == b->window_us &&
        a->offset_us == b->offset_us && same_events(comparing, a, b) &&
        filters_equal(a->matching, a->matching_count, b->matching, b->matching_count) &&
        (a->aggregation != AGGREGATION_TOP || a->by_attribute == b->by_attribute);
}

static bool filters_use(const struct filter *filters, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (filters[i].attribute == number)
            return true;
    return false;
}

static bool feature_uses(const struct feature *feature, uint16_t number)
{
    return feature->attribute == number || feature->by_attribute == number ||
        filters_use(feature->filters, feature->filter_count, number) ||
        filters_use(feature->matching, feature->matching_count, number);
}

/* What has its name still but is another: an attribute of another type, or what was gone for a version or more. */
static void compare_namesakes(struct comparing *comparing, const struct feature *before, const struct feature *after)
{
    const struct event_type *was = &comparing->old->events[before->event], *is = &comparing->new->events[after->event];
    if (!bytes_equal(was->name, is->name))
        return;
    if (was->number != is->number) {
        compare_differ(
            comparing, true, true, "its event %s is a new one of that name", compare_cut(comparing, is->name));
        return;
    }
    for (size_t i = 0; i < is->attribute_count; i++) {
        const struct attribute *attribute = &is->attributes[i];
        const struct attribute *old = event_type_attribute(was, attribute->name);
        if (attribute->retired || !old || old->number == attribute->number || !feature_uses(before, old->number) ||
            !feature_uses(after, attribute->number))
            continue;
        if (old->type == attribute->type)
            compare_differ(comparing, true, true, "its attribute %s is a new one of that name",
                compare_cut(comparing, attribute->name));
        else
            compare_differ(comparing, true, true, "its attribute %s is %s now, was %s",
                compare_cut(comparing, attribute->name), attribute_type_name(attribute->type),
                attribute_type_name(old->type));
    }
}

static void compare_meaning(struct comparing *comparing, const struct feature *before, const struct feature *after)
{
    bool fold = same_fold(comparing, before, after);
    if (fold && before->unit_us == after->unit_us && before->half_life_us == after->half_life_us)
        return; /* a place among leading values is in the name */
    struct bytes was = describe_feature(comparing->old, before, comparing->arena);
    struct bytes is = describe_feature(comparing->new, after, comparing->arena);
    compare_namesakes(comparing, before, after);
    if (!bytes_equal(was, is) || comparing->words.length == 0)
        compare_differ(
            comparing, true, !fold, "was %s, is %s", compare_cut(comparing, was), compare_cut(comparing, is));
}

/* Runs of blanks outside quotes are one blank, and none at the ends: that is no change of an expression. */
static struct bytes squeezed(struct bytes text, struct arena *arena)
{
    uint8_t *made = arena_alloc(arena, text.length + 1);
    size_t length = 0;
    uint8_t quote = 0;
    bool blank = false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (!quote && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
            blank = length > 0;
            continue;
        }
        if (blank)
            made[length++] = ' ';
        blank = false;
        made[length++] = c;
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '\'' || c == '"')
            quote = c;
    }
    return bytes_of(made, length);
}

static void compare_derivation(struct comparing *comparing, const struct feature *before, const struct feature *after)
{
    struct bytes was = squeezed(before->formula, comparing->arena);
    struct bytes is = squeezed(after->formula, comparing->arena);
    if (!bytes_equal(was, is))
        compare_differ(
            comparing, true, false, "was %s, is %s", compare_cut(comparing, was), compare_cut(comparing, is));
}

static void compare_feature(struct comparing *comparing, const struct feature *before, const struct feature *after)
{
    bool was_derived = before->aggregation == AGGREGATION_DERIVED;
    bool is_derived = after->aggregation == AGGREGATION_DERIVED;
    if (was_derived != is_derived)
        compare_differ(comparing, true, true, is_derived ? "is derived now" : "was derived");
    else if (is_derived)
        compare_derivation(comparing, before, after);
    else
        compare_meaning(comparing, before, after);
    if (before->type != after->type)
        compare_differ(comparing, true, false, "type was %s, is %s", value_type_name(before->type),
            value_type_name(after->type));
    if (!values_equal(before->fallback, after->fallback))
        compare_differ(comparing, true, false, "default was %s, is %s", value_words(comparing, before->fallback),
            value_words(comparing, after->fallback));
    if (before->max_age_us != after->max_age_us)
        compare_differ(comparing, true, true, "max_age was %s, is %s", compare_duration(comparing, before->max_age_us),
            compare_duration(comparing, after->max_age_us));
    differ_texts(comparing, "another description", before->description, after->description);
    differ_texts(comparing, "another owner", before->owner, after->owner);
    if (!lists_equal(before->tags, before->tag_count, after->tags, after->tag_count))
        compare_differ(comparing, false, false, "other tags");
}

static const struct feature *feature_find(const struct definitions *definitions, struct bytes name)
{
    const struct selectable *found = definitions_selectable(definitions, name);
    const struct feature *feature = found && found->count == 1 ? &definitions->features[found->first] : NULL;
    /* a family of one member has a bare name too, which is no feature's */
    return feature && bytes_equal(feature->name, name) ? feature : NULL;
}

static enum change_what feature_what(const struct feature *feature)
{
    return feature->aggregation == AGGREGATION_DERIVED ? CHANGE_OF_DERIVED : CHANGE_OF_FEATURE;
}

/* True if the whole family of that feature is missing in the other version. */
static bool family_missing(const struct definitions *other, struct bytes name)
{
    struct bytes family = describe_family(name);
    return family.length > 0 && !definitions_selectable(other, family);
}

/* Tells a new or lost feature; a family that is new or lost as a whole with its first member only. */
static void tell_lone(struct comparing *comparing, enum change_kind kind, const struct definitions *of,
    const struct definitions *other, size_t index)
{
    const struct feature *feature = &of->features[index];
    struct bytes name = feature->name;
    if (family_missing(other, name)) {
        struct bytes family = describe_family(name);
        if (definitions_selectable(of, family)->first != index)
            return;
        name = family;
    }
    bool derived = feature->aggregation == AGGREGATION_DERIVED;
    if (kind == CHANGE_ADDED) {
        struct bytes words = describe_feature(of, feature, comparing->arena);
        if (name.length == feature->name.length)
            compare_differ(comparing, false, !derived, "%s", compare_cut(comparing, words));
        else
            compare_differ(comparing, false, true, "%zu features", (size_t)definitions_selectable(of, name)->count);
    } else {
        comparing->breaking = true;
        comparing->refill = !derived;
    }
    compare_tell(comparing, kind, feature_what(feature), name);
}

/* A member of a family that has changed as the one told before it: both are told by the family's bare name. */
static void join_members(struct comparing *comparing, size_t count_before)
{
    struct changes *changes = comparing->changes;
    if (changes->count < 2 || changes->count == count_before)
        return;
    struct change *last = &changes->list[changes->count - 1], *before = last - 1;
    struct bytes family = describe_family(last->name);
    bool one = before->kind == last->kind && before->what == last->what && family.length > 0 &&
        (bytes_equal(before->name, family) || bytes_equal(describe_family(before->name), family)) &&
        strcmp(before->words, last->words) == 0 && before->breaking == last->breaking &&
        before->refill == last->refill;
    if (!one)
        return;
    before->name = family;
    changes->count--;
}

static void compare_features(struct comparing *comparing, bool derived)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    for (size_t i = 0; i < new->feature_count; i++) {
        const struct feature *after = &new->features[i];
        const struct feature *before = feature_find(old, after->name);
        if ((after->aggregation == AGGREGATION_DERIVED) != derived)
            continue;
        if (!before) {
            tell_lone(comparing, CHANGE_ADDED, new, old, i);
            continue;
        }
        size_t count_before = comparing->changes->count;
        compare_feature(comparing, before, after);
        compare_tell(comparing, CHANGE_CHANGED, feature_what(after), after->name);
        join_members(comparing, count_before);
    }
    for (size_t i = 0; i < old->feature_count; i++) {
        const struct feature *before = &old->features[i];
        if ((before->aggregation == AGGREGATION_DERIVED) == derived && !feature_find(new, before->name))
            tell_lone(comparing, CHANGE_REMOVED, old, new, i);
    }
}

/* --- services ----------------------------------------------------------------------------------------------------- */

static struct bytes column_name(const struct definitions *definitions, const struct service *service, size_t i)
{
    return definitions->features[service->selection.features[i]].name;
}

static const struct value *column_fallback(const struct service *service, size_t i)
{
    return service->selection.fallbacks ? service->selection.fallbacks[i] : NULL;
}

static int sort_names(const void *left, const void *right)
{
    return bytes_compare(*(const struct bytes *)left, *(const struct bytes *)right);
}

static struct bytes *columns_sorted(
    struct comparing *comparing, const struct definitions *definitions, const struct service *service)
{
    size_t count = service->selection.count;
    struct bytes *names = arena_array(comparing->arena, count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = column_name(definitions, service, i);
    if (count)
        qsort(names, count, sizeof *names, sort_names);
    return names;
}

/* The names of `of` that are not in `in`, both sorted. */
static void differ_columns(struct comparing *comparing, const char *what, const struct bytes *of, size_t of_count,
    const struct bytes *in, size_t in_count)
{
    struct encoder list = {0};
    size_t at = 0;
    for (size_t i = 0; i < of_count; i++) {
        while (at < in_count && bytes_compare(in[at], of[i]) < 0)
            at++;
        if (at < in_count && bytes_equal(in[at], of[i]))
            continue;
        if (list.length)
            encode_raw(&list, ", ", 2);
        encode_raw(&list, of[i].data, of[i].length);
    }
    if (list.length)
        compare_differ(comparing, true, false, "%s %s", what, compare_cut(comparing, encoder_borrow(&list)));
    encoder_clear(&list);
}

static void compare_columns(struct comparing *comparing, const struct service *before, const struct service *after)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    bool same = before->selection.count == after->selection.count;
    for (size_t i = 0; i < after->selection.count && same; i++)
        same = bytes_equal(column_name(old, before, i), column_name(new, after, i));
    if (same) {
        for (size_t i = 0; i < after->selection.count; i++)
            if (!values_equal(column_fallback(before, i), column_fallback(after, i)))
                compare_differ(comparing, true, false, "default of %s was %s, is %s",
                    compare_cut(comparing, column_name(new, after, i)),
                    value_words(comparing, column_fallback(before, i)),
                    value_words(comparing, column_fallback(after, i)));
        return;
    }
    struct bytes *was = columns_sorted(comparing, old, before), *is = columns_sorted(comparing, new, after);
    size_t length = comparing->words.length;
    differ_columns(comparing, "adds", is, after->selection.count, was, before->selection.count);
    differ_columns(comparing, "drops", was, before->selection.count, is, after->selection.count);
    if (comparing->words.length == length)
        compare_differ(comparing, true, false, "another order");
}

static const struct service *service_find(const struct definitions *definitions, struct bytes name)
{
    for (size_t i = 0; i < definitions->service_count; i++)
        if (bytes_equal(definitions->services[i].name, name))
            return &definitions->services[i];
    return NULL;
}

static void compare_services(struct comparing *comparing)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    for (size_t i = 0; i < new->service_count; i++) {
        const struct service *after = &new->services[i], *before = service_find(old, after->name);
        if (!before) {
            compare_differ(comparing, false, false, "%zu feature%s", after->selection.count,
                after->selection.count == 1 ? "" : "s");
            compare_tell(comparing, CHANGE_ADDED, CHANGE_OF_SERVICE, after->name);
            continue;
        }
        compare_columns(comparing, before, after);
        differ_texts(comparing, "another description", before->description, after->description);
        differ_texts(comparing, "another owner", before->owner, after->owner);
        if (!lists_equal(before->tags, before->tag_count, after->tags, after->tag_count))
            compare_differ(comparing, false, false, "other tags");
        compare_tell(comparing, CHANGE_CHANGED, CHANGE_OF_SERVICE, after->name);
    }
    for (size_t i = 0; i < old->service_count; i++) {
        if (service_find(new, old->services[i].name))
            continue;
        comparing->breaking = true;
        compare_tell(comparing, CHANGE_REMOVED, CHANGE_OF_SERVICE, old->services[i].name);
    }
}

/* --- shared costs ------------------------------------------------------------------------------------------------- */

/* "amount by session's minutes, over its month" */
static void shared_cost_words(struct comparing *comparing, const struct definitions *definitions,
    const struct shared_cost *cost, char words[SHARED_COST_WORDS_MAX])
{
    static const char *const periods[] = {[PERIOD_DAY] = "day", [PERIOD_WEEK] = "week", [PERIOD_MONTH] = "month"};
    const struct event_type *event = definitions_event_type_by_number(definitions, cost->event);
    const struct event_type *driver = definitions_event_type_by_number(definitions, cost->driver);
    struct bytes weight = cost->weight < 0 ? (struct bytes){0} : driver->attributes[cost->weight].name;
    snprintf(words, SHARED_COST_WORDS_MAX, "%s by %s%s%s of its %s",
        compare_cut(comparing, event->attributes[cost->amount].name), compare_cut(comparing, driver->name),
        weight.length > 0 ? "'s " : "", compare_cut(comparing, weight), periods[cost->period]);
}

static void compare_shared_costs(struct comparing *comparing)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    char was[SHARED_COST_WORDS_MAX], is[SHARED_COST_WORDS_MAX];
    for (size_t i = 0; i < new->shared_cost_count; i++) {
        const struct shared_cost *after = &new->shared_costs[i];
        const struct shared_cost *before = definitions_shared_cost(old, after->event);
        shared_cost_words(comparing, new, after, is);
        if (before)
            shared_cost_words(comparing, old, before, was);
        if (!before)
            compare_differ(comparing, false, false, "%s", is);
        else if (strcmp(was, is) != 0)
            compare_differ(comparing, false, false, "was %s, is %s", was, is);
        if (before && !filters_equal(before->filters, before->filter_count, after->filters, after->filter_count))
            compare_differ(comparing, false, false, "other events count");
        compare_tell(comparing, before ? CHANGE_CHANGED : CHANGE_ADDED, CHANGE_OF_SHARED_COST,
            definitions_event_type_by_number(new, after->event)->name);
    }
    for (size_t i = 0; i < old->shared_cost_count; i++) {
        if (definitions_shared_cost(new, old->shared_costs[i].event))
            continue;
        compare_differ(comparing, true, false, "events without an identifier are refused");
        compare_tell(comparing, CHANGE_REMOVED, CHANGE_OF_SHARED_COST,
            definitions_event_type_by_number(old, old->shared_costs[i].event)->name);
    }
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

void definitions_compare(const struct definitions *before, const struct definitions *after, struct arena *arena,
    struct changes *changes)
{
    *changes = (struct changes){0};
    struct comparing comparing = {.old = before, .new = after, .arena = arena, .changes = changes};
    compare_settings(&comparing);
    compare_identifiers(&comparing);
    compare_identity(&comparing);
    compare_events(&comparing);
    compare_matching(&comparing);
    compare_shared_costs(&comparing);
    compare_features(&comparing, false);
    compare_features(&comparing, true);
    compare_services(&comparing);
    encoder_clear(&comparing.words);
    struct change *list = arena_array(arena, changes->count, sizeof *list);
    if (changes->count)
        memcpy(list, changes->list, changes->count * sizeof *list);
    memory_free(changes->list);
    changes->list = list;
    changes->capacity = changes->count;
}

const char *change_kind_name(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_ADDED:
        return "added";
    case CHANGE_REMOVED:
        return "removed";
    case CHANGE_CHANGED:
        return "changed";
    }
    IMPOSSIBLE("a change of no kind");
}

const char *change_what_name(enum change_what what)
{
    switch (what) {
    case CHANGE_OF_SETTING:
        return "setting";
    case CHANGE_OF_IDENTIFIER:
        return "identifier";
    case CHANGE_OF_EVENT:
        return "event";
    case CHANGE_OF_ATTRIBUTE:
        return "attribute";
    case CHANGE_OF_FEATURE:
        return "feature";
    case CHANGE_OF_DERIVED:
        return "derived feature";
    case CHANGE_OF_SERVICE:
        return "service";
    case CHANGE_OF_SHARED_COST:
        return "shared cost";
    }
    IMPOSSIBLE("a change of nothing");
}
