#include "tests/property/small_home.h"

#include <stdlib.h>

#include "store/base/arena.h"
#include "store/base/check.h"

struct version {
    const struct profile_parts *parts; /* null: no such customer any more */
    int64_t valid_from_us;
};

struct entry {
    uint32_t generation;
    uint64_t customer;
    struct version *versions; /* oldest first */
    size_t version_count;
    bool settled;
    uint64_t settled_before_view; /* views from this number on find the newest version on disk */
};

struct small_home {
    struct profile_home face; /* first: the store hands it back */
    struct entry *entries;
    size_t entry_count;
    uint64_t next_view;
};

static struct entry *find(struct small_home *home, uint32_t generation, uint64_t customer)
{
    for (size_t i = 0; i < home->entry_count; i++)
        if (home->entries[i].customer == customer && home->entries[i].generation == generation)
            return &home->entries[i];
    return NULL;
}

static const struct profile_parts *get(
    const struct profile_home *face, uint32_t generation, uint64_t customer, int64_t position_us, bool *found)
{
    struct small_home *home = (struct small_home *)face;
    const struct entry *entry = find(home, generation, customer);
    *found = false;
    for (size_t i = entry ? entry->version_count : 0; i > 0; i--) {
        const struct version *version = &entry->versions[i - 1];
        if (version->valid_from_us > position_us)
            continue;
        *found = true;
        return version->parts ? profile_parts_retain(version->parts) : NULL;
    }
    return NULL;
}

static void put(const struct profile_home *face, uint32_t generation, uint64_t customer,
    const struct profile_parts *take_parts, int64_t valid_from_us)
{
    struct small_home *home = (struct small_home *)face;
    struct entry *entry = find(home, generation, customer);
    if (entry == NULL) {
        home->entries = memory_resize(home->entries, (home->entry_count + 1) * sizeof *home->entries);
        entry = &home->entries[home->entry_count++];
        *entry = (struct entry){.generation = generation, .customer = customer};
    }
    size_t last = entry->version_count;
    CHECK(last == 0 || entry->versions[last - 1].valid_from_us <= valid_from_us);
    entry->versions = memory_resize(entry->versions, (last + 1) * sizeof *entry->versions);
    entry->versions[last] = (struct version){take_parts, valid_from_us};
    entry->version_count++;
    entry->settled = false;
}

static void settled(const struct profile_home *face, uint32_t generation, uint64_t customer)
{
    struct small_home *home = (struct small_home *)face;
    struct entry *entry = find(home, generation, customer);
    if (entry == NULL)
        return;
    entry->settled = true;
    entry->settled_before_view = home->next_view;
}

static const struct profile_home_functions FUNCTIONS = {get, put, settled};

struct small_home *small_home_new(void)
{
    struct small_home *home = memory_alloc(sizeof *home);
    home->face.functions = &FUNCTIONS;
    home->next_view = 1;
    return home;
}

static void drop_versions(struct entry *entry, size_t count)
{
    for (size_t i = 0; i < count; i++)
        profile_parts_release(entry->versions[i].parts);
    entry->version_count -= count;
    memmove(entry->versions, entry->versions + count, entry->version_count * sizeof *entry->versions);
}

void small_home_free(struct small_home *home)
{
    if (home == NULL)
        return;
    for (size_t i = 0; i < home->entry_count; i++) {
        drop_versions(&home->entries[i], home->entries[i].version_count);
        memory_free(home->entries[i].versions);
    }
    memory_free(home->entries);
    memory_free(home);
}

const struct profile_home *small_home_face(struct small_home *home)
{
    return &home->face;
}

uint64_t small_home_view_taken(struct small_home *home)
{
    return home->next_view++;
}

uint64_t small_home_next_view(const struct small_home *home)
{
    return home->next_view;
}

void small_home_forget(struct small_home *home, uint64_t oldest, int64_t oldest_position_us)
{
    for (size_t i = home->entry_count; i > 0; i--) {
        struct entry *entry = &home->entries[i - 1];
        size_t passed = 0; /* versions that a later one hides from every view */
        while (passed + 1 < entry->version_count &&
               entry->versions[passed + 1].valid_from_us <= oldest_position_us)
            passed++;
        drop_versions(entry, passed);
        if (!entry->settled || entry->settled_before_view > oldest)
            continue;
        drop_versions(entry, entry->version_count);
        memory_free(entry->versions);
        *entry = home->entries[--home->entry_count];
    }
}
