/* A block's key: SipHash-2-4-128 under the first half of the secret of, for each part of the rule: column u8, form u8,
 * length u8, bytes of the value u8, the part of the value. */
#include <sodium.h>
#include <stdlib.h>
#include <unicode/utf8.h>

#include "store/matching/normal.h"
#include "store/matching/strings.h"

enum { PART_BYTES_MAX = 4 + MATCH_VALUE_BYTES_MAX };

/* A full name sounds like its first and its last word, in either order: what stands between comes and goes. */
static size_t full_name_sound(struct bytes value, char *to)
{
    struct bytes words[MATCH_WORDS_MAX];
    char first[MATCH_VALUE_BYTES_MAX], last[MATCH_VALUE_BYTES_MAX];
    size_t count = match_words(value, words);
    if (count < 2)
        return match_sound(value, to, MATCH_VALUE_BYTES_MAX);
    struct bytes one = {(uint8_t *)first, match_sound(words[0], first, MATCH_VALUE_BYTES_MAX / 2 - 1)};
    struct bytes other = {(uint8_t *)last, match_sound(words[count - 1], last, MATCH_VALUE_BYTES_MAX / 2)};
    if (bytes_compare(one, other) > 0) {
        struct bytes swapped = one;
        one = other, other = swapped;
    }
    memcpy(to, one.data, one.length);
    to[one.length] = ' ';
    memcpy(to + one.length + 1, other.data, other.length);
    return one.length + 1 + other.length;
}

static size_t part_write(enum match_kind kind, const struct match_part *part, struct bytes value, char *to)
{
    if (part->form == MATCH_PART_SOUND)
        return kind == MATCH_FULL_NAME ? full_name_sound(value, to)
                                       : match_sound(value, to, MATCH_VALUE_BYTES_MAX);
    size_t length = value.length;
    if (part->form == MATCH_PART_PREFIX) {
        int32_t at = 0;
        for (int i = 0; i < part->length && at < (int32_t)value.length; i++)
            U8_FWD_1(value.data, at, (int32_t)value.length);
        length = (size_t)at;
    }
    memcpy(to, value.data, length);
    return length;
}

size_t match_block_keys(const struct match_plan *plan, const struct match_record *record,
    const uint8_t secret[MATCH_SECRET_BYTES], struct match_key keys[MATCH_BLOCKS_MAX])
{
    uint8_t message[MATCH_BLOCK_PARTS_MAX * PART_BYTES_MAX];
    size_t count = 0;
    for (size_t rule = 0; rule < plan->block_count; rule++) {
        const struct match_block *block = &plan->blocks[rule];
        size_t length = 0, i;
        for (i = 0; i < block->part_count; i++) {
            const struct match_part *part = &block->parts[i];
            struct bytes value = record->values[part->column];
            if (value.length == 0)
                break;
            size_t written = part_write(
                plan->rules->columns[part->column].kind, part, value, (char *)message + length + 4);
            message[length++] = (uint8_t)part->column;
            message[length++] = (uint8_t)part->form;
            message[length++] = part->length;
            message[length++] = (uint8_t)written;
            length += written;
        }
        if (i < block->part_count || i == 0)
            continue;
        keys[count].rule = (uint16_t)rule;
        crypto_shorthash_siphashx24(keys[count++].hash, message, length, secret);
    }
    return count;
}

static int sighting_compare(const void *left, const void *right)
{
    const struct match_sighting *a = left, *b = right;
    if (a->record != b->record)
        return a->record < b->record ? -1 : 1;
    return a->block_records < b->block_records ? -1 : a->block_records > b->block_records;
}

static bool ranks_before(const struct match_candidate *a, const struct match_candidate *b)
{
    if (a->shared != b->shared)
        return a->shared > b->shared;
    if (a->smallest != b->smallest)
        return a->smallest < b->smallest;
    return a->record < b->record;
}

size_t match_candidates_rank(struct match_sighting *sightings, size_t count,
    struct match_candidate candidates[MATCH_CANDIDATES_MAX], size_t *found)
{
    size_t kept = 0, seen = 0;
    if (count > 0)
        qsort(sightings, count, sizeof *sightings, sighting_compare);
    for (size_t i = 0; i < count;) {
        struct match_candidate candidate = {sightings[i].record, 0, sightings[i].block_records};
        for (; i < count && sightings[i].record == candidate.record; i++)
            candidate.shared++;
        seen++;
        if (kept == MATCH_CANDIDATES_MAX && !ranks_before(&candidate, &candidates[kept - 1]))
            continue;
        size_t at = kept < MATCH_CANDIDATES_MAX ? kept++ : kept - 1;
        for (; at > 0 && ranks_before(&candidate, &candidates[at - 1]); at--)
            candidates[at] = candidates[at - 1];
        candidates[at] = candidate;
    }
    if (found)
        *found = seen;
    return kept;
}
