#include "store/features/top.h"

static const struct accumulator too_many = {.count = TOP_TRACKED_MAX + 1};

static bool is_too_many(const struct accumulator *accumulator)
{
    return accumulator->count > TOP_TRACKED_MAX;
}

void top_add(struct accumulator *accumulator, const struct scalar *value, int128 by, struct arena *arena)
{
    if (is_too_many(accumulator))
        return;
    struct top_value *values = accumulator->top.values;
    size_t low = 0, high = accumulator->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = scalar_compare(&values[middle].value, value);
        if (order == 0) {
            values[middle].count++;
            values[middle].sum = exact_add(values[middle].sum, by);
            return;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (accumulator->count == TOP_TRACKED_MAX) {
        *accumulator = too_many;
        return;
    }
    if (accumulator->count == accumulator->top.capacity) {
        size_t capacity = accumulator->top.capacity ? 2 * accumulator->top.capacity : 2;
        values = arena_array(arena, capacity, sizeof *values);
        if (accumulator->count)
            memcpy(values, accumulator->top.values, accumulator->count * sizeof *values);
        accumulator->top.values = values;
        accumulator->top.capacity = capacity;
    }
    memmove(values + low + 1, values + low, (accumulator->count - low) * sizeof *values);
    values[low] = (struct top_value){*value, 1, by};
    values[low].value.text = arena_copy(arena, value->text);
    accumulator->count++;
}

void top_merge(struct accumulator *into, const struct accumulator *from, struct arena *arena)
{
    if (is_too_many(into) || is_too_many(from)) {
        *into = too_many;
        return;
    }
    const struct top_value *a = into->top.values, *b = from->top.values;
    size_t i = 0, j = 0, capacity = into->count + from->count;
    struct top_value *merged = arena_array(arena, capacity, sizeof *merged);
    uint64_t count = 0;
    while (i < into->count || j < from->count) {
        int order = i == into->count ? 1 : j == from->count ? -1 : scalar_compare(&a[i].value, &b[j].value);
        merged[count] = order <= 0 ? a[i++] : b[j++];
        if (order == 0) {
            merged[count].count += b[j].count;
            merged[count].sum = exact_add(merged[count].sum, b[j++].sum);
        }
        count++;
    }
    *into = count > TOP_TRACKED_MAX
        ? too_many
        : (struct accumulator){.count = count, .top = {.values = merged, .capacity = capacity}};
}

/* --- unions that take no memory ------------------------------------------------------------------------------- */

void top_join_init(struct top_join *join)
{
    join->entries = join->buffers[0];
    join->count = 0;
}

static struct top_entry entry_of(const struct top_value *value)
{
    return (struct top_entry){&value->value, value->count, value->sum};
}

/* One by one, for a state much smaller than what is there: most values are there already. */
static void join_insert(struct top_join *join, const struct top_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t low = 0, high = join->count;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (scalar_compare(join->entries[middle].value, &values[i].value) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        struct top_entry *place = &join->entries[low];
        if (low < join->count && scalar_compare(place->value, &values[i].value) == 0) {
            place->count += values[i].count;
            place->sum = exact_add(place->sum, values[i].sum);
            continue;
        }
        if (join->count == TOP_TRACKED_MAX) {
            join->entries = NULL;
            return;
        }
        memmove(place + 1, place, (join->count - low) * sizeof *place);
        *place = entry_of(&values[i]);
        join->count++;
    }
}

/* Side by side, into the other buffer. */
static void join_merge(struct top_join *join, const struct top_value *values, size_t count)
{
    struct top_entry *merged = join->entries == join->buffers[0] ? join->buffers[1] : join->buffers[0];
    size_t made = 0, i = 0, j = 0;
    while (i < join->count || j < count) {
        if (made == TOP_TRACKED_MAX) {
            join->entries = NULL;
            return;
        }
        int order = i == join->count ? 1 : j == count ? -1 : scalar_compare(join->entries[i].value, &values[j].value);
        merged[made] = order <= 0 ? join->entries[i++] : entry_of(&values[j++]);
        if (order == 0) {
            merged[made].count += values[j].count;
            merged[made].sum = exact_add(merged[made].sum, values[j++].sum);
        }
        made++;
    }
    join->entries = merged;
    join->count = made;
}

void top_join_take(struct top_join *join, const struct accumulator *accumulator)
{
    if (!join->entries || accumulator->count == 0)
        return;
    if (is_too_many(accumulator))
        join->entries = NULL;
    else if (accumulator->count < join->count / 16)
        join_insert(join, accumulator->top.values, accumulator->count);
    else
        join_merge(join, accumulator->top.values, accumulator->count);
}

/* Entries come in order of their values, so that of two that are equal the earlier one stays before. */
void top_join_best(const struct top_join *join, bool by_sum, struct top_best *best)
{
    const struct top_entry *places[TOP_VALUES_MAX];
    size_t taken = 0;
    for (size_t i = 0; join->entries && i < join->count; i++) {
        const struct top_entry *entry = &join->entries[i];
        size_t place = taken;
        while (place > 0 &&
            (by_sum ? entry->sum > places[place - 1]->sum : entry->count > places[place - 1]->count))
            place--;
        if (place == TOP_VALUES_MAX)
            continue;
        taken += taken < TOP_VALUES_MAX;
        memmove(places + place + 1, places + place, (taken - place - 1) * sizeof *places);
        places[place] = entry;
    }
    for (size_t i = 0; i < TOP_VALUES_MAX; i++)
        best->values[i] = i < taken ? places[i]->value : NULL;
}
