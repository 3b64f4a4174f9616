/* meta: key "model/" number u32 BE    value format u8 = 1 | known_at of its entry of the log signed | version of the
 *                                           definitions that it was trained under varint
 * The entry of the log holds the model (store/matching/model_codec.c). */
#include "store/records/models.h"

#include "store/changes/changes.h"
#include "store/records/pairing.h"
#include "store/store_internal.h"

enum { MODEL_ROW_FORMAT = 1, MODEL_KEY_BYTES = 6 + 4, PROGRESS_EVERY_RECORDS = 1000 };

static const uint8_t model_prefix[6] = {'m', 'o', 'd', 'e', 'l', '/'};

static struct bytes model_key(uint32_t number, uint8_t key[MODEL_KEY_BYTES])
{
    memcpy(key, model_prefix, sizeof model_prefix);
    encode_be32(key + sizeof model_prefix, number);
    return bytes_of(key, MODEL_KEY_BYTES);
}

static enum patron_code entry_decode(
    struct bytes key, struct bytes value, struct model_entry *entry, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    entry->known_at_us = decode_signed(&from);
    uint64_t version = decode_varint(&from);
    if (format != MODEL_ROW_FORMAT || !decoder_done(&from) || key.length != MODEL_KEY_BYTES || version > UINT32_MAX)
        return error_set(error, PATRON_CORRUPT, "a model's row is damaged");
    entry->number = decode_be32(key.data + sizeof model_prefix);
    entry->definitions_version = (uint32_t)version;
    return PATRON_OK;
}

static struct kv_iterator *models_walk(const struct view *view)
{
    return kv_iterator_new(view->kv, view->snapshot, KV_META, bytes_of(model_prefix, sizeof model_prefix));
}

static enum patron_code newest_find(
    struct kv_iterator *take_rows, struct model_entry *entry, struct error *error)
{
    uint8_t key[MODEL_KEY_BYTES];
    struct kv_iterator *rows = take_rows;
    kv_iterator_seek_last(rows, model_key(UINT32_MAX, key));
    enum patron_code code = kv_iterator_valid(rows)
        ? entry_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), entry, error)
        : kv_iterator_status(rows, error);
    if (code == PATRON_OK && !kv_iterator_valid(rows))
        code = PATRON_NOT_FOUND;
    kv_iterator_free(rows);
    return code;
}

enum patron_code model_find(const struct view *view, uint32_t number, struct model_entry *entry, struct error *error)
{
    if (number == 0)
        return newest_find(models_walk(view), entry, error);
    uint8_t key[MODEL_KEY_BYTES];
    struct arena arena = {0};
    struct bytes value;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_META, model_key(number, key), &arena, &value, error);
    if (code == PATRON_OK)
        code = entry_decode(bytes_of(key, sizeof key), value, entry, error);
    arena_clear(&arena);
    return code;
}

enum patron_code models_list(const struct view *view, struct arena *arena, struct model_entry **entries, size_t *count,
    struct error *error)
{
    struct model_entry newest;
    *count = 0;
    *entries = NULL;
    enum patron_code code = newest_find(models_walk(view), &newest, error);
    if (code != PATRON_OK)
        return code == PATRON_NOT_FOUND ? PATRON_OK : code;
    *entries = arena_array(arena, newest.number, sizeof **entries); /* they are numbered without a gap */
    struct kv_iterator *rows = models_walk(view);
    kv_iterator_seek(rows, bytes_of(model_prefix, sizeof model_prefix));
    for (; code == PATRON_OK && *count < newest.number && kv_iterator_valid(rows); kv_iterator_next(rows))
        code = entry_decode(
            kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &(*entries)[(*count)++], error);
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

enum patron_code model_load(const struct view *view, const struct model_entry *entry, const struct matching *matching,
    struct match_model **model, struct error *error)
{
    uint8_t key[8];
    encode_time(key, entry->known_at_us);
    struct arena arena = {0};
    struct bytes value;
    struct log_entry logged;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_LOG, bytes_of(key, sizeof key), &arena, &value, error);
    if (code == PATRON_OK)
        code = log_decode(bytes_of(key, sizeof key), value, &arena, &logged, error);
    if (code == PATRON_NOT_FOUND || (code == PATRON_OK && logged.kind != LOG_MODEL))
        code = error_set(error, PATRON_CORRUPT, "model %u has no entry in the log", entry->number);
    if (code == PATRON_OK)
        code = match_model_decode(&matching->plan, matching->secret, logged.text, model, error);
    arena_clear(&arena);
    return code;
}

/* --- training ----------------------------------------------------------------------------------------------------- */

struct training {
    const struct view *view;
    const struct model_progress *progress;
    struct matching matching;
    struct match_trainer *trainer;
    uint64_t records, records_total;
};

static bool training_goes_on(const struct training *training, bool reading, double done)
{
    const struct model_progress *progress = training->progress;
    return !progress || progress->go_on(progress->context, reading, done);
}

static bool estimating_goes_on(void *context, double done)
{
    return training_goes_on(context, false, done);
}

