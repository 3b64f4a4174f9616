#include "server/methods/identity_who.h"

#include "server/methods/identity_messages.h"
#include "store/base/time_text.h"

enum patron_code identity_who_find(
    struct errand *errand, const struct identity_who *who, uint64_t *customer, struct error *error)
{
    uint64_t node = who->node;
    if (!who->identifier && who->node == 0 && who->customer == 0)
        return error_set(error, PATRON_INVALID, "say whose identity: an identifier, a node or a customer");
    if (who->has_as_of)
        TRY(errand_view_at(errand, who->as_of_us, error));
    else
        errand_view_now(errand);
    *customer = who->customer;
    if (who->customer != 0)
        return PATRON_OK;
    const struct view *view = errand->view;
    if (who->identifier)
        TRY(identity_identifier_find(view, who->identifier, &errand->call->arena, &node, error));
    enum patron_code code = membership_at(view->kv, view->snapshot, node, errand->as_of_us, customer, error);
    if (code != PATRON_NOT_FOUND)
        return code;
    char moment[TIME_TEXT_MAX];
    time_to_text(errand->as_of_us, moment);
    if (!who->identifier)
        return error_set(error, PATRON_NOT_FOUND, "there was no identifier of number %llu as of %s",
            (unsigned long long)node, moment);
    return error_set(error, PATRON_NOT_FOUND, "the identifier was not known yet as of %s", moment);
}
