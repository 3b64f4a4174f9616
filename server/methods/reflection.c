#include "server/methods/reflection.h"

#include <stdio.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "patron/descriptors.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"

typedef Google__Protobuf__FileDescriptorProto file_descriptor;
typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

enum { FILES_MAX = 64, SYMBOL_BYTES_MAX = 512 };

struct file {
    const file_descriptor *descriptor;
    ProtobufCBinaryData packed;
};

struct reflection {
    struct arena arena;
    struct file files[FILES_MAX];
    size_t file_count;
    const char **services;
    size_t service_count;
};

static void index_services(struct reflection *reflection)
{
    size_t total = 0;
    for (size_t i = 0; i < reflection->file_count; i++)
        total += reflection->files[i].descriptor->n_service;
    reflection->services = arena_array(&reflection->arena, total, sizeof reflection->services[0]);
    for (size_t i = 0; i < reflection->file_count; i++) {
        const file_descriptor *file = reflection->files[i].descriptor;
        for (size_t j = 0; j < file->n_service; j++) {
            char *name = arena_alloc(&reflection->arena, SYMBOL_BYTES_MAX);
            snprintf(name, SYMBOL_BYTES_MAX, "%s.%s", file->package, file->service[j]->name);
            reflection->services[reflection->service_count++] = name;
        }
    }
}

enum patron_code reflection_new(struct reflection **reflection, struct error *error)
{
    struct reflection *made = memory_alloc(sizeof *made);
    ProtobufCMessage *message;
    enum patron_code code = request_unpack(&google__protobuf__file_descriptor_set__descriptor,
        patron_descriptors, &made->arena, &message, error);
    const Google__Protobuf__FileDescriptorSet *set = code == PATRON_OK ? (void *)message : NULL;
    if (!set || set->n_file > FILES_MAX) {
        reflection_free(made);
        return error_set(error, PATRON_CORRUPT, "the built-in descriptors cannot be read");
    }
    for (size_t i = 0; i < set->n_file; i++) {
        size_t length = protobuf_c_message_get_packed_size(&set->file[i]->base);
        uint8_t *packed = arena_alloc(&made->arena, length);
        protobuf_c_message_pack(&set->file[i]->base, packed);
        made->files[made->file_count++] = (struct file){set->file[i], {length, packed}};
    }
    index_services(made);
    *reflection = made;
    return PATRON_OK;
}

void reflection_free(struct reflection *reflection)
{
    if (!reflection)
        return;
    arena_clear(&reflection->arena);
    memory_free(reflection);
}

/* --- looking up -------------------------------------------------------------------------------------------
 */

static const struct file *file_by_name(const struct reflection *reflection, const char *name)
{
    for (size_t i = 0; i < reflection->file_count; i++)
        if (strcmp(reflection->files[i].descriptor->name, name) == 0)
            return &reflection->files[i];
    return NULL;
}

/* If `symbol` begins with `part` and a dot, or is it, what is left; else null. */
static const char *after(const char *symbol, const char *part)
{
    size_t length = strlen(part);
    if (strncmp(symbol, part, length) != 0)
        return NULL;
    if (symbol[length] == 0)
        return symbol + length;
    return symbol[length] == '.' ? symbol + length + 1 : NULL;
}

/* Recursion follows our own descriptors, whose nesting is finite. */
static bool message_declares( // NOLINT(misc-no-recursion)
    const Google__Protobuf__DescriptorProto *message, const char *symbol)
{
    const char *rest = after(symbol, message->name);
    if (!rest)
        return false;
    if (!*rest)
        return true;
    for (size_t i = 0; i < message->n_nested_type; i++)
        if (message_declares(message->nested_type[i], rest))
            return true;
    for (size_t i = 0; i < message->n_enum_type; i++)
        if (strcmp(message->enum_type[i]->name, rest) == 0)
            return true;
    for (size_t i = 0; i < message->n_field; i++)
        if (strcmp(message->field[i]->name, rest) == 0)
            return true;
    return false;
}

static bool service_declares(const Google__Protobuf__ServiceDescriptorProto *service, const char *symbol)
{
    const char *rest = after(symbol, service->name);
    if (!rest)
        return false;
    if (!*rest)
        return true;
    for (size_t i = 0; i < service->n_method; i++)
        if (strcmp(service->method[i]->name, rest) == 0)
            return true;
    return false;
}

static bool file_declares(const file_descriptor *file, const char *symbol)
{
    const char *rest = after(symbol, file->package);
    if (!rest)
        return false;
    for (size_t i = 0; i < file->n_message_type; i++)
        if (message_declares(file->message_type[i], rest))
            return true;
    for (size_t i = 0; i < file->n_service; i++)
        if (service_declares(file->service[i], rest))
            return true;
    for (size_t i = 0; i < file->n_enum_type; i++)
        if (strcmp(file->enum_type[i]->name, rest) == 0)
            return true;
    return false;
}

