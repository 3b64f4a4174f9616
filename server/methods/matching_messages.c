#include "server/methods/matching_messages.h"

static const char *const kind_words[MATCH_KIND_COUNT] = {
#define X(kind, word) [kind] = word,
    MATCH_KINDS(X)
#undef X
};

static char *text(const char *words)
{
    return (char *)(uintptr_t)words; /* protobuf-c's strings are not const */
}

static Patron__V1__ComparisonLevel *level_message(const struct matching *matching, const struct match_model *model,
    size_t comparison, size_t level, struct arena *arena)
{
    const struct match_level from = match_model_level(&matching->plan, model, comparison, level);
    Patron__V1__ComparisonLevel *message = arena_alloc(arena, sizeof *message);
    patron__v1__comparison_level__init(message);
    message->name = text(from.name);
    message->m = from.m;
    message->u = from.u;
    message->weight = from.weight;
    message->estimated = from.estimated;
    return message;
}

static Patron__V1__Comparison *comparison_message(
    const struct matching *matching, const struct match_model *model, size_t comparison, struct arena *arena)
{
    const struct match_comparison *from = &matching->plan.comparisons[comparison];
    const struct matching_rules *rules = matching->plan.rules;
    const struct event_type *type = definitions_event_type_by_number(matching->definitions, rules->event);
    CHECK(type);
    Patron__V1__Comparison *message = arena_alloc(arena, sizeof *message);
    patron__v1__comparison__init(message);
    message->column = arena_string(arena, type->attributes[rules->columns[from->column].attribute].name);
    message->kind = text(kind_words[from->kind]);
    message->n_levels = match_level_count(from->kind);
    message->levels = arena_array(arena, message->n_levels, sizeof *message->levels);
    for (size_t i = 0; i < message->n_levels; i++)
        message->levels[i] = level_message(matching, model, comparison, i, arena);
    return message;
}

static void model_fill(const struct matching *matching, const struct match_model *model, bool parameters,
    struct arena *arena, Patron__V1__Model *message)
{
    const struct match_training *training = match_model_training(model);
    message->usable = true;
    message->records = training->records;
    message->random_pairs = training->random_pairs;
    message->blocked_pairs = training->blocked_pairs;
    message->passes = training->passes;
    message->iterations = training->iterations;
    message->converged = training->converged;
    message->prior = training->prior;
    if (!parameters)
        return;
    message->n_comparisons = matching->plan.comparison_count;
    message->comparisons = arena_array(arena, message->n_comparisons, sizeof *message->comparisons);
    for (size_t i = 0; i < message->n_comparisons; i++)
        message->comparisons[i] = comparison_message(matching, model, i, arena);
}

enum patron_code matching_model_message(const struct view *view, const struct model_entry *entry, bool parameters,
    struct arena *arena, Patron__V1__Model **made, struct error *error)
{
    Patron__V1__Model *message = arena_alloc(arena, sizeof *message);
    patron__v1__model__init(message);
    message->number = entry->number;
    message->known_at_us = entry->known_at_us;
    message->definitions_version = entry->definitions_version;
    *made = message;
    if (!view->definitions->matching) {
        message->words = text("the definitions match no records");
        return PATRON_OK;
    }
    struct matching matching;
    struct match_model *model;
    struct error why;
    matching_init(&matching, view->definitions, view->key);
    enum patron_code code = model_load(view, entry, &matching, &model, &why);
    if (code == PATRON_OK) {
        model_fill(&matching, model, parameters, arena, message);
        match_model_free(model);
    } else if (code == PATRON_PRECONDITION) {
        message->words = arena_string(arena, bytes_from_string(why.text));
    }
    matching_clear(&matching);
    return code == PATRON_OK || code == PATRON_PRECONDITION ? PATRON_OK : error_set(error, code, "%s", why.text);
}
