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

static void check_identifiers(const struct definitions *definitions)
{
    static const char *const values[] = {"", "a@b.c", "0000-0000", "\xc3\xa9t\xc3\xa9", "\xff"};
    bool linking = false;
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        const struct identifier_type *type = &definitions->identifiers[i];
        linking = linking || !type->never_links;
        CHECK(type->max <= CUSTOMER_NODES_MAX && type->max_per_us >= 0);
        CHECK(type->max > 0 || type->max_per_us == 0);
        CHECK(!type->unique || type->max == 0);
        CHECK(type->never_link_pattern_count <= NEVER_LINK_PATTERNS_MAX);
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            bool first = identifier_never_links(type, bytes_from_string(values[j]));
            CHECK(identifier_never_links(type, bytes_from_string(values[j])) == first);
            CHECK(first || !type->never_links);
        }
    }
    CHECK(linking);
}

static void check_identity(const struct definitions *definitions)
{
    const struct identity_rules *rules = &definitions->identity;
    CHECK(rules->size_max > 0 && rules->size_max <= CUSTOMER_NODES_MAX && rules->size_review < rules->size_max);
    CHECK(rules->bridge_established <= CUSTOMER_NODES_MAX && rules->review_expires_us > 0);
    CHECK(rules->value_feature >= -1 && rules->value_feature < (int32_t)definitions->feature_count);
    bool by_value = rules->has_review_either || rules->has_review_both;
    CHECK(rules->value_feature >= 0 || !by_value);
    CHECK(by_value || !rules->has_second_person);
    if (rules->value_feature >= 0)
        CHECK(definitions->features[rules->value_feature].window_us == 0);
}

static void check_matching(const struct definitions *definitions)
{
    const struct matching_rules *rules = definitions->matching;
    if (!rules)
        return;
    const struct event_type *event = definitions_event_type_by_number(definitions, rules->event);
    CHECK(event && event->sealed && !event->retired);
    CHECK(rules->column_count > 0 && rules->column_count <= MATCH_COLUMNS_MAX);
    for (size_t i = 0; i < rules->column_count; i++) {
        CHECK(rules->columns[i].attribute < event->attribute_count && rules->columns[i].kind < MATCH_KIND_COUNT);
        const struct attribute *attribute = &event->attributes[rules->columns[i].attribute];
        CHECK(attribute->type == ATTRIBUTE_TEXT || attribute->type == ATTRIBUTE_INTEGER);
    }
    CHECK(rules->block_count <= MATCH_BLOCKS_MAX);
    for (size_t i = 0; i < rules->block_count; i++) {
        CHECK(rules->blocks[i].part_count > 0 && rules->blocks[i].part_count <= MATCH_BLOCK_PARTS_MAX);
        for (size_t j = 0; j < rules->blocks[i].part_count; j++) {
            const struct match_part *part = &rules->blocks[i].parts[j];
            CHECK(part->column < rules->column_count);
            CHECK((part->length > 0) == (part->form == MATCH_PART_PREFIX));
        }
    }
    CHECK(rules->review_probability > 0.5 && rules->review_probability < rules->link_probability);
    CHECK(rules->link_probability < 1 && rules->block_records_max >= 2);
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
        check_identifiers(made);
        check_identity(made);
        check_matching(made);
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
