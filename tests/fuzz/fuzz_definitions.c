/* Any bytes as definitions: refused in words that are UTF-8, or taken, and then whole. */
#include "store/definitions/compare.h"
#include "store/definitions/definitions.h"
#include "store/definitions/describe.h"
#include "tests/fuzz/fuzz.h"

static const char first_version[] = "identifiers: {customer_id: {max: 1}, email: {normalize: email}}\n"
                                    "events: {order: {amount: money, channel: string}, refund: {amount: money}}\n";

static void check_events(const struct definitions *definitions)
{
    for (size_t i = 0; i < definitions->event_count; i++) {
        const struct event_type *event = &definitions->events[i];
        CHECK((definitions_event_type(definitions, event->name) == event) == !event->retired);
        CHECK(event->number < definitions->event_count);
        CHECK(definitions_event_type_by_number(definitions, event->number) == event);
        for (size_t j = 0; j < event->attribute_count; j++) {
            CHECK(event->attributes[j].number == j);
            CHECK((event_type_attribute(event, event->attributes[j].name) == &event->attributes[j]) ==
                !event->attributes[j].retired);
            CHECK(attribute_type_name(event->attributes[j].type) != NULL);
        }
    }
    bool numbers[IDENTIFIER_TYPES_MAX] = {false};
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        const struct identifier_type *type = &definitions->identifiers[i];
        CHECK(definitions_identifier_type(definitions, type->name) == type);
        CHECK(type->number < definitions->identifier_count && !numbers[type->number]);
        numbers[type->number] = true;
        for (size_t j = 0; j < type->never_link_count; j++)
            CHECK(identifier_never_links(type, type->never_link[j]));
    }
}

static int scalar_compare(const struct scalar *a, const struct scalar *b)
{
    CHECK(a->type == b->type);
    if (a->type == ATTRIBUTE_TEXT)
        return bytes_compare(a->text, b->text);
    return (a->number > b->number) - (a->number < b->number);
}

static void check_filters(const struct event_type *event, const struct filter *filters, size_t count)
{
    CHECK(count <= EVENT_ATTRIBUTES_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct filter *filter = &filters[i];
        CHECK(filter->attribute < event->attribute_count);
        CHECK((filter->value_count > 0) != (filter->has_low || filter->has_high));
        CHECK(filter->value_count <= FILTER_VALUES_MAX);
        for (size_t j = 0; j < filter->value_count; j++) {
            CHECK(filter->values[j].type == event->attributes[filter->attribute].type);
            CHECK(j == 0 || scalar_compare(&filter->values[j - 1], &filter->values[j]) < 0);
        }
        if (filter->has_low && filter->has_high)
            CHECK(scalar_compare(&filter->low, &filter->high) <= 0);
    }
}

static void check_fallback(const struct feature *feature, const struct value *fallback)
{
    if (!fallback)
        return;
    CHECK(fallback->status == STATUS_DEFAULT);
    CHECK(fallback->type == feature->type);
    CHECK(fallback->text.length <= TEXT_ATTRIBUTE_BYTES_MAX);
}

static void check_words(struct bytes description, struct bytes owner, const struct bytes *tags, size_t tag_count)
{
    CHECK(description.length <= ABOUT_BYTES_MAX && owner.length <= ABOUT_BYTES_MAX && tag_count <= TAGS_MAX);
    for (size_t i = 0; i < tag_count; i++)
        CHECK(tags[i].length <= TAG_BYTES_MAX);
}

