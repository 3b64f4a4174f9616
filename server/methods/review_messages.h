/* review_messages: a review item as the methods of review tell it. Messages lie in the arena. Any thread. */
#ifndef PATRON_METHODS_REVIEW_MESSAGES_H
#define PATRON_METHODS_REVIEW_MESSAGES_H

#include "patron/v1/review.pb-c.h"
#include "server/methods/errand.h"
#include "store/changes/review.h"

/* Takes a view of now, and says as of when items are: by the clock, as a decision would find them, also in a store that
 * nothing comes into and whose T stands still. No T is handed out for that: it binds nothing. */
int64_t review_view_now(struct errand *errand);

/* What its two sides are now, as of the errand's T. */
struct review_sides {
    uint64_t customers[2];
    double worths[2];
    bool worth_known[2];
};
enum patron_code review_sides_read(struct errand *errand, const struct review_item *item, struct arena *scratch,
    struct review_sides *sides, struct error *error) MUST_CHECK;

enum patron_code review_item_message(struct errand *errand, const struct review_item *item,
    const struct review_sides *sides, Patron__V1__ReviewItem **message, struct error *error) MUST_CHECK;

#endif
