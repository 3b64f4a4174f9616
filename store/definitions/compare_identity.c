#include <stdio.h>
#include <stdlib.h>

#include "store/definitions/comparing.h"
#include "store/definitions/describe.h"
#include "store/definitions/pattern.h"

enum { NUMBER_WORDS_MAX = 32 };

/* --- identifiers -------------------------------------------------------------------------------------------------- */

static size_t identifier_rank(const struct definitions *definitions, struct bytes name)
{
    return (size_t)(definitions_identifier_type(definitions, name) - definitions->identifiers);
}

static const char *count_words(uint32_t count, char words[NUMBER_WORDS_MAX])
{
    snprintf(words, NUMBER_WORDS_MAX, "%u", count);
    return count ? words : "none";
}

static void compare_flag(struct comparing *comparing, const char *name, bool before, bool after, bool breaking)
{
    if (before != after)
        compare_differ(comparing, breaking, false, "%s was %s, is %s", name, before ? "true" : "false",
            after ? "true" : "false");
}

/* Values are few where they change, and kept sorted. */
static size_t values_added(const struct identifier_type *before, const struct identifier_type *after)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < after->never_link_count; i++) {
        while (at < before->never_link_count && bytes_compare(before->never_link[at], after->never_link[i]) < 0)
            at++;
        count += at == before->never_link_count || !bytes_equal(before->never_link[at], after->never_link[i]);
    }
    return count;
}

static size_t patterns_added(const struct identifier_type *before, const struct identifier_type *after)
{
    size_t count = 0;
    for (size_t i = 0; i < after->never_link_pattern_count; i++) {
        bool found = false;
        for (size_t j = 0; j < before->never_link_pattern_count && !found; j++)
            found = bytes_equal(
                pattern_text(before->never_link_patterns[j]), pattern_text(after->never_link_patterns[i]));
        count += !found;
    }
    return count;
}

static void compare_list(struct comparing *comparing, const char *name, size_t added, size_t dropped)
{
    if (added > 0)
        compare_differ(comparing, false, false, "adds %zu to %s: what is stored of it loses its links", added, name);
    if (dropped > 0)
        compare_differ(comparing, false, false, "drops %zu from %s", dropped, name);
}

/* Types may not go, so that ranks differ by themselves or because of a new one before. */
static void compare_identifier(
    struct comparing *comparing, const struct identifier_type *before, const struct identifier_type *after)
{
    char was[NUMBER_WORDS_MAX], is[NUMBER_WORDS_MAX];
    if (before->max != after->max)
        compare_differ(comparing, false, false, "max was %s, is %s", count_words(before->max, was),
            count_words(after->max, is));
    if (before->max_per_us != after->max_per_us)
        compare_differ(comparing, false, false, "per was %s, is %s", compare_duration(comparing, before->max_per_us),
            compare_duration(comparing, after->max_per_us));
    compare_flag(comparing, "unique", before->unique, after->unique, false);
    compare_flag(comparing, "weak", before->weak, after->weak, false);
    compare_flag(comparing, "link", !before->never_links, !after->never_links, after->never_links);
    compare_flag(comparing, "keep", before->keep, after->keep, false);
    if (before->normalization != after->normalization)
        compare_differ(comparing, true, false, "normalize was %s, is %s",
            describe_normalization(before->normalization), describe_normalization(after->normalization));
    compare_list(comparing, "never_link", values_added(before, after), values_added(after, before));
    compare_list(comparing, "never_link_matching", patterns_added(before, after), patterns_added(after, before));
    size_t rank_before = identifier_rank(comparing->old, before->name);
    size_t rank_after = identifier_rank(comparing->new, after->name);
    if (rank_before != rank_after)
        compare_differ(comparing, false, false, "priority was %zu, is %zu", rank_before + 1, rank_after + 1);
    compare_tell(comparing, CHANGE_CHANGED, CHANGE_OF_IDENTIFIER, after->name);
}

