/* Exports of every customer at some times, made again after whatever was learned since: byte for byte the same. */
#include <sodium.h>

#include "tests/property/history_identity.h"

enum { TIMES = 3 };

struct history_export {
    int64_t times[TIMES];
    size_t count;
    uint64_t rows;
    int64_t position_us;
    unsigned char digest[32];
};

static void digest_row(crypto_generichash_state *state, const struct snapshot_row *row, size_t value_count)
{
    const int64_t head[] = {row->as_of_us, (int64_t)row->row.customer, row->row.status, row->row.newest_event_time_us,
        row->row.newest_known_at_us};
    crypto_generichash_update(state, (const unsigned char *)head, sizeof head);
    for (size_t i = 0; i < value_count; i++) {
        const struct value *value = &row->row.values[i];
        const unsigned char kind[] = {(unsigned char)value->type, (unsigned char)value->status};
        crypto_generichash_update(state, kind, sizeof kind);
        crypto_generichash_update(state, (const unsigned char *)&value->age_us, sizeof value->age_us);
        if (value->status == STATUS_NULL)
            continue;
        crypto_generichash_update(state, (const unsigned char *)&value->real, sizeof value->real);
        crypto_generichash_update(state, (const unsigned char *)&value->integer, sizeof value->integer);
        crypto_generichash_update(state, (const unsigned char *)&value->exact, sizeof value->exact);
        if (value->text.length > 0)
            crypto_generichash_update(state, value->text.data, value->text.length);
    }
}

static void make(struct history *history, struct history_export *made)
{
    struct error error;
    struct history_view view = {0};
    struct snapshot *snapshot;
    struct snapshot_row row;
    crypto_generichash_state state;
    size_t value_count = history->world.definitions.feature_count;
    history_view_take(history, &view);
    struct snapshot_options options = {.view = &view.view,
        .selection = history_select_all(history),
        .every_customer_at_us = made->times,
        .every_customer_at_count = made->count};
    if (snapshot_new(&options, &snapshot, &error) != PATRON_OK)
        history_fail(history, "an export does not open: %s", error.text);
    crypto_generichash_init(&state, NULL, 0, sizeof made->digest);
    enum patron_code code = PATRON_OK;
    while ((code = snapshot_next(snapshot, &row, &error)) == PATRON_OK) {
        digest_row(&state, &row, value_count);
        made->rows++;
    }
    if (code != PATRON_NOT_FOUND)
        history_fail(history, "an export breaks off: %s", error.text);
    crypto_generichash_final(&state, made->digest, sizeof made->digest);
    made->position_us = view.view.position_us;
    snapshot_free(snapshot);
    history_view_drop(history, &view);
}

void history_export(struct history *history)
{
    struct dice *dice = &history->world.dice;
    int64_t newest_us = oracle_newest_known_at(history->oracle);
    struct history_export *made = memory_alloc(sizeof *made);
    *made = (struct history_export){0};
    int64_t at_us = newest_us + 1;
    for (size_t i = 0; i < TIMES; i++) {
        int64_t moment_us = i == 0 ? at_us : history_moment(history);
        if (moment_us <= at_us && moment_us >= INT64_C(-2208988800000000))
            made->times[made->count++] = moment_us;
        for (size_t j = made->count; j > 1 && made->times[j - 1] < made->times[j - 2]; j--) {
            int64_t swapped_us = made->times[j - 1];
            made->times[j - 1] = made->times[j - 2];
            made->times[j - 2] = swapped_us;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < made->count; i++)
        if (i == 0 || made->times[i] != made->times[kept - 1])
            made->times[kept++] = made->times[i];
    made->count = kept;
    if (kept == 0) { /* an empty store lies before all time */
        memory_free(made);
        return;
    }
    make(history, made);
    size_t place = history->export_count < HISTORY_EXPORTS_MAX ? history->export_count++
                                                               : dice_below(dice, HISTORY_EXPORTS_MAX);
    memory_free(history->exports[place]);
    history->exports[place] = made;
    history->figures->identity.exports++;
    fprintf(history->log, "export at %zu times up to %lld, %llu rows\n", kept, (long long)made->times[kept - 1],
        (unsigned long long)made->rows);
}

void history_export_again(struct history *history)
{
    for (size_t i = 0; i < history->export_count; i++) {
        const struct history_export *before = history->exports[i];
        struct history_export again = {.count = before->count};
        memcpy(again.times, before->times, sizeof again.times);
        make(history, &again);
        if (again.rows != before->rows || memcmp(again.digest, before->digest, sizeof again.digest) != 0)
            history_fail(history,
                "an export at %lld that was made at %lld is another at %lld: %llu rows, not %llu, or other bytes",
                (long long)before->times[0], (long long)before->position_us, (long long)again.position_us,
                (unsigned long long)again.rows, (unsigned long long)before->rows);
        history->figures->identity.exports_again += again.position_us > before->position_us;
    }
}

void history_exports_clear(struct history *history)
{
    for (size_t i = 0; i < history->export_count; i++) {
        memory_free(history->exports[i]);
        history->exports[i] = NULL;
    }
    history->export_count = 0;
}