static const struct file *file_by_symbol(const struct reflection *reflection, const char *symbol)
{
    for (size_t i = 0; i < reflection->file_count; i++)
        if (file_declares(reflection->files[i].descriptor, symbol))
            return &reflection->files[i];
    return NULL;
}

/* --- answering --------------------------------------------------------------------------------------------
 */

/* Adds a file and all that it imports, each once: no import is in two places of the list. */
static void add_with_imports( // NOLINT(misc-no-recursion)
    const struct reflection *reflection, const struct file *file, bool *added, struct arena *arena,
    Grpc__Reflection__V1__FileDescriptorResponse *to)
{
    size_t index = (size_t)(file - reflection->files);
    if (added[index])
        return;
    added[index] = true;
    if (!to->file_descriptor_proto)
        to->file_descriptor_proto =
            arena_array(arena, reflection->file_count, sizeof to->file_descriptor_proto[0]);
    to->file_descriptor_proto[to->n_file_descriptor_proto++] = file->packed;
    for (size_t i = 0; i < file->descriptor->n_dependency; i++) {
        const struct file *import = file_by_name(reflection, file->descriptor->dependency[i]);
        if (import)
            add_with_imports(reflection, import, added, arena, to);
    }
}

static void answer_error(
    struct arena *arena, reflection_response *response, enum patron_code code, const char *words)
{
    Grpc__Reflection__V1__ErrorResponse *failure = arena_alloc(arena, sizeof *failure);
    grpc__reflection__v1__error_response__init(failure);
    failure->error_code = patron_code_grpc(code);
    failure->error_message = arena_string(arena, bytes_from_string(words));
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    response->error_response = failure;
}

static void answer_file(const struct reflection *reflection, const struct file *file, struct arena *arena,
    reflection_response *response)
{
    if (!file) {
        answer_error(arena, response, PATRON_NOT_FOUND, "nothing of that name here");
        return;
    }
    Grpc__Reflection__V1__FileDescriptorResponse *files = arena_alloc(arena, sizeof *files);
    grpc__reflection__v1__file_descriptor_response__init(files);
    bool added[FILES_MAX] = {false};
    add_with_imports(reflection, file, added, arena, files);
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    response->file_descriptor_response = files;
}

static void answer_services(
    const struct reflection *reflection, struct arena *arena, reflection_response *response)
{
    Grpc__Reflection__V1__ListServiceResponse *list = arena_alloc(arena, sizeof *list);
    grpc__reflection__v1__list_service_response__init(list);
    list->service = arena_array(arena, reflection->service_count, sizeof(void *));
    for (size_t i = 0; i < reflection->service_count; i++) {
        Grpc__Reflection__V1__ServiceResponse *service = arena_alloc(arena, sizeof *service);
        grpc__reflection__v1__service_response__init(service);
        service->name = arena_string(arena, bytes_from_string(reflection->services[i]));
        list->service[list->n_service++] = service;
    }
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response->list_services_response = list;
}

static void answer(const struct reflection *reflection, reflection_request *request, struct arena *arena,
    reflection_response *response)
{
    response->valid_host = request->host;
    response->original_request = request;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_services(reflection, arena, response);
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        answer_file(reflection, file_by_name(reflection, request->file_by_filename), arena, response);
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        answer_file(reflection, file_by_symbol(reflection, request->file_containing_symbol), arena, response);
        return;
    default: /* this contract has no extensions; other questions are of a later protocol */
        answer_error(arena, response, PATRON_NOT_FOUND, "no extensions here");
        return;
    }
}

/* The state of a call is the index: there is nothing else to remember. */
static void reflection_start(struct call *call, struct bytes request)
{
    (void)request;
    call_read(call);
}

static void reflection_message(struct call *call, struct bytes message)
{
    struct error error;
    ProtobufCMessage *request;
    arena_reset(&call->scratch);
    enum patron_code code = request_unpack(&grpc__reflection__v1__server_reflection_request__descriptor,
        message, &call->scratch, &request, &error);
    if (code != PATRON_OK) {
        call_finish(call, code, &error);
        return;
    }
    reflection_response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    answer(call->services->reflection, (reflection_request *)request, &call->scratch, &response);
    reply_message(call, &response.base);
    call_send(call);
}

static void reflection_half_closed(struct call *call)
{
    call_finish(call, PATRON_OK, NULL);
}

static void reflection_sent(struct call *call)
{
    call_read(call);
}

static void reflection_drain(struct call *call)
{
    struct error error;
    call_finish(call, error_set(&error, PATRON_BUSY, "the server is shutting down"), &error);
}

#define REFLECTION(name, version)                                                                            \
    const struct method name = {                                                                             \
        .path = "/grpc.reflection." version ".ServerReflection/ServerReflectionInfo",                        \
        .shape = METHOD_STREAMS,                                                                             \
        .start = reflection_start,                                                                           \
        .message = reflection_message,                                                                       \
        .half_closed = reflection_half_closed,                                                               \
        .sent = reflection_sent,                                                                             \
        .drain = reflection_drain,                                                                           \
    }

REFLECTION(method_reflection, "v1");
REFLECTION(method_reflection_alpha, "v1alpha");