void compare_identifiers(struct comparing *comparing)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    for (size_t i = 0; i < new->identifier_count; i++) {
        const struct identifier_type *after = &new->identifiers[i];
        const struct identifier_type *before = definitions_identifier_type(old, after->name);
        if (before)
            compare_identifier(comparing, before, after);
        else
            compare_tell(comparing, CHANGE_ADDED, CHANGE_OF_IDENTIFIER, after->name);
    }
}

/* --- identity ----------------------------------------------------------------------------------------------------- */

static void tell_rule(struct comparing *comparing, const char *name, const char *was, const char *is)
{
    if (strcmp(was, is) != 0)
        compare_differ(comparing, false, false, "was %s, is %s", was, is);
    compare_tell(comparing, CHANGE_CHANGED, CHANGE_OF_SETTING, bytes_from_string(name));
}

static void compare_count(struct comparing *comparing, const char *name, uint32_t before, uint32_t after)
{
    char was[NUMBER_WORDS_MAX], is[NUMBER_WORDS_MAX];
    tell_rule(comparing, name, count_words(before, was), count_words(after, is));
}

/* As many digits as tell any two apart. */
static const char *real_words(bool has, double value, char words[NUMBER_WORDS_MAX])
{
    snprintf(words, NUMBER_WORDS_MAX, "%.15g", value);
    if (strtod(words, NULL) != value)
        snprintf(words, NUMBER_WORDS_MAX, "%.17g", value);
    return has ? words : "none";
}

static void compare_amount(
    struct comparing *comparing, const char *name, const double *before, const double *after)
{
    char was[NUMBER_WORDS_MAX], is[NUMBER_WORDS_MAX];
    tell_rule(comparing, name, real_words(before, before ? *before : 0, was),
        real_words(after, after ? *after : 0, is));
}

static const char *value_feature_words(struct comparing *comparing, const struct definitions *definitions)
{
    int32_t feature = definitions->identity.value_feature;
    return feature < 0 ? "none" : compare_cut(comparing, definitions->features[feature].name);
}

void compare_identity(struct comparing *comparing)
{
    const struct identity_rules *was = &comparing->old->identity, *is = &comparing->new->identity;
    compare_count(comparing, "identity.max_size", was->size_max, is->size_max);
    compare_count(comparing, "identity.review_size", was->size_review, is->size_review);
    compare_count(comparing, "identity.review_bridge", was->bridge_established, is->bridge_established);
    tell_rule(comparing, "identity.value", value_feature_words(comparing, comparing->old),
        value_feature_words(comparing, comparing->new));
    compare_amount(comparing, "identity.review_either", was->has_review_either ? &was->review_either : NULL,
        is->has_review_either ? &is->review_either : NULL);
    compare_amount(comparing, "identity.review_both", was->has_review_both ? &was->review_both : NULL,
        is->has_review_both ? &is->review_both : NULL);
    compare_amount(comparing, "identity.second_person", was->has_second_person ? &was->second_person : NULL,
        is->has_second_person ? &is->second_person : NULL);
    tell_rule(comparing, "identity.review_expires", compare_duration(comparing, was->review_expires_us),
        compare_duration(comparing, is->review_expires_us));
}

/* --- matching ----------------------------------------------------------------------------------------------------- */

static const struct event_type *matched_event(const struct definitions *definitions)
{
    return definitions_event_type_by_number(definitions, definitions->matching->event);
}

/* The column of that name; null if there is none. */
static const struct match_column *column_find(const struct definitions *definitions, struct bytes name)
{
    const struct matching_rules *rules = definitions->matching;
    for (size_t i = 0; i < rules->column_count; i++)
        if (bytes_equal(matched_event(definitions)->attributes[rules->columns[i].attribute].name, name))
            return &rules->columns[i];
    return NULL;
}

