#include "server/methods/services.h"

#include "server/methods/methods.h"
#include "store/base/limits.h"

static const struct method *const all[] = {
    &method_get_features,
    &method_get_vectors,
    &method_ingest,
    &method_snapshot,
    &method_verify,
    &method_get_status,
    &method_get_schema,
    &method_get_measures,
    &method_train,
    &method_preview_matches,
    &method_list_models,
    &method_get_model,
    &method_get_matching_status,
    &method_list_reviews,
    &method_get_review,
    &method_decide_review,
    &method_confirm_clock,
    &method_describe_definitions,
    &method_check_definitions,
    &method_apply_definitions,
    &method_list_definitions_versions,
    &method_drop_definitions_version,
    &method_get_definitions_schema,
    &method_show_identity,
    &method_identity_history,
    &method_link_identity,
    &method_unlink_identity,
    &method_block_identity,
    &method_unblock_identity,
    &method_health_check,
    &method_health_watch,
    &method_reflection,
    &method_reflection_alpha,
};

enum { REFLECTION_METHODS = 2 };

const struct method *const *methods_all(size_t *count)
{
    *count = sizeof all / sizeof all[0];
    return all;
}

const struct method *const *methods_without_reflection(size_t *count)
{
    *count = sizeof all / sizeof all[0] - REFLECTION_METHODS;
    return all;
}

enum patron_code services_begin_background(struct services *services, struct error *error)
{
    if (atomic_fetch_add(&services->background, 1) < BACKGROUND_CALLS_MAX)
        return PATRON_OK;
    atomic_fetch_sub(&services->background, 1);
    return error_set(error, PATRON_EXHAUSTED,
        "%d reads of the past, snapshots and verifications are under way already; try again later",
        BACKGROUND_CALLS_MAX);
}

void services_end_background(struct services *services)
{
    uint32_t before = atomic_fetch_sub(&services->background, 1);
    CHECK(before > 0);
}
