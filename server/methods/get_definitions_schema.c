/* GetDefinitionsSchema: the JSON Schema of definitions files. */
#include "patron/v1/definitions.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "store/definitions/json_schema.h"

static void start(struct call *call, struct bytes request)
{
    (void)request; /* it has no fields */
    struct encoder text = {0};
    definitions_json_schema(&text);
    Patron__V1__GetDefinitionsSchemaResponse response = PATRON__V1__GET_DEFINITIONS_SCHEMA_RESPONSE__INIT;
    response.schema = arena_string(&call->arena, encoder_borrow(&text));
    encoder_clear(&text);
    reply_message(call, &response.base);
    call_finish(call, PATRON_OK, NULL);
}

const struct method method_get_definitions_schema = {
    .path = "/patron.v1.Definitions/GetDefinitionsSchema",
    .shape = METHOD_UNARY,
    .start = start,
};
