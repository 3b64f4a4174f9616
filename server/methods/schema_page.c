#include "server/methods/schema_page.h"

#include "server/metrics.h"
#include "store/schema/schema.h"

static void write_findings(const struct schema_report *report, struct encoder *page)
{
    metrics_head(page, "patron_schema_findings", "gauge",
        "What has changed in the events that sources send, 1 each: at most 200; `patron schema` says more.");
    for (size_t i = 0; i < report->finding_count && i < SCHEMA_PAGE_FINDINGS_MAX; i++) {
        const struct schema_finding *finding = &report->findings[i];
        struct metrics_label labels[] = {
            {"kind", bytes_from_string(schema_finding_kind_name(finding->kind))},
            {"source", finding->source},
            {"event", finding->event},
            {"attribute", finding->attribute},
        };
        metrics_sample(page, "patron_schema_findings", labels, sizeof labels / sizeof labels[0], 1);
    }
    uint64_t by_kind[SCHEMA_FINDING_KIND_END] = {0};
    for (size_t i = 0; i < report->finding_count; i++)
        by_kind[report->findings[i].kind]++;
    metrics_head(page, "patron_schema_findings_by_kind", "gauge", "How many there are of each kind, all of them.");
    for (enum schema_finding_kind kind = SCHEMA_NEW; kind < SCHEMA_FINDING_KIND_END; kind++) {
        struct metrics_label label = {"kind", bytes_from_string(schema_finding_kind_name(kind))};
        metrics_sample(page, "patron_schema_findings_by_kind", &label, 1, (double)by_kind[kind]);
    }
}

void schema_page_write(struct port *port, struct encoder *page)
{
    struct server_status status;
    port->functions->status(port, &status);
    const struct view *view = port->functions->view_acquire(port, NULL);
    struct arena arena = {0};
    struct schema_filter all = {0};
    struct schema_history history;
    bool readable = schema_read(view, &all, &arena, &history, NULL) == PATRON_OK;
    if (readable) {
        struct schema_report report;
        schema_report(&history, view->definitions, status.clock_us, &arena, &report);
        write_findings(&report, page);
    }
    metrics_number(page, "patron_schema_readable", "gauge",
        "1 if the counters that findings are made from could be read.", readable);
    arena_clear(&arena);
    port->functions->view_release(port, view);
}
