/* verify: is what is served what the events say?
 *
 * Walks every customer that has ever been, as of the view. A living one's profile is folded anew from its events and
 * compared byte for byte; its nodes' rows in `membership` and `identifiers` must name it. One that was merged away must
 * have no profile. What cannot be read is a difference as well, and the walk goes on: an operator wants to know of all
 * the damage. */
#include "store/features/profile_rows.h"
#include "store/timeline/fold.h"

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

/* `membership` must tell the same history as `members`: the customer, from just after `since` through `until`. */
static enum patron_code membership_verify(struct verify *verify, const struct member *member, struct error *error)
{
    const int64_t moments_us[] = {member->since_us < INT64_MAX ? member->since_us + 1 : INT64_MAX, member->until_us};
    for (size_t i = 0; i < 2; i++) {
        uint64_t named;
        enum patron_code code = membership_at(
            verify->view->kv, verify->view->snapshot, member->node, moments_us[i], &named, error);
        if (code != PATRON_OK && code != PATRON_NOT_FOUND)
            return code;
        if (code == PATRON_NOT_FOUND || named != member->customer) {
            differ(verify, member->customer, "membership names another customer for one of its nodes");
            break;
        }
    }
    return PATRON_OK;
}

static enum patron_code members_verify(struct verify *verify, uint64_t customer, struct error *error)
{
    const struct view *view = verify->view;
    struct member *members;
    size_t count;
    TRY(members_of(view->kv, view->snapshot, customer, &verify->arena, &members, &count, error));
    for (size_t i = 0; i < count; i++) {
        TRY(membership_verify(verify, &members[i], error));
        if (members[i].until_us != INT64_MAX)
            continue;
        struct node_entry node;
        enum patron_code code = node_get(view->kv, view->snapshot, members[i].node, &verify->arena, &node, error);
        struct identifier_entry identifier = {0};
        if (code == PATRON_OK)
            code = identifier_get(view->kv, view->snapshot, node.hash, &verify->arena, &identifier, error);
        if (code == PATRON_NOT_FOUND ||
            (code == PATRON_OK && (identifier.customer != customer || identifier.node != members[i].node)))
            differ(verify, customer, "the row of one of its identifiers leads elsewhere");
        else if (code != PATRON_OK)
            return code;
    }
    return PATRON_OK;
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
    return code == PATRON_OK ? members_verify(verify, customer, error) : code;
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
