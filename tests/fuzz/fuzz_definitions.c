/* Any bytes as definitions: refused in words that are UTF-8, or taken, and then whole. */
#include "store/definitions/definitions.h"
#include "tests/fuzz/fuzz.h"

static const char first_version[] = "identifiers: {customer_id: {max: 1}, email: {normalize: email}}\n"
                                    "events: {order: {amount: money, channel: string}, refund: {amount: money}}\n";

static void check_events(const struct definitions *definitions)
{
    for (size_t i = 0; i < definitions->event_count; i++) {
        const struct event_type *event = &definitions->events[i];
        CHECK(definitions_event_type(definitions, event->name) == event);
        CHECK(event->number < definitions->event_count);
        CHECK(definitions_event_type_by_number(definitions, event->number) == event);
        for (size_t j = 0; j < event->attribute_count; j++) {
            CHECK(event->attributes[j].number == j);
            CHECK(event_type_attribute(event, event->attributes[j].name) == &event->attributes[j]);
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

static void check_features(const struct definitions *definitions)
{
    struct arena arena = {0};
    struct selection selection;
    for (size_t i = 0; i < definitions->feature_count; i++) {
        const struct feature *feature = &definitions->features[i];
        CHECK(definitions_select(definitions, (struct bytes){0}, &feature->name, 1, &arena, &selection, NULL) ==
            PATRON_OK);
        CHECK(selection.count == 1 && selection.features[0] == i);
        CHECK(feature->event < definitions->event_count);
        CHECK(feature->attribute < (int32_t)definitions->events[feature->event].attribute_count);
        CHECK(value_type_name(feature->type) != NULL);
        for (size_t j = 0; j < feature->filter_count; j++)
            CHECK(feature->filters[j].attribute < definitions->events[feature->event].attribute_count);
        CHECK(feature->window_us >= 0 && feature->window_us <= WINDOW_DAYS_MAX * MICROSECONDS_PER_DAY);
    }
    for (size_t i = 0; i < definitions->service_count; i++) {
        const struct service *service = &definitions->services[i];
        CHECK(definitions_select(definitions, service->name, NULL, 0, &arena, &selection, NULL) == PATRON_OK);
        CHECK(selection.count > 0 && selection.count <= READ_FEATURES_MAX);
        for (size_t j = 0; j < selection.count; j++)
            CHECK(selection.features[j] < definitions->feature_count);
    }
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    const struct definitions *before, *made, *again;
    if (definitions_parse(bytes_from_string(first_version), NULL, 1, false, &before, &error) != PATRON_OK)
        IMPOSSIBLE("the first version is good");
    const struct definitions *previous[] = {NULL, before};
    for (int i = 0; i < 2; i++) {
        if (definitions_parse(bytes_of(data, size), previous[i], 2, false, &made, &error) != PATRON_OK) {
            CHECK(made == NULL);
            CHECK(error.text[0] != '\0' && bytes_are_utf8(bytes_from_string(error.text)));
            continue;
        }
        check_events(made);
        check_features(made);
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
