/* identity_who: whose identity a request asks for, and as of when; Show and History name it alike. */
#ifndef PATRON_METHODS_IDENTITY_WHO_H
#define PATRON_METHODS_IDENTITY_WHO_H

#include "patron/v1/identity.pb-c.h"
#include "server/methods/errand.h"

struct identity_who {
    const Patron__V1__Identifier *identifier; /* or the next, or the one after it */
    uint64_t node;
    uint64_t customer;
    bool has_as_of; /* else now */
    int64_t as_of_us;
};

/* Takes the errand's view and finds the customer as of then. PATRON_NOT_FOUND: not known at that moment. */
enum patron_code identity_who_find(
    struct errand *errand, const struct identity_who *who, uint64_t *customer, struct error *error) MUST_CHECK;

#endif
