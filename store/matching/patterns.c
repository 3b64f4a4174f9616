#include "store/matching/patterns.h"

static uint64_t levels_hash(const uint8_t levels[MATCH_COMPARISONS_MAX])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < MATCH_COMPARISONS_MAX; i += 8) {
        hash = (hash ^ decode_be64(levels + i)) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

static uint32_t *slot_find(const struct match_patterns *patterns, const uint8_t levels[MATCH_COMPARISONS_MAX])
{
    size_t at = (size_t)levels_hash(levels) & (patterns->slot_count - 1);
    while (patterns->slots[at] &&
           memcmp(patterns->patterns[patterns->slots[at] - 1].levels, levels, MATCH_COMPARISONS_MAX) != 0)
        at = (at + 1) & (patterns->slot_count - 1);
    return &patterns->slots[at];
}

static void patterns_grow(struct match_patterns *patterns)
{
    patterns->capacity = patterns->capacity ? 2 * patterns->capacity : 256;
    patterns->patterns = memory_resize(patterns->patterns, patterns->capacity * sizeof *patterns->patterns);
    memory_free(patterns->slots);
    patterns->slot_count = 2 * patterns->capacity;
    patterns->slots = memory_alloc(patterns->slot_count * sizeof *patterns->slots);
    for (size_t i = 0; i < patterns->count; i++)
        *slot_find(patterns, patterns->patterns[i].levels) = (uint32_t)i + 1;
}

void match_patterns_add(struct match_patterns *patterns, const uint8_t levels[MATCH_COMPARISONS_MAX])
{
    if (patterns->count == patterns->capacity && patterns->capacity < MATCH_PATTERNS_MAX)
        patterns_grow(patterns);
    uint32_t *slot = slot_find(patterns, levels);
    if (*slot == 0) {
        if (patterns->count == patterns->capacity)
            return;
        struct match_pattern *pattern = &patterns->patterns[patterns->count++];
        memcpy(pattern->levels, levels, MATCH_COMPARISONS_MAX);
        pattern->count = 0;
        *slot = (uint32_t)patterns->count;
    }
    patterns->patterns[*slot - 1].count++;
    patterns->pairs++;
}

void match_patterns_clear(struct match_patterns *patterns)
{
    memory_free(patterns->patterns);
    memory_free(patterns->slots);
    *patterns = (struct match_patterns){0};
}
