/* census: how well identity works, counted over all customers of a view.
 *
 * The field's identity accuracy is the share of events that belong to somebody known by more than the identifier they
 * came with: an event is linked if its customer has two identifiers or more. The fifth of the customers with the
 * greatest value (identity.value of the definitions) is counted for itself as well, for a mistake among them costs
 * most. Of those whose value is that of the last one in it as many are taken, on average, as make the fifth whole; past
 * CENSUS_EXACT_MAX customers, values that differ by less than one part in sixteen may count as the same.
 *
 * Reads every profile once: seconds for a million customers. Threads: any. Memory: 16 bytes a customer, 32 MiB at
 * most. */
#ifndef PATRON_STORE_CENSUS_H
#define PATRON_STORE_CENSUS_H

#include <stdatomic.h>

#include "store/base/limits.h"
#include "store/store.h"

/* X(size, label): customers with so many identifiers or fewer, and more than the size before. */
#define CENSUS_SIZES_LIST(X)                                                                                 \
    X(1, "1") X(2, "2") X(5, "3-5") X(10, "6-10") X(20, "11-20") X(50, "21-50") X(100, "51-100")             \
    X(UINT64_MAX, "101-")

#define X(size, label) +1
enum { CENSUS_SIZES = 0 CENSUS_SIZES_LIST(X) };
#undef X
enum { CENSUS_EXACT_MAX = 2 * 1024 * 1024 };
extern const char *const census_size_labels[CENSUS_SIZES];

struct census_share {
    uint64_t customers;
    uint64_t events;
    uint64_t linked_events;
};

struct census {
    int64_t as_of_us;
    uint64_t identifiers;
    struct census_share all;
    bool by_value; /* the definitions say what a customer is worth */
    struct census_share top_fifth;
    uint64_t sizes[CENSUS_SIZES]; /* customers */
    size_t type_count;
    char type_names[IDENTIFIER_TYPES_MAX][NAME_BYTES_MAX + 1]; /* in the order of the view's definitions */
    struct census_share types[IDENTIFIER_TYPES_MAX];           /* customers that have an identifier of it */
};

/* `as_of_us` is the T that the view was handed out with. PATRON_BUSY once *cancelled (nullable). */
enum patron_code census_take(const struct view *view, int64_t as_of_us, const atomic_bool *cancelled,
    struct census *census, struct error *error) MUST_CHECK;

struct census_reviews {
    uint64_t open;                 /* merges that wait for a person … */
    uint64_t suspected_duplicates; /* … of them because records are alike */
    int64_t oldest_us;             /* known_at of what sent the oldest there; INT64_MAX: none waits */
};
/* Reads every open review item once. */
enum patron_code census_reviews_take(const struct view *view, int64_t as_of_us, struct census_reviews *reviews,
    struct error *error) MUST_CHECK;

/* 0 where there is no event. */
static inline double census_linked_share(const struct census_share *share)
{
    return share->events > 0 ? (double)share->linked_events / (double)share->events : 0;
}

#endif
