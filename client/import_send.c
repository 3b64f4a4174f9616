/* A sorter row: the key is the row hash (event_row.c). The payload is
 *     varint file, varint line, then the Event as the wire has it (protobuf), its id left empty if the row brings none.
 * Equal rows come one after the other, since they have one time and one key: their ordinal is a run counter. */
#include "client/import_send.h"

#include <stdio.h>
#include <string.h>

#include "patron/v1/ingestion.pb-c.h"
#include "store/base/encode.h"

enum {
    BATCH_EVENTS = 1000,
    /* Long texts make a batch end earlier: well under REQUEST_BYTES_MAX. */
    BATCH_BYTES = 2 * 1024 * 1024,
    /* How much may be on its way: enough to keep the server's writer busy, little enough to lose nothing by. A batch
     * has one source, so files merged by time can make short batches; those may be many. */
    EVENTS_UNDER_WAY = 4 * BATCH_EVENTS,
    BATCHES_UNDER_WAY = 64,
    /* With --strict one batch is under way, and a small one: what follows the first refusal is in that batch. */
    STRICT_BATCH_EVENTS = 100,
};

struct place {
    uint32_t file;
    uint64_t line;
};

struct batch {
    struct place places[BATCH_EVENTS];
    size_t count;
};

struct sending {
    const struct import_send_options *options;
    struct rpc_stream *stream;
    struct import_counts *counts;
    struct faults *faults;
    struct progress progress;
    struct batch *batches; /* a ring of BATCHES_UNDER_WAY */
    uint64_t first, next;  /* batch numbers: answered next, sent next */
    size_t events_under_way;

    /* the batch being filled */
    struct arena arena;
    Patron__V1__Event *events[BATCH_EVENTS];
    size_t bytes;
    uint32_t file; /* of its first row, for the source */

    uint8_t run_hash[ROW_HASH_BYTES];
    int64_t run_time_us;
    uint64_t run_length;
};

static char *text_of(struct arena *arena, struct bytes text)
{
    return arena_string(arena, text);
}

static void event_fill(Patron__V1__Event *event, const struct event_row *row, struct arena *scratch)
{
    patron__v1__event__init(event);
    event->type = text_of(scratch, row->type);
    event->id = text_of(scratch, row->id);
    event->time_us = row->time_us;
    event->identifiers = arena_array(scratch, row->identifier_count, sizeof *event->identifiers);
    event->n_identifiers = row->identifier_count;
    for (size_t i = 0; i < row->identifier_count; i++) {
        event->identifiers[i] = arena_alloc(scratch, sizeof **event->identifiers);
        patron__v1__identifier__init(event->identifiers[i]);
        event->identifiers[i]->type = text_of(scratch, row->identifiers[i].type);
        event->identifiers[i]->value = text_of(scratch, row->identifiers[i].value);
    }
    event->attributes = arena_array(scratch, row->attribute_count, sizeof *event->attributes);
    event->n_attributes = row->attribute_count;
    for (size_t i = 0; i < row->attribute_count; i++) {
        Patron__V1__Attribute *attribute = event->attributes[i] = arena_alloc(scratch, sizeof *attribute);
        patron__v1__attribute__init(attribute);
        attribute->name = text_of(scratch, row->attributes[i].name);
        char *text = text_of(scratch, row->attributes[i].text);
        switch (row->attributes[i].kind) {
        case ROW_INTEGER: /* as a decimal too: it is exact whatever the digits, and suits every number type */
        case ROW_DECIMAL:
            attribute->value_case = PATRON__V1__ATTRIBUTE__VALUE_DECIMAL;
            attribute->decimal = text;
            break;
        case ROW_FLAG:
            attribute->value_case = PATRON__V1__ATTRIBUTE__VALUE_FLAG;
            attribute->flag = strcmp(text, "true") == 0;
            break;
        case ROW_TEXT:
            attribute->value_case = PATRON__V1__ATTRIBUTE__VALUE_TEXT;
            attribute->text = text;
            break;
        }
    }
}

