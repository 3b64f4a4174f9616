/* ListModels and GetModel. */
#include "server/methods/errand.h"
#include "server/methods/matching_messages.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"

static enum patron_code list(struct errand *errand, struct error *error)
{
    struct arena *arena = &errand->call->arena;
    struct model_entry *entries;
    size_t count;
    errand_view_now(errand);
    TRY(models_list(errand->view, arena, &entries, &count, error));
    Patron__V1__ListModelsResponse response = PATRON__V1__LIST_MODELS_RESPONSE__INIT;
    response.models = arena_array(arena, count, sizeof *response.models);
    for (; response.n_models < count; response.n_models++)
        TRY(matching_model_message(errand->view, &entries[response.n_models], false, arena,
            &response.models[response.n_models], error));
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static enum patron_code get(struct errand *errand, struct error *error)
{
    const Patron__V1__GetModelRequest *request = (const Patron__V1__GetModelRequest *)(const void *)errand->request;
    struct model_entry entry;
    errand_view_now(errand);
    enum patron_code code = model_find(errand->view, request->number, &entry, error);
    if (code == PATRON_NOT_FOUND && request->number == 0)
        return error_set(error, PATRON_NOT_FOUND, "there is no model yet: train one, with patron identity train");
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_NOT_FOUND,
            "there is no model %u: patron identity models lists those that there are", request->number);
    TRY(code);
    Patron__V1__GetModelResponse response = PATRON__V1__GET_MODEL_RESPONSE__INIT;
    TRY(matching_model_message(errand->view, &entry, true, &errand->call->arena, &response.model, error));
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static void list_start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__list_models_request__descriptor, list);
}

static void get_start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__get_model_request__descriptor, get);
}

const struct method method_list_models = ERRAND_METHOD("/patron.v1.Matching/ListModels", list_start);
const struct method method_get_model = ERRAND_METHOD("/patron.v1.Matching/GetModel", get_start);
