#include "store/features/distinct.h"

#include <math.h>

#include <sodium.h>

#include "store/base/check.h"

uint64_t distinct_hash(const struct scalar *value)
{
    static const uint8_t fixed_key[crypto_shorthash_KEYBYTES] = "patron distinct";
    uint8_t hash[crypto_shorthash_BYTES];
    uint8_t number[16];
    struct bytes bytes = value->text;
    if (value->type != ATTRIBUTE_TEXT) {
        encode_be64(number, (uint64_t)((uint128)value->number >> 64));
        encode_be64(number + 8, (uint64_t)value->number);
        bytes = bytes_of(number, sizeof number);
    }
    crypto_shorthash(hash, bytes.data ? bytes.data : hash, bytes.length, fixed_key);
    return decode_be64(hash);
}

/* --- registers ------------------------------------------------------------------------------------------------ */

static void registers_add(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = hash << DISTINCT_INDEX_BITS;
    int rank = rest == 0 ? DISTINCT_RANK_MAX : 1 + __builtin_clzll(rest);
    uint8_t *place = &registers[hash >> (64 - DISTINCT_INDEX_BITS)];
    if (*place < rank)
        *place = (uint8_t)rank;
}

static void registers_add_all(uint8_t *registers, const uint64_t *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        registers_add(registers, hashes[i]);
}

static void registers_merge(uint8_t *into, const uint8_t *from)
{
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++)
        into[i] = into[i] < from[i] ? from[i] : into[i];
}

/* sigma(x) = x + the sum over k >= 1 of x^(2^k) 2^(k-1), for x in [0, 1] (Ertl 2017, equation 13). */
static double sigma(double x)
{
    if (x == 1)
        return INFINITY;
    double power = 1, sum = x, before;
    do {
        x *= x;
        before = sum;
        sum += x * power;
        power += power;
    } while (sum != before);
    return sum;
}

/* tau(x) = (1 - x - the sum over k >= 1 of (1 - x^(2^-k))^2 2^-k) / 3 (Ertl 2017, equation 16). */
static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double power = 1, sum = 1 - x, before;
    do {
        x = sqrt(x);
        before = sum;
        power *= 0.5;
        sum -= (1 - x) * (1 - x) * power;
    } while (sum != before);
    return sum / 3;
}

int64_t distinct_estimate(const uint8_t *registers)
{
    static const double m = DISTINCT_REGISTERS;
    static const double half_over_ln2 = 0x1.71547652b82fep-1; /* 1 / (2 ln 2) */
    uint32_t counts[DISTINCT_RANK_MAX + 1] = {0};
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++)
        counts[registers[i]]++;
    double z = m * tau(1 - counts[DISTINCT_RANK_MAX] / m);
    for (int rank = DISTINCT_RANK_MAX - 1; rank >= 1; rank--)
        z = 0.5 * (z + counts[rank]);
    z += m * sigma(counts[0] / m);
    double estimate = m * m * half_over_ln2 / z;
    if (!(estimate < 0x1p62)) /* of damaged rows: every register full */
        return INT64_C(1) << 62;
    int64_t rounded = llround(estimate);
    return rounded > DISTINCT_VALUES_MAX ? rounded : DISTINCT_VALUES_MAX + 1;
}

/* --- sorted sets ---------------------------------------------------------------------------------------------- */

static size_t place_of(const uint64_t *values, size_t count, uint64_t value)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The union of two into memory for both; how many it has. */
static size_t sets_merge(
    const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, uint64_t *merged, size_t most)
{
    size_t made = 0, i = 0, j = 0;
    while (i < a_count || j < b_count) {
        bool take_a = j == b_count || (i < a_count && a[i] <= b[j]);
        bool take_b = i == a_count || (j < b_count && b[j] <= a[i]);
        if (made < most)
            merged[made] = take_a ? a[i] : b[j];
        made++;
        i += take_a;
        j += take_b;
    }
    return made;
}

/* --- states --------------------------------------------------------------------------------------------------- */

