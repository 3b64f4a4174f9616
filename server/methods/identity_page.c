#include "server/methods/identity_page.h"

#include "server/metrics.h"
#include "store/identity/rules.h"
#include "store/journal/log.h"

struct number {
    const char *name;
    const char *type;
    const char *help;
    double value;
};

static void write_all(const struct number *numbers, size_t count, struct encoder *page)
{
    for (size_t i = 0; i < count; i++)
        metrics_number(page, numbers[i].name, numbers[i].type, numbers[i].help, numbers[i].value);
}

static void write_shares(const struct census *census, struct encoder *page)
{
    metrics_head(page, "patron_identity_linked_share", "gauge",
        "Share of events whose customer has two identifiers or more: of all, and of the fifth with the greatest "
        "value.");
    const struct metrics_label all = {"customers", bytes_from_string("all")};
    metrics_sample(page, "patron_identity_linked_share", &all, 1, census_linked_share(&census->all));
    if (census->by_value) {
        const struct metrics_label top = {"customers", bytes_from_string("top_fifth")};
        metrics_sample(page, "patron_identity_linked_share", &top, 1, census_linked_share(&census->top_fifth));
    }
    metrics_head(page, "patron_identity_events_of_type", "gauge",
        "Events whose customer has an identifier of the type.");
    for (size_t i = 0; i < census->type_count; i++) {
        const struct metrics_label type = {"type", bytes_from_string(census->type_names[i])};
        metrics_sample(page, "patron_identity_events_of_type", &type, 1, (double)census->types[i].events);
    }
    metrics_head(page, "patron_identity_customers", "gauge", "Customers, by how many identifiers they have.");
    for (size_t i = 0; i < CENSUS_SIZES; i++) {
        const struct metrics_label size = {"identifiers", bytes_from_string(census_size_labels[i])};
        metrics_sample(page, "patron_identity_customers", &size, 1, (double)census->sizes[i]);
    }
}

static void write_census(const struct census *census, struct encoder *page)
{
    write_shares(census, page);
    metrics_number(page, "patron_identity_measured_at_seconds", "gauge",
        "When customers were last counted, since 1970.", (double)census->as_of_us / 1e6);
}

/* Nothing where they cannot be read. */
static void write_reviews(struct port *port, int64_t clock_us, struct encoder *page)
{
    const struct view *view = port->functions->view_acquire(port, NULL);
    int64_t now_us = clock_us > view->position_us ? clock_us : view->position_us + 1;
    struct census_reviews reviews;
    struct error error;
    enum patron_code code = census_reviews_take(view, now_us, &reviews, &error);
    port->functions->view_release(port, view);
    if (code != PATRON_OK)
        return;
    const struct number numbers[] = {
        {"patron_identity_review_open", "gauge", "Merges that wait for a person.", (double)reviews.open},
        {"patron_identity_suspected_duplicates", "gauge", "Of these, those of records that are alike.",
            (double)reviews.suspected_duplicates},
        {"patron_identity_review_oldest_seconds", "gauge", "For how long the oldest of them has waited.",
            reviews.open > 0 ? (double)(now_us - reviews.oldest_us) / 1e6 : 0},
    };
    write_all(numbers, sizeof numbers / sizeof numbers[0], page);
}

static void write_changes(const struct store_figures *store, struct encoder *page)
{
    metrics_head(page, "patron_identity_not_joined_total", "counter",
        "Identifiers of events, and links, that a rule kept from being joined or sent to review, by rule.");
    for (uint8_t i = 1; i < OBSTACLE_FIGURES_MAX; i++) {
        enum obstacle obstacle;
        if (!obstacle_from(i, &obstacle))
            continue;
        const struct metrics_label rule = {"rule", bytes_from_string(obstacle_word(obstacle))};
        metrics_sample(page, "patron_identity_not_joined_total", &rule, 1, (double)store->refused[i]);
    }
    const struct number numbers[] = {
        {"patron_identity_splits_total", "counter", "Links taken back by hand.",
            (double)store->changes.changes[CHANGE_SPLIT]},
        {"patron_identity_blocks_total", "counter", "Identifiers blocked.",
            (double)store->changes.changes[CHANGE_BLOCK]},
        {"patron_identity_reviews_approved_total", "counter", "Merges that a person approved.",
            (double)store->review.approved},
        {"patron_identity_reviews_rejected_total", "counter", "Merges that a person rejected.",
            (double)store->review.rejected},
        {"patron_identity_reviews_expired_total", "counter", "Merges that nobody decided in time.",
            (double)store->review.expired},
        {"patron_identity_reviews_not_taken_total", "counter",
            "Merges that found the review queue full and were refused.", (double)store->review.not_taken},
    };
    write_all(numbers, sizeof numbers / sizeof numbers[0], page);
}

void identity_page_write(
    struct port *port, const struct server_status *status, const struct census *census, struct encoder *page)
{
    write_changes(&status->figures, page);
    write_reviews(port, status->clock_us, page);
    if (census)
        write_census(census, page);
}
