/* ListDefinitionsVersions: what a view says of the versions, and how far the newest is filled. */
#include "patron/v1/definitions.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/services.h"
#include "store/versions/versions.h"

#define STATE(name) PATRON__V1__DEFINITIONS_VERSION_STATE__DEFINITIONS_VERSION_STATE_##name

static Patron__V1__DefinitionsVersionState state_of(const struct view *view, const struct version *version)
{
    if (!version->definitions)
        return STATE(DROPPED);
    if (version->definitions == view->definitions)
        return STATE(SERVING);
    return version == versions_newest(view->versions) ? STATE(FILLING) : STATE(KEPT);
}

static void start(struct call *call, struct bytes request)
{
    (void)request; /* it has no fields */
    struct arena *arena = &call->arena;
    struct port *port = call->services->port;
    const struct view *view = port->functions->view_acquire(port, NULL);
    struct refill_progress progress;
    port->functions->refill_progress(port, &progress);
    Patron__V1__ListDefinitionsVersionsResponse response = PATRON__V1__LIST_DEFINITIONS_VERSIONS_RESPONSE__INIT;
    response.versions = arena_array(arena, view->versions->count, sizeof response.versions[0]);
    for (size_t i = 0; i < view->versions->count; i++) {
        struct version *version = view->versions->list[i];
        Patron__V1__DefinitionsVersion *message = arena_alloc(arena, sizeof *message);
        patron__v1__definitions_version__init(message);
        message->definitions_version = version->number;
        message->state = state_of(view, version);
        message->known_at_us = version->known_at_us;
        message->text_bytes = version->text_bytes;
        message->asked = atomic_load_explicit(&version->asked, memory_order_relaxed);
        if (version->definitions) {
            message->features = (uint32_t)version->definitions->feature_count;
            message->services = (uint32_t)version->definitions->service_count;
        }
        if (message->state == STATE(FILLING) && progress.version == version->number) {
            message->identifiers_done = progress.nodes;
            message->identifiers_total = progress.nodes_total;
            message->following = progress.phase == REFILL_FOLLOWING;
            message->events_behind = message->following ? progress.behind : 0;
            if (progress.phase == REFILL_FAILED)
                message->failure = arena_string(arena, bytes_from_string(progress.error.text));
        }
        response.versions[response.n_versions++] = message;
    }
    reply_message(call, &response.base);
    port->functions->view_release(port, view);
    call_finish(call, PATRON_OK, NULL);
}

const struct method method_list_definitions_versions = {
    .path = "/patron.v1.Definitions/ListDefinitionsVersions",
    .shape = METHOD_UNARY,
    .start = start,
};
