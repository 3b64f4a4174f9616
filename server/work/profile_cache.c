/* A sharded hash table: (customer, generation) -> versions, newest first. A shard is an open-addressing table with
 * linear probing; its slots hold the key beside the entry's address, so that a probe touches one line and growing
 * touches no entry.
 *
 * Which version may go. A version is needed while a view lives whose position lies in [its valid_from, the
 * valid_from of the next newer one); the newest always is. An entry as a whole may go when it is settled and every
 * live view was made after that: then each of them finds the rows of its newest version in its own snapshot, and
 * nobody can ask for the older ones. So `settled` remembers the newest view's number, and the oldest live one
 * has to be past it.
 *
 * Who may change what: the writer alone adds, drops and counts; readers only read versions and mark entries as read,
 * under the shard's lock. What is dropped is released after the lock. */
#include "server/work/profile_cache.h"

#include "store/base/check.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    /* Many, so that growing one, which its readers wait for, moves few slots: 10,000 for ten million customers. */
    SHARD_BITS = 10,
    SHARDS = 1 << SHARD_BITS,
    SLOTS_MIN = 8,
    /* Slots looked at in one shard before its lock is let go. */
    WALK_SLOTS = 32,
    /* And in one call, at least; a put buys a few more, for a walk must keep up with what comes in. */
    WALK_SLOTS_A_CALL = 2048,
    WALK_SLOTS_A_PUT = 16,
};

#define BYTES_MAX_DEFAULT (UINT64_C(128) << 20)

struct version {
    int64_t valid_from_us;
    const struct profile_parts *parts; /* null: the customer is no more */
    struct version *older;
};

struct entry {
    uint64_t customer;
    uint32_t generation;
    struct version newest;
    uint64_t settled_at_view;
    bool settled;
    bool read_lately;
};

struct slot {
    uint64_t customer;
    struct entry *entry; /* null: free */
};

struct shard {
    alignas(64) pthread_mutex_t lock;
    struct slot *slots;
    size_t capacity; /* a power of two, at most half full */
    size_t used;
    size_t hand; /* of the second-chance walk */
    uint64_t hits;
    uint64_t misses;
};

struct profile_cache {
    struct profile_home home; /* first: the home is the cache */
    uint64_t bytes_max;
    /* Changed by the writer, read by figures. */
    _Atomic uint64_t bytes, entries, unsettled;
    /* The writer's alone. */
    struct live_view *live;
    size_t live_count;
    size_t live_capacity;
    size_t walk_shard;
    size_t walk_credit;
    struct shard shards[SHARDS];
};

/* The finaliser of splitmix64 (S. Vigna, 2015): customers are numbered in order, shards and slots should not be. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static struct profile_cache *of_home(const struct profile_home *home)
{
    return (struct profile_cache *)(uintptr_t)home;
}

static struct shard *shard_of(struct profile_cache *cache, uint64_t hash)
{
    return &cache->shards[hash >> (64 - SHARD_BITS)];
}

static void count(_Atomic uint64_t *counter, int64_t change)
{
    atomic_fetch_add_explicit(counter, (uint64_t)change, memory_order_relaxed);
}

static uint64_t counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* --- a shard's table; its lock is held ----------------------------------------------------------------- */

/* The slot of the customer's profile, or the free one where it would go. Its generations, seldom more than one, have
 * one hash and lie one behind the other. */
static size_t probe(const struct shard *shard, uint32_t generation, uint64_t customer, uint64_t hash)
{
    size_t at = hash & (shard->capacity - 1);
    while (shard->slots[at].entry &&
           (shard->slots[at].customer != customer || shard->slots[at].entry->generation != generation))
        at = (at + 1) & (shard->capacity - 1);
    return at;
}

static struct entry *find(const struct shard *shard, uint32_t generation, uint64_t customer, uint64_t hash)
{
    return shard->capacity ? shard->slots[probe(shard, generation, customer, hash)].entry : NULL;
}

static void grow(struct shard *shard)
{
    struct slot *before = shard->slots;
    size_t capacity_before = shard->capacity;
    shard->capacity = capacity_before ? capacity_before * 2 : SLOTS_MIN;
    shard->slots = memory_alloc(shard->capacity * sizeof *shard->slots);
    for (size_t i = 0; i < capacity_before; i++)
        if (before[i].entry)
            shard->slots[probe(shard, before[i].entry->generation, before[i].customer, mix(before[i].customer))] =
                before[i];
    memory_free(before);
}

static void insert(struct shard *shard, struct entry *entry, uint64_t hash)
{
    if (shard->used * 2 >= shard->capacity)
        grow(shard);
    size_t at = probe(shard, entry->generation, entry->customer, hash);
    CHECK(!shard->slots[at].entry);
    shard->slots[at] = (struct slot){entry->customer, entry};
    shard->used++;
}

