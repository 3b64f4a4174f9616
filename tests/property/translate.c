#include "tests/property/translate.h"

static struct bytes bytes_of_text(struct oracle_text text)
{
    return bytes_of(text.data, text.length);
}

struct event_identifier translate_identifier(const struct oracle_identifier *identifier)
{
    return (struct event_identifier){bytes_of_text(identifier->type), bytes_of_text(identifier->value)};
}

struct event_input translate_event(struct arena *arena, const struct oracle_event *event)
{
    struct event_identifier *identifiers =
        arena_array(arena, event->identifier_count + 1, sizeof *identifiers);
    struct event_attribute *attributes = arena_array(arena, event->attribute_count + 1, sizeof *attributes);
    for (size_t i = 0; i < event->identifier_count; i++)
        identifiers[i] = translate_identifier(&event->identifiers[i]);
    for (size_t i = 0; i < event->attribute_count; i++) {
        const struct oracle_attribute *given = &event->attributes[i];
        attributes[i] = (struct event_attribute){.name = bytes_of_text(given->name),
            .kind = (enum attribute_kind)given->kind,
            .text = bytes_of_text(given->text),
            .integer = given->integer,
            .real = given->real,
            .flag = given->flag};
    }
    return (struct event_input){.source = bytes_of_text(event->source),
        .type = bytes_of_text(event->type),
        .id = bytes_of_text(event->id),
        .time_us = event->time_us,
        .identifiers = identifiers,
        .identifier_count = event->identifier_count,
        .attributes = attributes,
        .attribute_count = event->attribute_count,
        .has_known_at = event->has_known_at,
        .known_at_us = event->known_at_us};
}

static struct answer *answer_new(struct arena *arena, size_t value_count)
{
    struct answer *answer = arena_alloc(arena, sizeof *answer + value_count * sizeof answer->values[0]);
    answer->value_count = value_count;
    return answer;
}

struct answer *answer_of_store(struct arena *arena, const struct row *row, size_t value_count)
{
    struct answer *answer = answer_new(arena, value_count);
    answer->status = row->status;
    answer->customer = row->customer;
    answer->newest_event_time_us = row->newest_event_time_us;
    answer->newest_known_at_us = row->newest_known_at_us;
    for (size_t i = 0; i < value_count; i++) {
        const struct value *value = &row->values[i];
        struct bytes text = value->text.length > 0 ? arena_copy(arena, value->text) : (struct bytes){0};
        answer->values[i] = (struct oracle_value){.type = value->type,
            .status = value->status,
            .real = value->real,
            .integer = value->integer,
            .exact = value->exact,
            .text = {(const char *)text.data, text.length},
            .age_us = value->age_us};
    }
    return answer;
}

struct answer *answer_of_oracle(
    struct arena *arena, const struct oracle_row *row, const size_t *features, size_t count)
{
    struct answer *answer = answer_new(arena, count);
    answer->status = row->status;
    answer->customer = row->customer;
    answer->newest_event_time_us = row->newest_event_time_us;
    answer->newest_known_at_us = row->newest_known_at_us;
    for (size_t i = 0; i < count; i++)
        answer->values[i] = row->values[features ? features[i] : i];
    return answer;
}

struct answer *answer_part(
    struct arena *arena, const struct answer *answer, const size_t *places, size_t count)
{
    struct answer *part = answer_new(arena, count);
    memcpy(part, answer, sizeof *answer);
    part->value_count = count;
    for (size_t i = 0; i < count; i++)
        part->values[i] = answer->values[places[i]];
    return part;
}

struct answer *answer_copy(struct arena *arena, const struct answer *answer)
{
    struct answer *copy = answer_new(arena, answer->value_count);
    memcpy(copy, answer, sizeof *answer + answer->value_count * sizeof answer->values[0]);
    for (size_t i = 0; i < copy->value_count; i++) {
        struct oracle_text *text = &copy->values[i].text;
        text->data = (const char *)arena_copy(arena, bytes_of_text(*text)).data;
    }
    return copy;
}

void answer_served(struct answer *answer, const struct oracle_service *service)
{
    for (size_t i = 0; i < answer->value_count; i++)
        oracle_take_default(&answer->values[i], &service->defaults[i]);
}

static bool values_equal(const struct oracle_value *a, const struct oracle_value *b)
{
    if (a->type != b->type || a->status != b->status || a->age_us != b->age_us)
        return false;
    if (a->status == ORACLE_NULL || a->status == ORACLE_NOT_FOUND)
        return true;
    switch (a->type) {
    case ORACLE_VALUE_DOUBLE:
        return memcmp(&a->real, &b->real, sizeof a->real) == 0;
    case ORACLE_VALUE_MONEY:
        return memcmp(&a->real, &b->real, sizeof a->real) == 0 && a->exact == b->exact;
    case ORACLE_VALUE_STRING:
        return a->text.length == b->text.length &&
               (a->text.length == 0 || memcmp(a->text.data, b->text.data, a->text.length) == 0);
    default:
        return a->integer == b->integer;
    }
}

bool answer_equal(const struct answer *a, const struct answer *b)
{
    bool equal = a->status == b->status && a->customer == b->customer &&
                 a->newest_event_time_us == b->newest_event_time_us &&
                 a->newest_known_at_us == b->newest_known_at_us && a->value_count == b->value_count;
    for (size_t i = 0; equal && i < a->value_count; i++)
        equal = values_equal(&a->values[i], &b->values[i]);
    return equal;
}

static void print_value(FILE *to, const struct oracle_value *value)
{
    if (value->status != ORACLE_PRESENT)
        fputs(value->status == ORACLE_NULL        ? "null "
              : value->status == ORACLE_STALE     ? "stale "
              : value->status == ORACLE_DEFAULT   ? "default "
              : value->status == ORACLE_NOT_FOUND ? "not found "
                                                  : "?? ",
            to);
    if (value->age_us != 0)
        fprintf(to, "(age %lld) ", (long long)value->age_us);
    if (value->type == ORACLE_VALUE_DOUBLE)
        fprintf(to, "%.17g", value->real);
    else if (value->type == ORACLE_VALUE_MONEY)
        fprintf(to, "%.17g (exactly %lld * 2^64 + %llu)", value->real, (long long)(value->exact >> 64),
            (unsigned long long)value->exact);
    else if (value->type == ORACLE_VALUE_STRING)
        fprintf(to, "'%.*s'", (int)value->text.length, value->text.length ? value->text.data : "");
    else
        fprintf(to, "%lld", (long long)value->integer);
}

static void print_head(FILE *to, const char *name, const struct answer *answer)
{
    fprintf(to, "  %-8s status %d, customer %llu, newest event time %lld, newest known_at %lld\n", name,
        answer->status, (unsigned long long)answer->customer, (long long)answer->newest_event_time_us,
        (long long)answer->newest_known_at_us);
}

void answer_print_both(FILE *to, const struct oracle_definitions *definitions, const size_t *features,
    const char *a_name, const struct answer *a, const char *b_name, const struct answer *b)
{
    print_head(to, a_name, a);
    print_head(to, b_name, b);
    for (size_t i = 0; i < a->value_count && i < b->value_count; i++) {
        bool equal = values_equal(&a->values[i], &b->values[i]);
        fprintf(to, "  %s %-20s %s ", equal ? "  " : "!!",
            definitions->features[features ? features[i] : i].name, a_name);
        print_value(to, &a->values[i]);
        if (!equal) {
            fprintf(to, ", %s ", b_name);
            print_value(to, &b->values[i]);
        }
        fputc('\n', to);
    }
}
