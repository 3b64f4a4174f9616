/* verify: is what is served what the events say?
 *
 * Walks every customer that has ever been, as of the view. A living one's profile is folded anew from its events and
 * compared byte for byte; its identity's rows must agree, its identifiers hang together by the links that hold, and who
 * is to be kept apart from others be so (verify_identity.h). One that was merged away must have no profile. What cannot
 * be read is a difference as well, and the walk goes on: an operator wants to know of all the damage. */
#include "store/features/profile_rows.h"
#include "store/timeline/fold.h"
#include "store/timeline/verify_identity.h"

#include <stdio.h>

enum { REPORT_EVERY_CUSTOMERS = 256, FINDING_WORDS_MAX = 200, FINDING_TEXT_MAX = 256 };

struct verify {
    const struct view *view;
    struct verify_result *result;
    bool (*report)(void *context, const struct verify_result *so_far, const char *finding);
    void *context;
    struct arena arena;
    bool stopped;
};

static void differ(struct verify *verify, uint64_t customer, const char *what)
{
    verify->result->differences++;
    char finding[FINDING_TEXT_MAX];
    snprintf(finding, sizeof finding, "customer %llu: %.*s", (unsigned long long)customer, FINDING_WORDS_MAX, what);
    verify->stopped = !verify->report(verify->context, verify->result, finding) || verify->stopped;
}

struct customer_differ {
    struct verify *verify;
    uint64_t customer;
};

static void identity_differ(void *context, const char *what)
{
    const struct customer_differ *differs = context;
    differ(differs->verify, differs->customer, what);
}

static bool parts_equal(const struct profile_parts *a, const struct profile_parts *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->part[i].number != b->part[i].number || !bytes_equal(a->part[i].value, b->part[i].value))
            return false;
    return true;
}

static enum patron_code customer_verify(struct verify *verify, uint64_t customer, struct error *error)
{
    arena_reset(&verify->arena);
    const struct profile_parts *served = NULL;
    enum patron_code code = profile_parts_at(verify->view, customer, &served, error);
    if (code != PATRON_OK && code != PATRON_NOT_FOUND)
        return code;
    struct profile profile;
    code = fold_current(verify->view, customer, &verify->arena, &profile, &verify->result->events, error);
    if (code == PATRON_NOT_FOUND) {
        if (served)
            differ(verify, customer, "was merged away but still has a profile");
        code = PATRON_OK;
    } else if (code == PATRON_OK) {
        verify->result->customers++;
        const struct profile_parts *folded = profile_encode(&profile);
        if (!served)
            differ(verify, customer, "has no profile");
        else if (!parts_equal(served, folded))
            differ(verify, customer, "its profile is not the fold of its events");
        profile_parts_release(folded);
    }
    profile_parts_release(served);
    struct customer_differ differs = {verify, customer};
    const struct identity_verify identity = {verify->view, customer, &verify->arena, identity_differ, &differs};
    return code == PATRON_OK ? identity_verify(&identity, error) : code;
}

static enum patron_code customers_count(const struct view *view, uint64_t *count, struct error *error)
{
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_MEMBERS, (struct bytes){0});
    uint64_t last = UINT64_MAX;
    for (kv_iterator_seek(rows, (struct bytes){0}); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct member member;
        bool whole =
            member_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &member, NULL) == PATRON_OK;
        if (whole && member.until_us == INT64_MAX && member.customer != last) {
            (*count)++;
            last = member.customer;
        }
    }
    enum patron_code code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

enum patron_code store_verify(const struct view *view, struct verify_result *result,
    bool (*report)(void *context, const struct verify_result *so_far, const char *finding), void *context,
    struct error *error)
{
    *result = (struct verify_result){0};
    TRY(customers_count(view, &result->customers_total, error));
    struct verify verify = {.view = view, .result = result, .report = report, .context = context};
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_MEMBERS, (struct bytes){0});
    enum patron_code code = PATRON_OK;
    uint64_t last = UINT64_MAX, walked = 0;
    for (kv_iterator_seek(rows, (struct bytes){0}); kv_iterator_valid(rows) && !verify.stopped;
         kv_iterator_next(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows);
        uint64_t customer = key.length >= 8 ? decode_be64(key.data) : 0; /* the rest is read with its other rows */
        if (customer == last)
            continue;
        last = customer;
        struct error damage;
        code = customer_verify(&verify, last, &damage);
        if (code == PATRON_CORRUPT) {
            differ(&verify, last, damage.text);
        } else if (code != PATRON_OK) {
            code = error_set(error, code, "%s", damage.text);
            goto free_rows;
        }
        if (++walked % REPORT_EVERY_CUSTOMERS == 0)
            verify.stopped = !report(context, result, NULL) || verify.stopped;
    }
    code = kv_iterator_status(rows, error);
    if (code == PATRON_OK && !verify.stopped)
        (void)report(context, result, NULL);
free_rows:
    kv_iterator_free(rows);
    arena_clear(&verify.arena);
    return code;
}