/* Frees the slot; what had been pushed past it moves back (Knuth 6.4, algorithm R). */
static void remove_at(struct shard *shard, size_t hole)
{
    size_t mask = shard->capacity - 1;
    for (size_t at = (hole + 1) & mask; shard->slots[at].entry; at = (at + 1) & mask) {
        size_t home = mix(shard->slots[at].customer) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            shard->slots[hole] = shard->slots[at];
            hole = at;
        }
    }
    shard->slots[hole] = (struct slot){0};
    shard->used--;
}

/* --- versions ------------------------------------------------------------------------------------------ */

static int64_t version_bytes(const struct version *version)
{
    return (int64_t)(sizeof *version + (version->parts ? version->parts->total_bytes : 0));
}

/* An entry and its two slots. */
static const int64_t entry_bytes = sizeof(struct entry) + 2 * sizeof(struct slot);

static bool view_lives_in(const struct profile_cache *cache, int64_t from_us, int64_t until_us)
{
    size_t low = 0, high = cache->live_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cache->live[middle].position_us < from_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low < cache->live_count && cache->live[low].position_us < until_us;
}

/* Takes the older versions that no live view needs out of the chain and returns them. The lock is held. */
static struct version *prune(struct profile_cache *cache, struct entry *entry)
{
    struct version *dropped = NULL;
    struct version *newer = &entry->newest;
    while (newer->older) {
        struct version *version = newer->older;
        if (view_lives_in(cache, version->valid_from_us, newer->valid_from_us)) {
            newer = version;
            continue;
        }
        newer->older = version->older;
        version->older = dropped;
        dropped = version;
    }
    return dropped;
}

static void free_versions(struct profile_cache *cache, struct version *version)
{
    while (version) {
        struct version *older = version->older;
        count(&cache->bytes, -version_bytes(version));
        profile_parts_release(version->parts);
        memory_free(version);
        version = older;
    }
}

static void free_entry(struct profile_cache *cache, struct entry *entry)
{
    free_versions(cache, entry->newest.older);
    count(&cache->bytes, -version_bytes(&entry->newest) - entry_bytes);
    count(&cache->entries, -1);
    if (!entry->settled)
        count(&cache->unsettled, -1);
    profile_parts_release(entry->newest.parts);
    memory_free(entry);
}

/* --- giving back what is over the budget --------------------------------------------------------------- */

static bool may_go(const struct profile_cache *cache, const struct entry *entry)
{
    return entry->settled &&
           (cache->live_count == 0 || entry->settled_at_view < cache->live[0].number);
}

/* Looks at up to WALK_SLOTS slots from the shard's hand on. Returns true when the hand has come round. */
static bool walk_shard(struct profile_cache *cache, struct shard *shard)
{
    struct entry *leaving[WALK_SLOTS];
    size_t leaving_count = 0;
    struct version *dropped = NULL;
    bool round = false;
    pthread_mutex_lock(&shard->lock);
    for (size_t i = 0; i < WALK_SLOTS && !round; i++) {
        if (shard->hand >= shard->capacity) {
            shard->hand = 0;
            round = true;
            break;
        }
        struct entry *entry = shard->slots[shard->hand].entry;
        if (entry && may_go(cache, entry) && !entry->read_lately) {
            remove_at(shard, shard->hand);
            leaving[leaving_count++] = entry;
            continue; /* another may have moved into the slot */
        }
        if (entry) {
            entry->read_lately = false;
            struct version *older = prune(cache, entry);
            while (older) {
                struct version *next = older->older;
                older->older = dropped;
                dropped = older;
                older = next;
            }
        }
        shard->hand++;
    }
    pthread_mutex_unlock(&shard->lock);
    free_versions(cache, dropped);
    for (size_t i = 0; i < leaving_count; i++)
        free_entry(cache, leaving[i]);
    return round;
}

static void walk(struct profile_cache *cache, size_t credit)
{
    while (credit >= WALK_SLOTS && counted(&cache->bytes) > cache->bytes_max) {
        if (walk_shard(cache, &cache->shards[cache->walk_shard]))
            cache->walk_shard = (cache->walk_shard + 1) % SHARDS;
        credit -= WALK_SLOTS;
    }
}

void profile_cache_views_live(struct profile_cache *cache, const struct live_view *live, size_t live_count)
{
    CHECK(live_count > 0);
    if (live_count > cache->live_capacity) {
        cache->live_capacity = live_count * 2;
        cache->live = memory_resize(cache->live, cache->live_capacity * sizeof *cache->live);
    }
    for (size_t i = 0; i < live_count; i++) {
        CHECK(i == 0 || live[i - 1].number < live[i].number);
        CHECK(i == 0 || live[i - 1].position_us <= live[i].position_us);
        cache->live[i] = live[i];
    }
    cache->live_count = live_count;
    walk(cache, cache->walk_credit + WALK_SLOTS_A_CALL);
    cache->walk_credit = 0;
}

/* --- the home ------------------------------------------------------------------------------------------ */