static enum patron_code record_take(
    struct training *training, struct kv_iterator *rows, struct arena *arena, struct error *error)
{
    const struct identity_rows_from from = {.kv = training->view->kv, .snapshot = training->view->snapshot};
    struct record_row row;
    struct match_record record;
    arena_reset(arena);
    TRY(record_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &row, error));
    TRY(record_open(&training->matching, &from, &row, arena, &record, error));
    match_trainer_add(training->trainer, &record);
    training->records++;
    double done = training->records < training->records_total
        ? (double)training->records / (double)training->records_total
        : 1;
    if (training->records % PROGRESS_EVERY_RECORDS == 0 && !training_goes_on(training, true, done))
        return error_set(error, PATRON_CANCELLED, "the training was stopped");
    return PATRON_OK;
}

static enum patron_code records_read(struct training *training, uint32_t generation, struct error *error)
{
    uint8_t prefix[4];
    encode_be32(prefix, generation);
    struct bytes begin = bytes_of(prefix, sizeof prefix);
    struct kv_iterator *rows = kv_iterator_new(training->view->kv, training->view->snapshot, KV_RECORDS, begin);
    struct arena arena = {0};
    enum patron_code code = PATRON_OK;
    kv_iterator_seek(rows, begin);
    for (; code == PATRON_OK && kv_iterator_valid(rows); kv_iterator_next(rows))
        code = record_take(training, rows, &arena, error);
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    arena_clear(&arena);
    kv_iterator_free(rows);
    return code;
}

enum patron_code model_train(const struct view *view, const struct model_progress *progress, struct match_model **model,
    struct error *error)
{
    if (!view->definitions->matching)
        return error_set(error, PATRON_PRECONDITION,
            "the definitions match no records: say with `matching` which events tell about people");
    struct training training = {.view = view, .progress = progress};
    matching_init(&training.matching, view->definitions, view->key);
    struct pairing_state state;
    bool known;
    enum patron_code code = pairing_state_get(view, &state, &known, error);
    if (code == PATRON_OK && (!known || memcmp(state.layout, training.matching.layout, MATCHING_PRINT_BYTES) != 0))
        code = error_set(error, PATRON_PRECONDITION, "the records are not made yet: try again in a moment");
    if (code == PATRON_OK) {
        training.trainer = match_trainer_new(&training.matching.plan, training.matching.secret);
        training.records_total = state.records;
        code = records_read(&training, state.generation, error);
    }
    const struct match_progress estimating = {estimating_goes_on, &training};
    if (code == PATRON_OK)
        code = match_trainer_run(training.trainer, &estimating, model, error);
    match_trainer_free(training.trainer);
    matching_clear(&training.matching);
    return code;
}

/* --- into use ----------------------------------------------------------------------------------------------------- */

/* Do two versions match by the same columns? Another of them knows a model's weights, but not what they are of. */
static bool same_columns(const struct matching_rules *a, const struct matching_rules *b)
{
    bool same = a && b && a->event == b->event && a->column_count == b->column_count;
    for (size_t i = 0; same && i < a->column_count; i++)
        same = a->columns[i].attribute == b->columns[i].attribute && a->columns[i].kind == b->columns[i].kind;
    return same;
}

enum patron_code group_model_add(struct store *store, const struct match_model *model, uint32_t definitions_version,
    struct model_entry *entry, struct error *error)
{
    CHECK(store->group_open);
    CHECK(definitions_version > 0 && definitions_version <= store->versions->count);
    const struct version *trained = store->versions->list[definitions_version - 1];
    if (!trained->definitions || !same_columns(trained->definitions->matching, store->definitions->matching))
        return error_set(error, PATRON_PRECONDITION,
            "the definitions were changed while the model was trained, and match by other columns now: train again");
    int64_t known_at_us;
    TRY(change_known_at(store, &known_at_us, error));
    enum patron_code code = newest_find(
        kv_batch_iterator_new(store->batch, KV_META, bytes_of(model_prefix, sizeof model_prefix)), entry, error);
    if (code != PATRON_OK && code != PATRON_NOT_FOUND) {
        store->failed = true;
        return code;
    }
    *entry = (struct model_entry){.number = code == PATRON_OK ? entry->number + 1 : 1,
        .known_at_us = known_at_us,
        .definitions_version = definitions_version};
    struct encoder to = {0};
    match_model_encode(model, &to);
    const struct log_entry logged = {.known_at_us = known_at_us,
        .kind = LOG_MODEL,
        .version = entry->number,
        .text = encoder_borrow(&to)};
    log_put(store->batch, &logged);
    encoder_reset(&to);
    encode_u8(&to, MODEL_ROW_FORMAT);
    encode_signed(&to, known_at_us);
    encode_varint(&to, definitions_version);
    uint8_t key[MODEL_KEY_BYTES];
    kv_batch_put(store->batch, KV_META, model_key(entry->number, key), encoder_borrow(&to));
    encoder_clear(&to);
    store->newest_us = known_at_us;
    store->group_queued = true;
    return PATRON_OK;
}