enum patron_code import_row_add(struct sorter *sorter, const struct event_row *row, size_t file,
    const char *source, struct arena *scratch, struct error *error)
{
    uint8_t hash[ROW_HASH_BYTES];
    event_row_hash(row, bytes_from_string(source), scratch, hash);
    Patron__V1__Event event;
    event_fill(&event, row, scratch);
    struct encoder encoder = {0};
    encode_varint(&encoder, file);
    encode_varint(&encoder, row->line);
    size_t size = patron__v1__event__get_packed_size(&event);
    uint8_t *packed = arena_alloc(scratch, size);
    patron__v1__event__pack(&event, packed);
    encode_raw(&encoder, packed, size);
    enum patron_code code =
        sorter_add(sorter, row->time_us, bytes_of(hash, sizeof hash), encoder_borrow(&encoder), error);
    encoder_clear(&encoder);
    return code;
}

/* Say where --strict stopped. All of the batch is counted, and no other is under way. */
static enum patron_code strict_stop(const struct sending *sending, const struct batch *batch,
    const Patron__V1__IngestResponse *answer, struct error *error)
{
    size_t first = answer->refusals[0]->index;
    for (size_t i = 1; i < answer->n_refusals; i++)
        first = answer->refusals[i]->index < first ? answer->refusals[i]->index : first;
    const struct place *place = &batch->places[first];
    uint64_t in = sending->counts->applied + sending->counts->duplicates;
    uint64_t after = batch->count - first - answer->n_refusals;
    return error_set(error, PATRON_INVALID,
        "stopped at %.300s:%llu, the first refused event, as --strict says; %llu events before it are in, "
        "and %llu after it in the same batch",
        sending->options->files[place->file].path, (unsigned long long)place->line,
        (unsigned long long)(in - after), (unsigned long long)after);
}

/* Count an answered batch and report what it refused. */
static enum patron_code answer_take(
    struct sending *sending, const Patron__V1__IngestResponse *answer, struct error *error)
{
    if (sending->first == sending->next || answer->batch != sending->first)
        return error_set(error, PATRON_CORRUPT, "the server answered a batch that was not sent");
    const struct batch *batch = &sending->batches[sending->first % BATCHES_UNDER_WAY];
    struct import_counts *counts = sending->counts;
    counts->applied += answer->applied;
    counts->duplicates += answer->duplicates;
    counts->refused += answer->n_refusals;
    counts->identifiers_dropped += answer->identifiers_dropped;
    counts->known_late += answer->known_late;
    for (size_t i = 0; i < answer->n_refusals; i++) {
        const Patron__V1__Refusal *refusal = answer->refusals[i];
        if (refusal->index >= batch->count)
            return error_set(error, PATRON_CORRUPT, "the server refused an event that was not sent");
        const struct place *place = &batch->places[refusal->index];
        char what[512];
        snprintf(what, sizeof what, "refused (%s): %s", refusal->code, refusal->reason);
        faults_add(sending->faults, &sending->progress, sending->options->files[place->file].path,
            place->line, what);
    }
    sending->events_under_way -= batch->count;
    sending->first++;
    uint64_t done = counts->applied + counts->duplicates + counts->refused;
    progress_update(&sending->progress, done, done, sending->options->expected);
    if (sending->options->strict && answer->n_refusals > 0)
        return strict_stop(sending, batch, answer, error);
    return PATRON_OK;
}

static enum patron_code answer_wait(struct sending *sending, struct error *error)
{
    ProtobufCMessage *message;
    TRY(rpc_stream_receive(sending->stream, &message, error));
    if (!message)
        return error_set(error, PATRON_IO, "the server ended the import early");
    enum patron_code code = answer_take(sending, (Patron__V1__IngestResponse *)message, error);
    protobuf_c_message_free_unpacked(message, NULL);
    return code;
}

static struct batch *batch_filling(struct sending *sending)
{
    return &sending->batches[sending->next % BATCHES_UNDER_WAY];
}

static enum patron_code batch_send(struct sending *sending, struct error *error)
{
    struct batch *batch = batch_filling(sending);
    if (batch->count == 0)
        return PATRON_OK;
    Patron__V1__IngestRequest request = PATRON__V1__INGEST_REQUEST__INIT;
    request.batch = sending->next;
    request.source =
        arena_string(&sending->arena, bytes_from_string(sending->options->files[sending->file].source));
    request.n_events = batch->count;
    request.events = sending->events;
    TRY(rpc_stream_send(sending->stream, &request.base, error));
    sending->counts->sent += batch->count;
    sending->events_under_way += batch->count;
    sending->next++;
    arena_reset(&sending->arena);
    sending->bytes = 0;
    const uint64_t batches = sending->options->strict ? 1 : BATCHES_UNDER_WAY;
    while (sending->next - sending->first >= batches || sending->events_under_way >= EVENTS_UNDER_WAY)
        TRY(answer_wait(sending, error));
    batch_filling(sending)->count = 0;
    return PATRON_OK;
}

