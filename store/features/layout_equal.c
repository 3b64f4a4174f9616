#include "store/features/layout_equal.h"

static bool scalars_equal(const struct scalar *a, const struct scalar *b)
{
    return a->type == b->type && a->number == b->number && bytes_equal(a->text, b->text);
}

static bool filters_equal(const struct filter *a, size_t a_count, const struct filter *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        const struct filter *x = &a[i], *y = &b[i];
        if (x->attribute != y->attribute || x->value_count != y->value_count || x->has_low != y->has_low ||
            x->has_high != y->has_high)
            return false;
        for (size_t j = 0; j < x->value_count; j++)
            if (!scalars_equal(&x->values[j], &y->values[j]))
                return false;
        if (x->has_low && (x->low_open != y->low_open || !scalars_equal(&x->low, &y->low)))
            return false;
        if (x->has_high && (x->high_open != y->high_open || !scalars_equal(&x->high, &y->high)))
            return false;
    }
    return true;
}

static bool tiers_equal(const struct tier_layout *a, const struct tier_layout *b)
{
    if (a->aggregate_count != b->aggregate_count || a->window_max_us != b->window_max_us)
        return false;
    for (size_t i = 0; i < a->aggregate_count; i++) {
        const struct aggregate *x = &a->aggregates[i], *y = &b->aggregates[i];
        if (x->kind != y->kind || x->attribute != y->attribute || x->by_attribute != y->by_attribute ||
            !filters_equal(x->filters, x->filter_count, y->filters, y->filter_count) ||
            !filters_equal(x->matching, x->matching_count, y->matching, y->matching_count))
            return false;
    }
    return true;
}

/* A type that only one of them has takes no byte of a profile if nothing is accumulated of it. */
bool layout_equal(const struct layout *a, const struct layout *b)
{
    if (!bytes_equal(a->definitions->time_zone_name, b->definitions->time_zone_name))
        return false;
    static const struct type_layout nothing;
    size_t most = a->type_count > b->type_count ? a->type_count : b->type_count;
    for (size_t i = 0; i < most; i++)
        for (enum tier tier = TIER_LIFETIME; tier < TIER_COUNT; tier++)
            if (!tiers_equal(&(i < a->type_count ? &a->types[i] : &nothing)->tiers[tier],
                    &(i < b->type_count ? &b->types[i] : &nothing)->tiers[tier]))
                return false;
    return true;
}
