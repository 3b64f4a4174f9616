/* What a change of identity does to customers and their features, printed. */
#include <string.h>

#include "client/identity.h"
#include "client/table.h"
#include "client/values.h"
#include "client/visible.h"
#include "store/base/time_text.h"

/* Side by side while they fit a screen. */
enum { SIDES_ACROSS_MAX = 6, IDENTIFIERS_SHOWN_MAX = 20, CELL_TEXT_MAX = 2048 };

static enum patron_code columns_check(
    Patron__V1__Column *const *columns, size_t count, size_t rows, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(column_check(columns[i], rows, error));
    return PATRON_OK;
}

enum patron_code effect_check(const Patron__V1__IdentityEffect *effect, struct error *error)
{
    if (effect->n_features_before != effect->n_features_after)
        return error_set(error, PATRON_CORRUPT, "the server's effect has not the same features before and after");
    TRY(columns_check(effect->features_before, effect->n_features_before, effect->n_before, error));
    return columns_check(effect->features_after, effect->n_features_after, effect->n_after, error);
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static struct json_object *sides_json(
    Patron__V1__IdentitySide *const *sides, size_t count, Patron__V1__Column *const *columns, size_t column_count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_new_object(), *features = json_object_new_object();
        json_object_object_add(one, "customer", json_object_new_uint64(sides[i]->customer));
        json_object_object_add(one, "identifiers", nodes_json(sides[i]->nodes, sides[i]->n_nodes));
        json_object_object_add(one, "events", json_object_new_uint64(sides[i]->events));
        json_object_object_add(one, "features", features);
        for (size_t c = 0; c < column_count; c++)
            json_object_object_add(features, columns[c]->name, column_json(columns[c], i));
        json_object_array_add(list, one);
    }
    return list;
}

struct json_object *effect_json(const Patron__V1__IdentityEffect *effect)
{
    if (!effect || effect_check(effect, NULL) != PATRON_OK)
        return NULL;
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "as_of", moment_json(effect->as_of_us));
    json_object_object_add(one, "definitions_version", json_object_new_int64(effect->definitions_version));
    json_object_object_add(one, "before",
        sides_json(effect->before, effect->n_before, effect->features_before, effect->n_features_before));
    json_object_object_add(one, "after",
        sides_json(effect->after, effect->n_after, effect->features_after, effect->n_features_after));
    json_object_object_add(one, "after_total", json_object_new_uint64(effect->after_total));
    return one;
}

/* --- for people --------------------------------------------------------------------------------------------------- */

static void side_print(const char *when, const Patron__V1__IdentitySide *side)
{
    printf("%-7s customer %llu: %zu identifier%s, %llu event%s\n", when, (unsigned long long)side->customer,
        side->n_nodes, side->n_nodes == 1 ? "" : "s", (unsigned long long)side->events,
        side->events == 1 ? "" : "s");
    for (size_t i = 0; i < side->n_nodes && i < IDENTIFIERS_SHOWN_MAX; i++) {
        char text[NODE_TEXT_MAX];
        fputs("          ", stdout);
        visible_print(node_text(side->nodes[i], text), stdout);
        putchar('\n');
    }
    if (side->n_nodes > IDENTIFIERS_SHOWN_MAX)
        printf("          and %zu more\n", side->n_nodes - IDENTIFIERS_SHOWN_MAX);
}

static const char *cell_text(const Patron__V1__Column *column, size_t row, char text[CELL_TEXT_MAX])
{
    char scratch[VALUE_TEXT_MAX], remark[VALUE_TEXT_MAX];
    const char *value = column_text(column, row, scratch);
    column_remark(column, row, remark);
    snprintf(text, CELL_TEXT_MAX, "%s%s", value ? value : "-", remark);
    return text;
}

/* The same before and after, whichever customer is asked. */
static bool is_unchanged(const Patron__V1__IdentityEffect *effect, size_t feature)
{
    char first[CELL_TEXT_MAX], other[CELL_TEXT_MAX];
    if (effect->n_before == 0 || effect->n_after == 0)
        return false;
    cell_text(effect->features_before[feature], 0, first);
    for (size_t i = 1; i < effect->n_before; i++)
        if (strcmp(first, cell_text(effect->features_before[feature], i, other)) != 0)
            return false;
    for (size_t i = 0; i < effect->n_after; i++)
        if (strcmp(first, cell_text(effect->features_after[feature], i, other)) != 0)
            return false;
    return true;
}

static void header_add(struct table *table, const char *when, const Patron__V1__IdentitySide *side, size_t column)
{
    char text[64];
    snprintf(text, sizeof text, "%s %llu", when, (unsigned long long)side->customer);
    table_add(table, text);
    table_align_right(table, column);
}

void effect_features_print(const Patron__V1__IdentityEffect *effect)
{
    size_t same = 0;
    struct table table;
    table_open(&table, 1 + effect->n_before + effect->n_after);
    table_add(&table, "feature");
    for (size_t i = 0; i < effect->n_before; i++)
        header_add(&table, "before:", effect->before[i], 1 + i);
    for (size_t i = 0; i < effect->n_after; i++)
        header_add(&table, "after:", effect->after[i], 1 + effect->n_before + i);
    for (size_t c = 0; c < effect->n_features_before; c++) {
        char cell[CELL_TEXT_MAX];
        if (is_unchanged(effect, c)) {
            same++;
            continue;
        }
        table_add(&table, effect->features_before[c]->name);
        for (size_t i = 0; i < effect->n_before; i++)
            table_add(&table, cell_text(effect->features_before[c], i, cell));
        for (size_t i = 0; i < effect->n_after; i++)
            table_add(&table, cell_text(effect->features_after[c], i, cell));
    }
    putchar('\n');
    if (same < effect->n_features_before)
        table_print(&table, stdout);
    if (same > 0)
        printf("%zu feature%s the same for all\n", same, same == 1 ? " is" : "s are");
    table_close(&table);
}

enum patron_code effect_print(const Patron__V1__IdentityEffect *effect, struct error *error)
{
    TRY(effect_check(effect, error));
    for (size_t i = 0; i < effect->n_before; i++)
        side_print("before:", effect->before[i]);
    size_t shown = effect->n_after < IDENTIFIERS_SHOWN_MAX ? effect->n_after : IDENTIFIERS_SHOWN_MAX;
    for (size_t i = 0; i < shown; i++)
        side_print("after:", effect->after[i]);
    if (effect->after_total > shown)
        printf("        and %llu customers more\n", (unsigned long long)(effect->after_total - shown));
    if (effect->n_before + effect->n_after <= SIDES_ACROSS_MAX)
        effect_features_print(effect);
    else
        puts("\n-o json tells the features of so many customers");
    return PATRON_OK;
}
