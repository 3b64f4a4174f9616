/* What the commands of `patron identity review` share. One thread. Messages are borrowed. */
#ifndef PATRON_CLIENT_IDENTITY_REVIEW_H
#define PATRON_CLIENT_IDENTITY_REVIEW_H

#include "client/identity.h"
#include "patron/v1/review.pb-c.h"

enum { SEEN_TEXT_MAX = 2 * 16 + 1, SPAN_TEXT_MAX = 32 };

/* "3.2 days", in the largest unit that there is one of. */
const char *span_text(int64_t span_us, char text[SPAN_TEXT_MAX]);
/* What an approval is bound to, in hexadecimal. */
void seen_text(const Patron__V1__GetReviewResponse *reply, char text[SEEN_TEXT_MAX]);
bool item_waits(const Patron__V1__ReviewItem *item);
struct json_object *review_item_json(const Patron__V1__ReviewItem *item);

/* All that a person needs to decide. PATRON_CORRUPT: the server's columns are not whole. */
enum patron_code review_print(const Patron__V1__GetReviewResponse *reply, struct error *error) MUST_CHECK;
void review_json_print(const Patron__V1__GetReviewResponse *reply);

#endif
