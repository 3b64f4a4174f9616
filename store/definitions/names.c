#include <stdlib.h>

#include "store/definitions/parse.h"

static int selectable_compare(const void *left, const void *right)
{
    const struct selectable *a = left, *b = right;
    return bytes_compare(a->name, b->name);
}

/* Room for one more at the end of an array in scratch that grows by doubling. */
static void *grown(struct parse *parse, void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 64;
    void *larger = arena_array(parse->scratch, *capacity, size);
    if (count)
        memcpy(larger, array, count * size);
    return larger;
}

static void selectable_enter(struct parse *parse, struct bytes name, size_t count)
{
    struct names *names = &parse->names;
    names->selectables = grown(parse, names->selectables, names->selectable_count, &names->selectable_capacity,
        sizeof *names->selectables);
    names->selectables[names->selectable_count++] =
        (struct selectable){name, (uint32_t)names->feature_count, (uint32_t)count};
}

void feature_enter(struct parse *parse, const struct feature *feature, struct bytes name)
{
    struct names *names = &parse->names;
    if (names->feature_count == FEATURES_MAX) {
        names->refused++;
        return;
    }
    selectable_enter(parse, name, 1);
    names->features =
        grown(parse, names->features, names->feature_count, &names->feature_capacity, sizeof *names->features);
    names->features[names->feature_count] = *feature;
    names->features[names->feature_count++].name = name;
}

void family_enter(struct parse *parse, struct bytes name, const struct feature *members, size_t count)
{
    if (parse->names.feature_count + count > FEATURES_MAX) { /* whole or not at all */
        parse->names.refused += count;
        return;
    }
    selectable_enter(parse, name, count);
    for (size_t i = 0; i < count; i++)
        feature_enter(parse, &members[i], members[i].name);
}

void features_finish(struct parse *parse, const struct tree_node *at)
{
    struct names *names = &parse->names;
    if (names->refused) {
        parse_mistake(parse, at,
            "features are too many with the members of families and those derived: %zu (at most %d)",
            names->feature_count + names->refused, FEATURES_MAX);
        parse->features_unread = true;
        names->refused = 0;
    }
    struct feature *features = arena_array(parse->memory, names->feature_count, sizeof *features);
    struct selectable *selectables = arena_array(parse->memory, names->selectable_count, sizeof *selectables);
    if (names->feature_count) {
        memcpy(features, names->features, names->feature_count * sizeof *features);
        memcpy(selectables, names->selectables, names->selectable_count * sizeof *selectables);
    }
    qsort(selectables, names->selectable_count, sizeof *selectables, selectable_compare);
    parse->made->features = features;
    parse->made->feature_count = names->feature_count;
    parse->made_memory->selectables = selectables;
    parse->made_memory->selectable_count = names->selectable_count;
}
