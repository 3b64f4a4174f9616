/* read: what GetFeatures and GetVectors share: which rows and which features at which T, read in one view, in
 * the gRPC thread if it is now and quick, else on a worker, and the answer's ReadInfo.
 *
 * The form of the answer is the caller's: `begin` once all is known but the values, `put` for each row in
 * order, `end` with the reply written. A worker runs them one after the other; never two at once.
 *
 * Threads and failure: method.h. A read holds one view from its begin to its end. */
#ifndef PATRON_METHODS_READ_H
#define PATRON_METHODS_READ_H

#include <protobuf-c/protobuf-c.h>

#include "patron/v1/features.pb-c.h"
#include "server/methods/method.h"
#include "store/store.h"

/* Where the ReadInfo of the answer keeps what each row says of itself: the reply's memory, or staged. */
struct read_info {
    uint8_t *statuses;
    uint8_t *customers;   /* 8 bytes a row */
    uint8_t *event_times; /* 8 bytes a row */
    uint8_t *known_ats;   /* 8 bytes a row */
};

struct read;

struct read_form {
    enum patron_code (*begin)(struct read *read, struct error *error); /* may refuse the features */
    void (*put)(struct read *read, size_t at, const struct row *row);
    void (*end)(struct read *read);
};

struct read {
    struct call *call;
    const struct read_form *form;
    void *form_state;
    const struct view *held; /* to be given back */
    const struct view *view; /* the same, or that as another version of the definitions sees it */
    int64_t as_of_us;
    bool past; /* as_of was asked for, or another version: it is folded from the events */
    bool background;
    struct selection selection;
    struct event_identifier *identifiers;
    size_t row_count;
    size_t next;
    size_t not_found;
    struct value *values; /* of one row */
    struct read_info info;
    enum patron_code code;
    struct error error;
};

/* The request's fields, by any name. */
struct read_request {
    const char *service;
    char *const *features;
    size_t feature_count;
    Patron__V1__Identifier *const *identifiers;
    size_t identifier_count;
    bool has_as_of;
    int64_t as_of_us;
    uint32_t definitions_version; /* 0: the one that serves */
};

/* Does the whole of it, to call_finish. `form_state` lives in the call's arena. */
void read_start(
    struct call *call, const struct read_request *request, const struct read_form *form, void *form_state);
/* For the methods' `woken`. */
void read_woken(struct call *call);

/* The ReadInfo as a field: its size, and its heads written to the reply with the places of the rows noted. */
size_t read_info_size(const struct read *read);
uint8_t *read_info_place(struct read *read, int field, uint8_t *to);

#endif
