#include "store/schema/counters.h"

void schema_counts_number(struct schema_counts *counts, double number)
{
    if (!counts->has_numbers || number < counts->low)
        counts->low = number;
    if (!counts->has_numbers || number > counts->high)
        counts->high = number;
    counts->has_numbers = true;
}

void schema_counts_text(struct schema_counts *counts, size_t length)
{
    uint32_t bytes = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
    if (!counts->has_texts || bytes < counts->text_low)
        counts->text_low = bytes;
    if (!counts->has_texts || bytes > counts->text_high)
        counts->text_high = bytes;
    counts->has_texts = true;
}

void schema_counts_add(struct schema_counts *into, const struct schema_counts *later)
{
    into->present += later->present;
    into->failed += later->failed;
    for (size_t i = 0; i < 3; i++)
        into->unknown[i] += later->unknown[i];
    into->kinds |= later->kinds;
    if (later->has_numbers) {
        schema_counts_number(into, later->low);
        schema_counts_number(into, later->high);
    }
    if (later->has_texts) {
        schema_counts_text(into, later->text_low);
        schema_counts_text(into, later->text_high);
    }
    if (later->words.length > 0)
        into->words = later->words;
}

void schema_totals_add(struct schema_totals *into, const struct schema_totals *more)
{
    into->events += more->events;
    into->refused += more->refused;
    into->duplicates += more->duplicates;
}