static void become_registers(struct accumulator *accumulator, struct arena *arena)
{
    uint8_t *registers = arena_alloc(arena, DISTINCT_REGISTERS);
    registers_add_all(registers, accumulator->set.values, accumulator->count);
    *accumulator = (struct accumulator){.count = DISTINCT_VALUES_MAX + 1, .set.registers = registers};
}

void distinct_add(struct accumulator *accumulator, uint64_t hash, struct arena *arena)
{
    struct distinct_set *set = &accumulator->set;
    if (set->registers) {
        registers_add(set->registers, hash);
        return;
    }
    size_t place = place_of(set->values, accumulator->count, hash);
    if (place < accumulator->count && set->values[place] == hash)
        return;
    if (accumulator->count == DISTINCT_VALUES_MAX) {
        become_registers(accumulator, arena);
        registers_add(set->registers, hash);
        return;
    }
    if (accumulator->count == set->capacity) {
        size_t capacity = set->capacity ? 2 * set->capacity : 2;
        uint64_t *values = arena_array(arena, capacity, sizeof *values);
        if (accumulator->count)
            memcpy(values, set->values, accumulator->count * sizeof *values);
        set->values = values;
        set->capacity = capacity;
    }
    uint64_t *at = set->values + place;
    memmove(at + 1, at, (accumulator->count - place) * sizeof *at);
    *at = hash;
    accumulator->count++;
}

void distinct_merge(struct accumulator *into, const struct accumulator *from, struct arena *arena)
{
    if (!into->set.registers && !from->set.registers) {
        size_t capacity = into->count + from->count;
        uint64_t *values = arena_array(arena, capacity, sizeof *values);
        size_t count =
            sets_merge(into->set.values, into->count, from->set.values, from->count, values, capacity);
        if (count <= DISTINCT_VALUES_MAX) {
            *into = (struct accumulator){.count = count, .set = {.values = values, .capacity = capacity}};
            return;
        }
    }
    if (!into->set.registers)
        become_registers(into, arena);
    if (from->set.registers)
        registers_merge(into->set.registers, from->set.registers);
    else
        registers_add_all(into->set.registers, from->set.values, from->count);
}

/* --- unions that take no memory ------------------------------------------------------------------------------- */

void distinct_join_init(struct distinct_join *join)
{
    join->values = join->buffers[0];
    join->count = 0;
}

static void join_become_registers(struct distinct_join *join)
{
    memset(join->registers, 0, sizeof join->registers);
    registers_add_all(join->registers, join->values, join->count);
    join->values = NULL;
}

/* One by one, for a set much smaller than what is there. False: too many; some may be in. */
static bool join_insert(struct distinct_join *join, const uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t place = place_of(join->values, join->count, values[i]);
        if (place < join->count && join->values[place] == values[i])
            continue;
        if (join->count == DISTINCT_VALUES_MAX)
            return false;
        memmove(join->values + place + 1, join->values + place, (join->count - place) * sizeof *values);
        join->values[place] = values[i];
        join->count++;
    }
    return true;
}

/* Side by side, into the other buffer. False: too many, and nothing is in. */
static bool join_merge(struct distinct_join *join, const uint64_t *values, size_t count)
{
    uint64_t *merged = join->values == join->buffers[0] ? join->buffers[1] : join->buffers[0];
    size_t made = sets_merge(join->values, join->count, values, count, merged, DISTINCT_VALUES_MAX);
    if (made > DISTINCT_VALUES_MAX)
        return false;
    join->values = merged;
    join->count = made;
    return true;
}

void distinct_join_take(struct distinct_join *join, const struct accumulator *accumulator)
{
    const uint64_t *values = accumulator->set.values;
    size_t count = accumulator->count;
    if (accumulator->count == 0)
        return;
    if (join->values && !accumulator->set.registers &&
        (count < join->count / 16 ? join_insert(join, values, count) : join_merge(join, values, count)))
        return;
    if (join->values)
        join_become_registers(join);
    if (accumulator->set.registers)
        registers_merge(join->registers, accumulator->set.registers);
    else
        registers_add_all(join->registers, values, count);
}

int64_t distinct_join_count(const struct distinct_join *join)
{
    return join->values ? (int64_t)join->count : distinct_estimate(join->registers);
}