static const struct profile_parts *cache_get(
    const struct profile_home *home, uint32_t generation, uint64_t customer, int64_t position_us, bool *found)
{
    uint64_t hash = mix(customer);
    struct shard *shard = shard_of(of_home(home), hash);
    const struct profile_parts *parts = NULL;
    *found = false;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = find(shard, generation, customer, hash);
    const struct version *version = entry ? &entry->newest : NULL;
    while (version && version->valid_from_us > position_us)
        version = version->older;
    if (version) {
        *found = true;
        parts = version->parts ? profile_parts_retain(version->parts) : NULL;
        entry->read_lately = true;
        shard->hits++;
    } else {
        shard->misses++;
    }
    pthread_mutex_unlock(&shard->lock);
    return parts;
}

static void cache_put(const struct profile_home *home, uint32_t generation, uint64_t customer,
    const struct profile_parts *parts, int64_t valid_from_us)
{
    struct profile_cache *cache = of_home(home);
    uint64_t hash = mix(customer);
    struct shard *shard = shard_of(cache, hash);
    struct version put = {.valid_from_us = valid_from_us, .parts = parts};
    /* Allocated before the lock; which of the two is needed shows under it. */
    struct entry *made = memory_alloc(sizeof *made);
    struct version *moved = memory_alloc(sizeof *moved);
    struct version *dropped = NULL;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = find(shard, generation, customer, hash);
    if (!entry) {
        entry = made;
        made = NULL;
        *entry = (struct entry){
            .customer = customer, .generation = generation, .newest = put, .read_lately = true};
        insert(shard, entry, hash);
        count(&cache->entries, 1);
        count(&cache->unsettled, 1);
        count(&cache->bytes, entry_bytes);
    } else {
        CHECK(valid_from_us >= entry->newest.valid_from_us);
        *moved = entry->newest;
        put.older = moved;
        entry->newest = put;
        moved = NULL;
        if (entry->settled)
            count(&cache->unsettled, 1);
        entry->settled = false;
        /* One that was replaced at its own position has an empty range: it goes here too. */
        dropped = prune(cache, entry);
    }
    count(&cache->bytes, version_bytes(&put));
    pthread_mutex_unlock(&shard->lock);
    free_versions(cache, dropped);
    memory_free(made);
    memory_free(moved);
    cache->walk_credit += WALK_SLOTS_A_PUT;
    /* While a store opens there are no views to be told about, and much may be put. */
    if (cache->live_count == 0 && cache->walk_credit >= WALK_SLOTS) {
        walk(cache, cache->walk_credit);
        cache->walk_credit = 0;
    }
}

static void cache_settled(const struct profile_home *home, uint32_t generation, uint64_t customer)
{
    struct profile_cache *cache = of_home(home);
    uint64_t hash = mix(customer);
    struct shard *shard = shard_of(cache, hash);
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = find(shard, generation, customer, hash);
    if (entry && !entry->settled) {
        entry->settled = true;
        entry->settled_at_view = cache->live_count ? cache->live[cache->live_count - 1].number : 0;
        count(&cache->unsettled, -1);
    }
    pthread_mutex_unlock(&shard->lock);
}

static const struct profile_home_functions cache_functions = {cache_get, cache_put, cache_settled};

/* --- making and figures -------------------------------------------------------------------------------- */

struct profile_cache *profile_cache_new(uint64_t bytes_max)
{
    struct profile_cache *cache = aligned_alloc(alignof(struct profile_cache), sizeof *cache);
    CHECK(cache);
    memset(cache, 0, sizeof *cache);
    cache->home.functions = &cache_functions;
    cache->bytes_max = bytes_max ? bytes_max : BYTES_MAX_DEFAULT;
    for (size_t i = 0; i < SHARDS; i++)
        CHECK(pthread_mutex_init(&cache->shards[i].lock, NULL) == 0);
    return cache;
}

void profile_cache_free(struct profile_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        for (size_t at = 0; at < shard->capacity; at++)
            if (shard->slots[at].entry)
                free_entry(cache, shard->slots[at].entry);
        memory_free(shard->slots);
        pthread_mutex_destroy(&shard->lock);
    }
    CHECK(counted(&cache->bytes) == 0);
    memory_free(cache->live);
    free(cache);
}

bool profile_cache_wants_write_back(const struct profile_cache *cache)
{
    return counted(&cache->bytes) > cache->bytes_max && counted(&cache->unsettled) > 0;
}

const struct profile_home *profile_cache_home(struct profile_cache *cache)
{
    return &cache->home;
}

void profile_cache_figures(struct profile_cache *cache, struct profile_cache_figures *figures)
{
    *figures = (struct profile_cache_figures){
        .entries = counted(&cache->entries),
        .unsettled = counted(&cache->unsettled),
        .bytes = counted(&cache->bytes),
        .bytes_max = cache->bytes_max,
    };
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->lock);
        figures->hits += shard->hits;
        figures->misses += shard->misses;
        pthread_mutex_unlock(&shard->lock);
    }
}
