/* A model's bytes:
 *
 * format u8 = 1 | number of comparisons varint | each: kind u8, has frequencies u8 (0 or 1) |
 * training: records, random pairs, blocked pairs, passes, iterations, each varint; converged u8; prior 8 bytes,
 * household 8 bytes |
 * check u64 BE: what hashing nothing gives under the secret |
 * each comparison: each level: m 8 bytes, u 8 bytes, estimated u8; known varint; number of frequencies varint; each,
 * ascending by hash: hash 8 bytes BE, count varint
 *
 * Reals are little-endian IEEE 754. Weights are not stored: they follow. A reader takes m and u in (0, 1], prior and
 * household in (0, 1), levels of each kind as this program has them, hashes that ascend, counts of 1 at least. */
#include "store/matching/model.h"

enum { MODEL_FORMAT = 1 };

/* Tells a model of another store's secret. */
static uint64_t secret_check(const uint8_t secret[MATCH_SECRET_BYTES])
{
    return match_frequency_hash(secret, UINT8_MAX, bytes_from_string("model"));
}

void match_model_encode(const struct match_model *model, struct encoder *to)
{
    uint8_t number[8];
    encode_u8(to, MODEL_FORMAT);
    encode_varint(to, model->comparison_count);
    for (size_t i = 0; i < model->comparison_count; i++) {
        encode_u8(to, (uint8_t)model->kinds[i]);
        encode_u8(to, model->has_frequencies[i]);
    }
    encode_varint(to, model->training.records);
    encode_varint(to, model->training.random_pairs);
    encode_varint(to, model->training.blocked_pairs);
    encode_varint(to, model->training.passes);
    encode_varint(to, model->training.iterations);
    encode_u8(to, model->training.converged);
    encode_real(to, model->training.prior);
    encode_real(to, model->training.household);
    encode_be64(number, secret_check(model->secret));
    encode_raw(to, number, sizeof number);
    for (size_t i = 0; i < model->comparison_count; i++) {
        const struct match_comparison_model *comparison = &model->comparisons[i];
        for (size_t level = 0; level < match_level_count(model->kinds[i]); level++) {
            encode_real(to, comparison->m[level]);
            encode_real(to, comparison->u[level]);
            encode_u8(to, comparison->estimated[level]);
        }
        encode_varint(to, comparison->known);
        encode_varint(to, comparison->frequency_count);
        for (size_t k = 0; k < comparison->frequency_count; k++) {
            encode_be64(number, comparison->frequencies[k].hash);
            encode_raw(to, number, sizeof number);
            encode_varint(to, comparison->frequencies[k].count);
        }
    }
}

static bool is_share(double value)
{
    return value > 0.0 && value <= 1.0; /* false for NaN */
}

static uint64_t decode_u64(struct decoder *from)
{
    const uint8_t *bytes = decode_raw(from, 8);
    return bytes ? decode_be64(bytes) : 0;
}

static void comparison_decode(
    struct decoder *from, enum match_kind kind, struct match_comparison_model *comparison)
{
    enum { FREQUENCY_BYTES_MIN = 9 };
    for (size_t level = 0; level < match_level_count(kind) && !from->bad; level++) {
        comparison->m[level] = decode_real(from);
        comparison->u[level] = decode_real(from);
        uint8_t estimated = decode_u8(from);
        comparison->estimated[level] = estimated == 1;
        from->bad =
            from->bad || !is_share(comparison->m[level]) || !is_share(comparison->u[level]) || estimated > 1;
    }
    comparison->known = decode_varint(from);
    uint64_t count = decode_varint(from);
    if (count > MATCH_FREQUENCIES_MAX || count * FREQUENCY_BYTES_MIN > decoder_left(from) ||
        (count > 0 && comparison->known == 0))
        from->bad = true;
    if (from->bad)
        return;
    comparison->frequencies = memory_alloc((size_t)(count + 1) * sizeof *comparison->frequencies);
    comparison->frequency_count = (size_t)count;
    for (size_t k = 0; k < count && !from->bad; k++) {
        struct match_frequency *frequency = &comparison->frequencies[k];
        frequency->hash = decode_u64(from);
        uint64_t records = decode_varint(from);
        frequency->count = (uint32_t)records;
        from->bad = from->bad || records == 0 || records > comparison->known || records > UINT32_MAX ||
                    (k > 0 && frequency->hash <= frequency[-1].hash);
    }
}

static uint32_t decode_u32(struct decoder *from)
{
    uint64_t value = decode_varint(from);
    from->bad = from->bad || value > UINT32_MAX;
    return (uint32_t)value;
}

static void training_decode(struct decoder *from, struct match_training *training)
{
    training->records = decode_varint(from);
    training->random_pairs = decode_varint(from);
    training->blocked_pairs = decode_varint(from);
    training->passes = decode_u32(from);
    training->iterations = decode_u32(from);
    uint8_t converged = decode_u8(from);
    training->converged = converged == 1;
    training->prior = decode_real(from);
    training->household = decode_real(from);
    from->bad = from->bad || converged > 1 || !is_share(training->prior) || training->prior >= 1.0 ||
                !is_share(training->household) || training->household >= 1.0;
}

enum patron_code match_model_decode(const struct match_plan *plan, const uint8_t secret[MATCH_SECRET_BYTES],
    struct bytes bytes, struct match_model **model, struct error *error)
{
    struct decoder from = decoder_of(bytes);
    *model = NULL;
    uint8_t format = decode_u8(&from);
    uint64_t count = decode_varint(&from);
    if (from.bad || format != MODEL_FORMAT || count > MATCH_COMPARISONS_MAX)
        return error_set(error, PATRON_CORRUPT, "a model for matching has bytes that were never written so");
    bool fits = count == plan->comparison_count;
    for (size_t i = 0; i < count; i++) {
        uint8_t kind = decode_u8(&from), frequencies = decode_u8(&from);
        fits = fits && kind == (uint8_t)plan->comparisons[i].kind &&
               frequencies == (uint8_t)plan->rules->columns[i].frequencies;
    }
    if (!from.bad && !fits)
        return error_set(error, PATRON_PRECONDITION,
            "a model was trained under other columns for matching; train one for these: patron identity "
            "train");
    struct match_model *decoded = memory_alloc(sizeof *decoded);
    memcpy(decoded->secret, secret, MATCH_SECRET_BYTES);
    training_decode(&from, &decoded->training);
    uint64_t check = decode_u64(&from);
    for (size_t i = 0; i < count && !from.bad; i++) {
        decoded->kinds[i] = plan->comparisons[i].kind;
        decoded->has_frequencies[i] = plan->rules->columns[i].frequencies;
        decoded->comparison_count = i + 1;
        comparison_decode(&from, decoded->kinds[i], &decoded->comparisons[i]);
    }
    bool whole = decoder_done(&from);
    if (whole && check == secret_check(secret)) {
        match_model_finish(decoded);
        *model = decoded;
        return PATRON_OK;
    }
    match_model_free(decoded);
    if (!whole)
        return error_set(
            error, PATRON_CORRUPT, "a model for matching ends too early, too late, or holds no shares");
    return error_set(error, PATRON_PRECONDITION,
        "a model for matching was trained under another key; train one here: patron identity train");
}