static void check_feature(const struct definitions *definitions, const struct feature *feature)
{
    CHECK(feature->event < definitions->event_count);
    const struct event_type *event = &definitions->events[feature->event];
    int32_t attributes = (int32_t)event->attribute_count;
    CHECK(feature->attribute >= -1 && feature->attribute < attributes);
    CHECK(feature->by_attribute >= -1 && feature->by_attribute < attributes);
    CHECK(value_type_name(feature->type) != NULL);
    check_filters(event, feature->filters, feature->filter_count);
    check_filters(event, feature->matching, feature->matching_count);
    CHECK((feature->matching_count > 0) == (feature->aggregation == AGGREGATION_RATIO));
    CHECK((feature->half_life_us > 0) == (feature->aggregation == AGGREGATION_DECAYED));
    CHECK((feature->expression != NULL) == (feature->aggregation == AGGREGATION_DERIVED));
    CHECK(feature->rank < TOP_VALUES_MAX);
    CHECK(feature->window_us >= 0 && feature->offset_us >= 0 && feature->max_age_us >= 0);
    CHECK(feature->window_us + feature->offset_us <= WINDOW_DAYS_MAX * MICROSECONDS_PER_DAY);
    CHECK(feature->window_us > 0 || feature->offset_us == 0);
    check_fallback(feature, feature->fallback);
    check_words(feature->description, feature->owner, feature->tags, feature->tag_count);
    struct bytes text = definitions->text, written = feature->written;
    CHECK(written.length > 0 && written.data >= text.data && written.data + written.length <= text.data + text.length);
}

static void check_selection(const struct definitions *definitions, const struct selection *selection)
{
    CHECK(selection->count > 0 && selection->count <= READ_FEATURES_MAX);
    for (size_t i = 0; i < selection->count; i++) {
        CHECK(selection->features[i] < definitions->feature_count);
        if (selection->fallbacks)
            check_fallback(&definitions->features[selection->features[i]], selection->fallbacks[i]);
    }
}

static void check_features(const struct definitions *definitions)
{
    struct arena arena = {0};
    struct selection selection;
    for (size_t i = 0; i < definitions->feature_count; i++) {
        const struct feature *feature = &definitions->features[i];
        CHECK(definitions_select(definitions, (struct bytes){0}, &feature->name, 1, &arena, &selection, NULL) ==
            PATRON_OK);
        CHECK(selection.count == 1 && selection.features[0] == i);
        check_feature(definitions, feature);
    }
    for (size_t i = 0; i < definitions->service_count; i++) {
        const struct service *service = &definitions->services[i];
        CHECK(definitions_select(definitions, service->name, NULL, 0, &arena, &selection, NULL) == PATRON_OK);
        check_selection(definitions, &selection);
        check_words(service->description, service->owner, service->tags, service->tag_count);
    }
    arena_clear(&arena);
}

/* With itself there is no difference; with the one before there may be, and each is told in words. */
static void check_compare(const struct definitions *before, const struct definitions *made)
{
    struct arena arena = {0};
    struct changes changes;
    definitions_compare(made, made, &arena, &changes);
    CHECK(changes.count == 0 && !changes.breaking && !changes.refill);
    for (size_t i = 0; i < made->feature_count; i++)
        CHECK(describe_feature(made, &made->features[i], &arena).length > 0);
    if (before) {
        definitions_compare(before, made, &arena, &changes);
        for (size_t i = 0; i < changes.count; i++) {
            CHECK(changes.list[i].name.length > 0 && bytes_are_utf8(changes.list[i].name));
            CHECK(bytes_are_utf8(bytes_from_string(changes.list[i].words)));
            CHECK(changes.list[i].kind != CHANGE_CHANGED || changes.list[i].words[0] != '\0');
        }
    }
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    const struct definitions *before, *made, *again;
    if (definitions_parse(bytes_from_string(first_version), NULL, 1, false, &before, &error) != PATRON_OK)
        IMPOSSIBLE("the first version is good");
    const struct definitions *previous[] = {NULL, before, before};
    for (int i = 0; i < 3; i++) {
        bool forced = i == 2;
        if (definitions_parse(bytes_of(data, size), previous[i], 2, forced, &made, &error) != PATRON_OK) {
            CHECK(made == NULL);
            CHECK(error.text[0] != '\0' && bytes_are_utf8(bytes_from_string(error.text)));
            continue;
        }
        check_events(made);
        check_features(made);
        check_compare(previous[i], made);
        (void)time_zone_day(made->zone, INT64_MIN);
        (void)time_zone_day(made->zone, INT64_MAX);
        /* What was taken once is taken as the version after itself, with the same numbers. */
        CHECK(definitions_parse(bytes_of(data, size), made, 3, false, &again, &error) == PATRON_OK);
        for (size_t j = 0; j < made->event_count; j++)
            CHECK(again->events[j].number == made->events[j].number);
        definitions_release(again);
        definitions_release(made);
    }
    definitions_release(before);
    return 0;
}