static void *arena_allocator_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void arena_allocator_free(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer;
}

/* An event without an id gets the one its row and its place in a run of equal rows make. */
static void id_complete(struct sending *sending, const struct sorter_row *row, Patron__V1__Event *event)
{
    CHECK(row->key.length == ROW_HASH_BYTES);
    bool same = sending->run_length > 0 && sending->run_time_us == row->time_us &&
                memcmp(sending->run_hash, row->key.data, ROW_HASH_BYTES) == 0;
    if (!same) {
        memcpy(sending->run_hash, row->key.data, ROW_HASH_BYTES);
        sending->run_time_us = row->time_us;
        sending->run_length = 0;
    }
    if (event->id[0] != '\0')
        return;
    char id[ROW_ID_TEXT_MAX];
    event_row_id(sending->run_hash, sending->run_length++, id);
    event->id = arena_string(&sending->arena, bytes_from_string(id));
}

static enum patron_code row_send(struct sending *sending, const struct sorter_row *row, struct error *error)
{
    struct decoder decoder = decoder_of(row->payload);
    uint32_t file = (uint32_t)decode_varint(&decoder);
    uint64_t line = decode_varint(&decoder);
    size_t size = decoder_left(&decoder);
    const uint8_t *packed = decode_raw(&decoder, size);
    CHECK(decoder_done(&decoder));

    const char *source = sending->options->files[file].source;
    struct batch *batch = batch_filling(sending);
    const size_t room = sending->options->strict ? STRICT_BATCH_EVENTS : BATCH_EVENTS;
    if (batch->count == room || sending->bytes + size > BATCH_BYTES ||
        (batch->count > 0 && strcmp(source, sending->options->files[sending->file].source) != 0)) {
        TRY(batch_send(sending, error));
        batch = batch_filling(sending);
    }
    ProtobufCAllocator allocator = {arena_allocator_alloc, arena_allocator_free, &sending->arena};
    Patron__V1__Event *event = patron__v1__event__unpack(&allocator, size, packed);
    CHECK(event != NULL);
    id_complete(sending, row, event);
    if (sending->options->source_clock) {
        event->clock_case = PATRON__V1__EVENT__CLOCK_KNOWN_AT_US;
        event->known_at_us = event->time_us + sending->options->lag_us;
    }
    if (batch->count == 0)
        sending->file = file;
    sending->bytes += size;
    batch->places[batch->count] = (struct place){file, line};
    sending->events[batch->count++] = event;
    return PATRON_OK;
}

static enum patron_code all_send(struct sending *sending, struct sorter *sorter, struct error *error)
{
    for (;;) {
        struct sorter_row row;
        TRY(sorter_next(sorter, &row, error));
        if (row.end)
            break;
        TRY(row_send(sending, &row, error));
    }
    TRY(batch_send(sending, error));
    TRY(rpc_stream_half_close(sending->stream, error));
    while (sending->first < sending->next)
        TRY(answer_wait(sending, error));
    ProtobufCMessage *message;
    TRY(rpc_stream_receive(sending->stream, &message, error));
    if (!message)
        return PATRON_OK;
    protobuf_c_message_free_unpacked(message, NULL);
    return error_set(error, PATRON_CORRUPT, "the server answered a batch that was not sent");
}

enum patron_code import_send(struct rpc *rpc, struct sorter *sorter,
    const struct import_send_options *options, struct import_counts *counts, struct faults *faults,
    struct error *error)
{
    struct sending *sending = memory_alloc(sizeof *sending);
    sending->options = options;
    sending->counts = counts;
    sending->faults = faults;
    sending->batches = memory_alloc(BATCHES_UNDER_WAY * sizeof *sending->batches);
    progress_start(&sending->progress, "sending", "events");
    enum patron_code code = rpc_stream_open(rpc, "/patron.v1.Ingestion/Ingest",
        &patron__v1__ingest_response__descriptor, RPC_NO_DEADLINE, &sending->stream, error);
    if (code == PATRON_OK)
        code = all_send(sending, sorter, error);
    progress_finish(&sending->progress);
    rpc_stream_close(sending->stream);
    arena_clear(&sending->arena);
    memory_free(sending->batches);
    memory_free(sending);
    return code;
}