static void compare_match_columns(struct comparing *comparing)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    uint16_t was = old->matching->event, is = new->matching->event;
    for (size_t i = 0; i < new->matching->column_count; i++) {
        const struct match_column *after = &new->matching->columns[i];
        struct bytes name = matched_event(new)->attributes[after->attribute].name;
        const struct match_column *before = column_find(old, name);
        if (!before)
            compare_differ(comparing, false, false, "adds column %s", compare_cut(comparing, name));
        else if (before->kind != after->kind)
            compare_differ(comparing, false, false, "column %s was %s, is %s", compare_cut(comparing, name),
                describe_match_kind(before->kind), describe_match_kind(after->kind));
        else if (before->frequencies != after->frequencies)
            compare_differ(comparing, false, false, "frequencies of column %s was %s, is %s",
                compare_cut(comparing, name), before->frequencies ? "true" : "false",
                after->frequencies ? "true" : "false");
        else if (was == is && before->attribute != after->attribute)
            compare_differ(
                comparing, false, false, "column %s is a new attribute of that name", compare_cut(comparing, name));
    }
    for (size_t i = 0; i < old->matching->column_count; i++) {
        struct bytes name = matched_event(old)->attributes[old->matching->columns[i].attribute].name;
        if (!column_find(new, name))
            compare_differ(comparing, false, false, "drops column %s", compare_cut(comparing, name));
    }
}

/* Columns by name, for their places in the two versions may differ. */
static bool parts_equal(const struct comparing *comparing, const struct match_part *a, const struct match_part *b)
{
    const struct definitions *old = comparing->old, *new = comparing->new;
    struct bytes was = matched_event(old)->attributes[old->matching->columns[a->column].attribute].name;
    struct bytes is = matched_event(new)->attributes[new->matching->columns[b->column].attribute].name;
    return bytes_equal(was, is) && a->form == b->form && a->length == b->length;
}

static bool blocks_equal(const struct comparing *comparing)
{
    const struct matching_rules *was = comparing->old->matching, *is = comparing->new->matching;
    bool equal = was->block_count == is->block_count;
    for (size_t i = 0; i < was->block_count && equal; i++) {
        equal = was->blocks[i].part_count == is->blocks[i].part_count;
        for (size_t j = 0; j < was->blocks[i].part_count && equal; j++)
            equal = parts_equal(comparing, &was->blocks[i].parts[j], &is->blocks[i].parts[j]);
    }
    return equal;
}

static void differ_likely(struct comparing *comparing, const char *name, double before, double after)
{
    char was[NUMBER_WORDS_MAX], is[NUMBER_WORDS_MAX];
    if (before != after)
        compare_differ(comparing, false, false, "%s was %s, is %s", name, real_words(true, before, was),
            real_words(true, after, is));
}

static void compare_rules(struct comparing *comparing)
{
    const struct matching_rules *was = comparing->old->matching, *is = comparing->new->matching;
    if (was->event != is->event)
        compare_differ(comparing, false, false, "of was %s, is %s",
            compare_cut(comparing, matched_event(comparing->old)->name),
            compare_cut(comparing, matched_event(comparing->new)->name));
    compare_match_columns(comparing);
    if (!blocks_equal(comparing))
        compare_differ(comparing, false, false, "other blocks");
    differ_likely(comparing, "link", was->link_probability, is->link_probability);
    differ_likely(comparing, "review", was->review_probability, is->review_probability);
    if (was->block_records_max != is->block_records_max)
        compare_differ(comparing, false, false, "block_records was %u, is %u", was->block_records_max,
            is->block_records_max);
}

void compare_matching(struct comparing *comparing)
{
    const struct matching_rules *was = comparing->old->matching, *is = comparing->new->matching;
    enum change_kind kind = was && is ? CHANGE_CHANGED : is ? CHANGE_ADDED : CHANGE_REMOVED;
    if (!was && !is)
        return;
    if (was && is)
        compare_rules(comparing);
    else if (is)
        compare_differ(comparing, false, false, "of %s by %zu column%s",
            compare_cut(comparing, matched_event(comparing->new)->name), is->column_count,
            is->column_count == 1 ? "" : "s");
    else
        compare_differ(comparing, false, false, "links that it made stay");
    compare_tell(comparing, kind, CHANGE_OF_SETTING, bytes_from_string("matching"));
}
