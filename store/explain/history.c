#include "store/explain/history.h"

#include "store/changes/block_rows.h"
#include "store/journal/log.h"
#include "store/explain/moment_set.h"

#include <stdlib.h>

/* Facts go to `take` in no order, those of one moment more than once where both ends of something are asked for only if
 * they are different facts. */
struct scan {
    const struct view *view;
    const struct history_asked *asked;
    struct arena scratch;
    void (*take)(void *context, int64_t known_at_us, const struct history_fact *fact);
    void *context;
    uint64_t node; /* that is looked at */
};

static void tell(struct scan *scan, int64_t known_at_us, const struct history_fact *fact)
{
    if (known_at_us > scan->asked->after_us && known_at_us < scan->asked->before_us)
        scan->take(scan->context, known_at_us, fact);
}

static bool is_asked(const struct scan *scan, uint64_t node)
{
    size_t low = 0, high = scan->asked->node_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (scan->asked->nodes[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < scan->asked->node_count && scan->asked->nodes[low] == node;
}

/* --- what there is of one node ------------------------------------------------------------------------------------ */

/* Where it came, and where it went. */
static enum patron_code memberships_scan(struct scan *scan, struct error *error)
{
    const struct view *view = scan->view;
    uint8_t prefix[8];
    encode_be64(prefix, scan->node);
    struct kv_iterator *rows =
        kv_iterator_new(view->kv, view->snapshot, KV_MEMBERSHIP, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    uint64_t before = 0;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows);
        struct decoder from = decoder_of(kv_iterator_borrow_value(rows));
        (void)decode_u8(&from);
        struct history_fact fact = {.node = scan->node, .customer = decode_varint(&from), .count = 1};
        if (key.length != 16 || !decoder_done(&from)) {
            code = error_set(error, PATRON_CORRUPT, "a membership row is damaged");
            goto free_rows;
        }
        fact.what = before == 0 ? HAPPENING_CAME : HAPPENING_MERGED; /* a split's entry says that it is one */
        fact.from_customer = before;
        before = fact.customer;
        tell(scan, decode_time(key.data + 8), &fact);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static enum patron_code links_scan(struct scan *scan, struct error *error)
{
    const struct view *view = scan->view;
    uint8_t prefix[8];
    encode_be64(prefix, scan->node);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_LINKS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct link link;
        code = link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &link, error);
        if (code != PATRON_OK)
            goto free_rows;
        if (link.b < link.a && is_asked(scan, link.b))
            continue; /* told by its other end */
        struct history_fact fact = {.what = HAPPENING_LINKED,
            .node = link.a,
            .other = link.b,
            .count = 1,
            .rule = link.rule,
            .score = link.score};
        tell(scan, link.since_us, &fact);
        fact.what = HAPPENING_UNLINKED;
        tell(scan, link.until_us, &fact);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static enum patron_code separations_scan(struct scan *scan, struct error *error)
{
    const struct view *view = scan->view;
    uint8_t prefix[8];
    encode_be64(prefix, scan->node);
    struct kv_iterator *rows =
        kv_iterator_new(view->kv, view->snapshot, KV_SEPARATIONS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct separation separation;
        code = separation_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &separation, error);
        if (code != PATRON_OK)
            goto free_rows;
        struct history_fact fact = {.what = HAPPENING_SEPARATED,
            .node = scan->node,
            .count = 1,
            .separated_us = separation.since_us};
        tell(scan, separation.since_us, &fact);
        fact.what = HAPPENING_SEPARATION_ENDED;
        tell(scan, separation.until_us, &fact);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

/* The record is read once, when it is known that its moment is of the page. */
static void refused_take(void *context, int64_t known_at_us)
{
    struct scan *scan = context;
    const struct history_fact fact = {.what = HAPPENING_REFUSED};
    tell(scan, known_at_us, &fact);
}

static void blocked_take(void *context, int64_t known_at_us, bool blocked)
{
    struct scan *scan = context;
    const struct history_fact fact = {
        .what = blocked ? HAPPENING_BLOCKED : HAPPENING_UNBLOCKED, .node = scan->node, .count = 1};
    tell(scan, known_at_us, &fact);
}

static void item_tell(struct scan *scan, const struct review_item *item)
{
    struct history_fact fact = {.what = HAPPENING_QUEUED,
        .node = item->a,
        .other = item->b,
        .count = 1,
        .rule = item->rule,
        .obstacle = item->obstacle,
        .item_us = item->item_us,
        .score = item->score};
    tell(scan, item->item_us, &fact);
    if (item->first_us != 0) {
        fact.what = HAPPENING_HALF_APPROVED;
        tell(scan, item->first_us, &fact);
    }
    if (item->state == REVIEW_EXPIRED) {
        fact.what = HAPPENING_EXPIRED;
        tell(scan, item->expires_us, &fact);
    } else if (item->decided_us != 0) {
        fact.what = item->state == REVIEW_REJECTED ? HAPPENING_REJECTED : HAPPENING_APPROVED;
        tell(scan, item->decided_us, &fact);
    }
}

static enum patron_code items_scan(struct scan *scan, struct error *error)
{
    struct review_item *items;
    size_t count = 0;
    arena_reset(&scan->scratch);
    TRY(review_of_node(scan->view, scan->node, scan->asked->before_us, &scan->scratch, &items, &count, error));
    for (size_t i = 0; i < count; i++)
        if (scan->node == items[i].a || !is_asked(scan, items[i].a))
            item_tell(scan, &items[i]);
    return PATRON_OK;
}

static enum patron_code node_scan(struct scan *scan, struct error *error)
{
    int64_t after_us = scan->asked->after_us;
    const struct refusals_asked refused = {.node = scan->node,
        .from_us = after_us == INT64_MIN || after_us == INT64_MAX ? after_us : after_us + 1,
        .before_us = scan->asked->before_us};
    TRY(memberships_scan(scan, error));
    TRY(links_scan(scan, error));
    TRY(separations_scan(scan, error));
    TRY(refusal_times_of_node(scan->view, &refused, refused_take, scan, error));
    TRY(block_rows_each(scan->view, scan->node, blocked_take, scan, error));
    return items_scan(scan, error);
}

static enum patron_code scan_all(struct scan *scan, struct error *error)
{
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; code == PATRON_OK && i < scan->asked->node_count; i++) {
        scan->node = scan->asked->nodes[i];
        code = node_scan(scan, error);
    }
    arena_clear(&scan->scratch);
    return code;
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

static void moment_take(void *context, int64_t known_at_us, const struct history_fact *fact)
{
    (void)fact;
    moment_set_add(context, known_at_us);
}

struct page {
    const struct moment_set *set;
    struct history_moment *moments; /* as many */
    bool *refused;                  /* the record of each is to be read */
    struct arena *arena;
};

static bool is_counted(const struct history_fact *a, const struct history_fact *b)
{
    if (a->what != b->what)
        return false;
    if (a->what == HAPPENING_SEPARATED || a->what == HAPPENING_SEPARATION_ENDED)
        return a->separated_us == b->separated_us;
    return a->what == HAPPENING_MERGED && a->customer == b->customer && a->from_customer == b->from_customer;
}

static void fact_add(struct page *page, struct history_moment *moment, const struct history_fact *fact)
{
    for (size_t i = 0; i < moment->fact_count; i++) {
        if (is_counted(&moment->facts[i], fact)) {
            moment->facts[i].count++;
            return;
        }
    }
    moment->facts_total++;
    if (moment->fact_count == HISTORY_FACTS_MAX)
        return;
    if ((moment->fact_count & (moment->fact_count - 1)) == 0) { /* full at each power of two */
        size_t capacity = moment->fact_count ? moment->fact_count * 2 : 1;
        struct history_fact *more = arena_array(page->arena, capacity, sizeof *more);
        if (moment->fact_count > 0)
            memcpy(more, moment->facts, moment->fact_count * sizeof *more);
        moment->facts = more;
    }
    moment->facts[moment->fact_count++] = *fact;
}

static void page_take(void *context, int64_t known_at_us, const struct history_fact *fact)
{
    struct page *page = context;
    size_t place = moment_set_find(page->set, known_at_us);
    if (place == page->set->count)
        return;
    if (fact->what == HAPPENING_REFUSED)
        page->refused[place] = true;
    else
        fact_add(page, &page->moments[place], fact);
}

static enum patron_code refused_fill(
    struct page *page, const struct view *view, struct history_moment *moment, struct error *error)
{
    struct refusal refusal;
    TRY(refusal_get(view, moment->known_at_us, page->arena, &refusal, error));
    for (size_t i = 0; i < refusal.count; i++) {
        const struct refused_identifier *dropped = &refusal.identifiers[i];
        const struct history_fact fact = {.what = HAPPENING_REFUSED,
            .node = refusal.node,
            .other = dropped->node,
            .count = 1,
            .obstacle = dropped->obstacle,
            .type = dropped->type,
            .item_us = dropped->item_us};
        fact_add(page, moment, &fact);
    }
    return PATRON_OK;
}

static bool has_move(const struct history_moment *moment, uint64_t from_customer, uint64_t customer)
{
    for (size_t i = 0; i < moment->fact_count; i++)
        if (moment->facts[i].what == HAPPENING_MERGED && moment->facts[i].from_customer == from_customer &&
            moment->facts[i].customer == customer)
            return true;
    return false;
}

/* Customers that came or went while the nodes asked for stayed where they are. */
static enum patron_code moves_fill(struct page *page, const struct view *view, struct history_moment *moment,
    const struct log_entry *entry, struct error *error)
{
    struct history_fact fact = {.what = HAPPENING_MERGED};
    if (entry->merged_count > 0 && moment->fact_count > 0) {
        enum patron_code code = membership_at(view->kv, view->snapshot, moment->facts[0].node,
            moment->known_at_us + 1, &fact.customer, error);
        if (code != PATRON_OK)
            return code == PATRON_NOT_FOUND ? PATRON_OK : code;
    }
    for (size_t i = 0; fact.customer != 0 && i < entry->merged_count; i++) {
        fact.from_customer = entry->merged[i];
        if (!has_move(moment, fact.from_customer, fact.customer))
            fact_add(page, moment, &fact);
    }
    for (size_t i = 1; moment->fact_count > 0 && i < entry->change.part_count; i++) {
        fact.from_customer = entry->change.parts[0];
        fact.customer = entry->change.parts[i];
        if (!has_move(moment, fact.from_customer, fact.customer))
            fact_add(page, moment, &fact);
    }
    return PATRON_OK;
}

/* The entry of the log: what it was, and who did it. */
static enum patron_code entry_fill(
    struct page *page, const struct view *view, struct history_moment *moment, struct error *error)
{
    uint8_t key[8];
    struct bytes value;
    struct log_entry entry;
    encode_time(key, moment->known_at_us);
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_LOG, bytes_of(key, sizeof key), page->arena, &value, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    TRY(log_decode(bytes_of(key, sizeof key), value, page->arena, &entry, error));
    TRY(moves_fill(page, view, moment, &entry, error));
    moment->is_event = entry.kind == LOG_EVENT;
    if (moment->is_event)
        memcpy(moment->event, entry.hash, EVENT_HASH_BYTES);
    if (entry.kind != LOG_IDENTITY)
        return PATRON_OK;
    moment->actor = entry.change.actor;
    moment->reason = entry.change.reason;
    bool splits = entry.change.change == CHANGE_SPLIT || entry.change.change == CHANGE_BLOCK;
    for (size_t i = 0; splits && i < moment->fact_count; i++)
        if (moment->facts[i].what == HAPPENING_MERGED)
            moment->facts[i].what = HAPPENING_SPLIT;
    return PATRON_OK;
}

static int fact_compare(const void *left, const void *right)
{
    const struct history_fact *a = left, *b = right;
    if (a->what != b->what)
        return a->what < b->what ? -1 : 1;
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    if (a->other != b->other)
        return a->other < b->other ? -1 : 1;
    return a->separated_us < b->separated_us ? -1 : a->separated_us > b->separated_us;
}

enum patron_code history_read(const struct view *view, const struct history_asked *asked, struct arena *arena,
    struct history *history, struct error *error)
{
    CHECK(asked->most > 0 && asked->most <= HISTORY_MOMENTS_MAX);
    struct moment_set set;
    moment_set_init(&set, asked->most, false, arena);
    struct scan scan = {.view = view, .asked = asked, .take = moment_take, .context = &set};
    TRY(scan_all(&scan, error));
    struct page page = {.set = &set,
        .moments = arena_array(arena, set.count, sizeof *page.moments),
        .refused = arena_array(arena, set.count, sizeof *page.refused),
        .arena = arena};
    for (size_t i = 0; i < set.count; i++)
        page.moments[i].known_at_us = set.moments[i];
    scan.take = page_take;
    scan.context = &page;
    TRY(scan_all(&scan, error));
    for (size_t i = 0; i < set.count; i++) {
        struct history_moment *moment = &page.moments[i];
        if (page.refused[i])
            TRY(refused_fill(&page, view, moment, error));
        TRY(entry_fill(&page, view, moment, error));
        if (moment->fact_count > 1)
            qsort(moment->facts, moment->fact_count, sizeof *moment->facts, fact_compare);
    }
    *history = (struct history){page.moments, set.count, set.more};
    return PATRON_OK;
}
