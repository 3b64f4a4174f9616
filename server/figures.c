#include "server/figures.h"

#include "server/methods/identity_page.h"
#include "server/methods/schema_page.h"
#include "server/metrics.h"

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

static void write_ingestion(const struct writer_figures *writer, struct encoder *page)
{
    const struct number numbers[] = {
        {"patron_events_applied_total", "counter", "Events taken in.", (double)writer->applied},
        {"patron_events_duplicate_total", "counter", "Events that were in the store already.",
            (double)writer->duplicates},
        {"patron_events_refused_total", "counter", "Events refused, each with its reason.",
            (double)writer->refused},
        {"patron_ingest_batches_total", "counter", "Batches done.", (double)writer->batches},
        {"patron_group_commits_total", "counter", "Groups of events committed, a sync each.",
            (double)writer->groups},
        {"patron_group_seconds_total", "counter", "Time from groups' begin to their being visible.",
            (double)writer->group_us_total / 1e6},
        {"patron_ingest_queued_events", "gauge", "Events that wait for the writer.",
            (double)writer->queued_events},
        {"patron_ingest_queued_bytes", "gauge", "The same in bytes.", (double)writer->queued_bytes},
        {"patron_ingest_gave_way_seconds_total", "counter",
            "Time that events waited for a new version of the definitions to follow those before.",
            (double)writer->gave_way_us / 1e6},
        {"patron_ingest_slow_events_total", "counter", "Events that held the writer for more than 10 milliseconds.",
            (double)writer->entries_slow},
        {"patron_ingest_longest_event_seconds", "gauge", "The longest that one event has held the writer.",
            (double)writer->entry_us_max / 1e6},
        {"patron_write_backs_total", "counter", "Passes that wrote profiles back.",
            (double)writer->write_backs},
    };
    write_all(numbers, sizeof numbers / sizeof numbers[0], page);
}

static void write_store(const struct store_figures *store, struct encoder *page)
{
    const struct number numbers[] = {
        {"patron_nodes", "gauge", "Identifiers known.", (double)store->nodes},
        {"patron_events", "gauge", "Events in the store.", (double)store->events},
        {"patron_merges_total", "counter", "Customers merged.", (double)store->merges},
        {"patron_identifiers_dropped_total", "counter",
            "Identifiers dropped from events, for a rule forbade the link.",
            (double)store->identifiers_dropped},
        {"patron_events_unknown_attributes_total", "counter",
            "Attributes that came and that the event's type does not have: refused, dropped or kept by name.",
            (double)store->schema.unknown_attributes},
        {"patron_events_failed_attributes_total", "counter",
            "Attributes that came and did not suit their type; their events were refused.",
            (double)store->schema.failed_attributes},
        {"patron_events_unknown_types_total", "counter",
            "Events refused for a type that the definitions do not have.", (double)store->schema.unknown_types},
        {"patron_shared_costs_waiting", "gauge", "Costs of no customer that wait to be shared out.",
            (double)store->sharing.waiting},
        {"patron_shared_costs_total", "counter", "Costs of no customer that were shared out over customers.",
            (double)store->sharing.shared},
        {"patron_shared_costs_unallocated_total", "counter",
            "Costs of no customer that nobody bears: what they are shared by did not happen.",
            (double)store->sharing.unallocated},
        {"patron_profiles_behind", "gauge", "Profiles that lag the log on disk.",
            (double)store->profiles_behind},
    };
    write_all(numbers, sizeof numbers / sizeof numbers[0], page);
}

static void write_refill(const struct refill_progress *refill, struct encoder *page)
{
    bool filling = refill->phase == REFILL_FILLING, following = refill->phase == REFILL_FOLLOWING;
    const struct number numbers[] = {
        {"patron_refills_total", "counter", "Versions of the definitions filled from the events, since the start.",
            (double)refill->refills},
        {"patron_refill_identifiers_left", "gauge",
            "Identifiers whose customers are to be folded yet for the version that is being filled.",
            filling ? (double)(refill->nodes_total - refill->nodes) : 0},
        {"patron_refill_events_behind", "gauge",
            "Events that came in meanwhile and are to be applied yet to the version that is being filled.",
            following ? (double)refill->behind : 0},
        {"patron_refill_failed", "gauge", "1 where the newest version of the definitions cannot be filled.",
            refill->phase == REFILL_FAILED},
    };
    write_all(numbers, sizeof numbers / sizeof numbers[0], page);
}

static void write_memory(const struct database_figures *figures, struct encoder *page)
{
    const struct number numbers[] = {
        {"patron_profile_cache_hits_total", "counter", "Profiles found in memory.",
            (double)figures->cache.hits},
        {"patron_profile_cache_misses_total", "counter", "Profiles read from the engine.",
            (double)figures->cache.misses},
        {"patron_profile_cache_entries", "gauge", "Profiles in memory.", (double)figures->cache.entries},
        {"patron_profile_cache_unsettled", "gauge", "Of these, not on disk yet.",
            (double)figures->cache.unsettled},
        {"patron_profile_cache_bytes", "gauge", "Memory they take.", (double)figures->cache.bytes},
        {"patron_profile_cache_bytes_max", "gauge", "Memory they may take.",
            (double)figures->cache.bytes_max},
        {"patron_kv_disk_bytes", "gauge", "Live data in the engine's files.", (double)figures->kv.disk_bytes},
        {"patron_kv_memory_bytes", "gauge", "The engine's memtables and block cache.",
            (double)figures->kv.memory_bytes},
        {"patron_kv_writes_stopped", "gauge", "1 while the engine holds writers back.",
            figures->kv.writes_stopped},
        {"patron_kv_pending_compaction_bytes", "gauge", "What compaction is behind with.",
            (double)figures->kv.pending_compaction_bytes},
        {"patron_work_queued", "gauge", "Reads of the past and snapshots that wait for a worker.",
            (double)figures->work_queued},
    };
    write_all(numbers, sizeof numbers / sizeof numbers[0], page);
}

void figures_write(struct database *database, struct encoder *page)
{
    struct database_figures figures;
    database_figures(database, &figures);
    struct server_status status;
    struct port *port = database_port(database);
    port->functions->status(port, &status);
    write_ingestion(&figures.writer, page);
    write_store(&status.figures, page);
    identity_page_write(port, &status, figures.measured ? &figures.census : NULL, page);
    write_refill(&figures.refill, page);
    write_memory(&figures, page);
    schema_page_write(port, page);
    double newest_s = status.newest_known_at_us == INT64_MIN ? 0 : (double)status.newest_known_at_us / 1e6;
    const struct number numbers[] = {
        {"patron_newest_known_at_seconds", "gauge",
            "known_at of the newest entry, since 1970; 0: there is none.", newest_s},
        {"patron_clock_seconds", "gauge", "The server's clock, since 1970.", (double)status.clock_us / 1e6},
        {"patron_clock_jumped", "gauge", "1 while writes are stopped until an operator confirms the clock.",
            status.clock_jumped},
    };
    write_all(numbers, sizeof numbers / sizeof numbers[0], page);
}
