#include "store/schema/drift.h"

#include <stdint.h>

/* FNV-1a (Fowler, Noll, Vo): tables are small and bounded, so that made-up names cannot make them slow. */
static inline unsigned name_hash(const void *name, size_t length)
{
    const uint8_t *bytes = name;
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * UINT32_C(16777619);
    return hash;
}

#define HASH_FUNCTION(key, length, hash) ((hash) = name_hash(key, length))
#define uthash_malloc(size) memory_alloc(size)
#define uthash_free(pointer, size) memory_free(pointer)
#define uthash_fatal(message) IMPOSSIBLE("uthash: " message)
#include <uthash.h>
#include <utlist.h>

#include "store/base/decimal.h"
#include "store/schema/schema_rows.h"

/* The name of the rest, which no source, event type or attribute can have. */
static const struct bytes nameless = {(const uint8_t *)"", 0};

struct entry { /* an attribute of a stream */
    uint8_t *name;
    uint32_t name_length;
    bool undeclared;
    int64_t first_us, last_us;
    struct schema_counts counts; /* of the stream's day; the words are ours */
    UT_hash_handle hh;
};

struct source;

struct stream {
    uint32_t number;
    struct source *source;
    uint8_t *event;
    uint32_t event_length;
    int64_t first_us, last_us;
    int64_t day;
    struct schema_totals totals;
    struct entry *entries; /* by name */
    size_t undeclared_count;
    struct entry **by_number; /* by attribute's number, in one version of the definitions; filled as they come */
    size_t by_number_count;
    uint32_t by_number_version;
    bool dirty;
    struct stream *next_dirty;
    UT_hash_handle hh; /* in the source */
};

struct source {
    uint8_t *name;
    uint32_t name_length;
    struct stream *streams; /* by event type's name */
    struct stream *declared[EVENT_TYPES_MAX]; /* the same by number, filled as they come */
    uint32_t declared_version;
    size_t stream_count; /* the one named "" left out, as in drift's */
    UT_hash_handle hh;
};

struct drift {
    struct source *sources;
    struct source *last; /* the one found last */
    size_t source_count; /* the one named "" left out */
    size_t stream_count;
    size_t entry_count; /* those named "" left out */
    uint32_t next_number;
    int64_t room_sought_day; /* when what is not seen any more was last looked for */
    struct stream *dirty;
    int64_t written_us;
    struct schema_figures figures;
    struct encoder row; /* scratch */
};

struct drift *drift_new(void)
{
    struct drift *drift = memory_alloc(sizeof *drift);
    drift->room_sought_day = INT64_MIN;
    drift->written_us = INT64_MIN;
    return drift;
}

/* --- making and dropping ---------------------------------------------------------------------------------------- */

static uint8_t *name_copy(struct bytes name)
{
    uint8_t *copy = memory_alloc(name.length + 1);
    if (name.length > 0)
        memcpy(copy, name.data, name.length);
    return copy;
}

static void words_set(struct entry *entry, struct bytes words)
{
    memory_free((void *)(uintptr_t)entry->counts.words.data);
    entry->counts.words = (struct bytes){0};
    if (words.length > 0)
        entry->counts.words = bytes_of(name_copy(words), words.length);
}

static struct entry *entry_new(
    struct drift *drift, struct stream *stream, struct bytes name, bool undeclared, int64_t at_us)
{
    struct entry *entry = memory_alloc(sizeof *entry);
    entry->name = name_copy(name);
    entry->name_length = (uint32_t)name.length;
    entry->undeclared = undeclared;
    entry->first_us = at_us;
    entry->last_us = at_us;
    HASH_ADD_KEYPTR(hh, stream->entries, entry->name, entry->name_length, entry);
    stream->undeclared_count += undeclared && name.length > 0;
    drift->entry_count += name.length > 0;
    return entry;
}

static void entry_free(struct drift *drift, struct stream *stream, struct entry *entry)
{
    HASH_DEL(stream->entries, entry);
    stream->undeclared_count -= entry->undeclared && entry->name_length > 0;
    drift->entry_count -= entry->name_length > 0;
    words_set(entry, (struct bytes){0});
    memory_free(entry->name);
    memory_free(entry);
}

static struct source *source_new(struct drift *drift, struct bytes name)
{
    struct source *source = memory_alloc(sizeof *source);
    source->name = name_copy(name);
    source->name_length = (uint32_t)name.length;
    HASH_ADD_KEYPTR(hh, drift->sources, source->name, source->name_length, source);
    drift->source_count += name.length > 0;
    return source;
}

static struct stream *stream_new(
    struct drift *drift, struct source *source, struct bytes event, uint32_t number, int64_t at_us)
{
    struct stream *stream = memory_alloc(sizeof *stream);
    stream->number = number;
    stream->source = source;
    stream->event = name_copy(event);
    stream->event_length = (uint32_t)event.length;
    stream->first_us = at_us;
    stream->last_us = at_us;
    stream->day = schema_day(at_us);
    HASH_ADD_KEYPTR(hh, source->streams, stream->event, stream->event_length, stream);
    source->stream_count += event.length > 0;
    drift->stream_count += event.length > 0;
    if (number >= drift->next_number)
        drift->next_number = number + 1;
    return stream;
}

static void stream_free(struct drift *drift, struct stream *stream)
{
    struct entry *entry, *next;
    HASH_ITER(hh, stream->entries, entry, next)
    {
        entry_free(drift, stream, entry);
    }
    struct source *source = stream->source;
    HASH_DEL(source->streams, stream);
    source->stream_count -= stream->event_length > 0;
    drift->stream_count -= stream->event_length > 0;
    memory_free(stream->by_number);
    memory_free(stream->event);
    memory_free(stream);
}

static void source_free(struct drift *drift, struct source *source)
{
    struct stream *stream, *next;
    HASH_ITER(hh, source->streams, stream, next)
    {
        stream_free(drift, stream);
    }
    HASH_DEL(drift->sources, source);
    drift->source_count -= source->name_length > 0;
    memory_free(source->name);
    memory_free(source);
}

void drift_free(struct drift *drift)
{
    if (!drift)
        return;
    struct source *source, *next;
    HASH_ITER(hh, drift->sources, source, next)
    {
        source_free(drift, source);
    }
    encoder_clear(&drift->row);
    memory_free(drift);
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

static void day_put(struct drift *drift, struct stream *stream, struct kv_batch *batch)
{
    uint8_t key[SCHEMA_DAY_KEY_BYTES];
    schema_day_key(stream->number, stream->day, key);
    encoder_reset(&drift->row);
    schema_day_encode(&stream->totals, &drift->row);
    for (const struct entry *entry = stream->entries; entry; entry = entry->hh.next)
        if (schema_counts_came(&entry->counts) > 0)
            schema_counts_encode(bytes_of(entry->name, entry->name_length), &entry->counts, &drift->row);
    kv_batch_put(batch, KV_META, bytes_of(key, sizeof key), encoder_borrow(&drift->row));
}

static void stream_put(struct drift *drift, const struct stream *stream, struct kv_batch *batch)
{
    uint8_t key[SCHEMA_STREAM_KEY_BYTES];
    schema_stream_key(stream->number, key);
    encoder_reset(&drift->row);
    struct schema_stream_row row = {.source = bytes_of(stream->source->name, stream->source->name_length),
        .event = bytes_of(stream->event, stream->event_length),
        .first_us = stream->first_us,
        .last_us = stream->last_us,
        .day = stream->day,
        .attribute_count = HASH_COUNT(stream->entries)};
    schema_stream_encode(&row, &drift->row);
    for (const struct entry *entry = stream->entries; entry; entry = entry->hh.next) {
        struct schema_attribute_row attribute = {.name = bytes_of(entry->name, entry->name_length),
            .undeclared = entry->undeclared,
            .first_us = entry->first_us,
            .last_us = entry->last_us};
        schema_attribute_encode(&attribute, &drift->row);
    }
    kv_batch_put(batch, KV_META, bytes_of(key, sizeof key), encoder_borrow(&drift->row));
}

void drift_write(struct drift *drift, struct kv_batch *batch)
{
    for (struct stream *stream = drift->dirty; stream; stream = stream->next_dirty) {
        stream->dirty = false;
        day_put(drift, stream, batch);
        stream_put(drift, stream, batch);
    }
    drift->dirty = NULL;
}

void drift_write_due(struct drift *drift, int64_t clock_us, struct kv_batch *batch)
{
    bool soon = clock_us >= drift->written_us && clock_us < drift->written_us + MICROSECONDS_PER_SECOND;
    if (soon || !drift->dirty)
        return;
    drift_write(drift, batch);
    drift->written_us = clock_us;
}

static void days_delete(const struct stream *stream, int64_t first, int64_t last, struct kv_batch *batch)
{
    for (int64_t day = first; day <= last; day++) {
        uint8_t key[SCHEMA_DAY_KEY_BYTES];
        schema_day_key(stream->number, day, key);
        kv_batch_delete(batch, KV_META, bytes_of(key, sizeof key));
    }
}

/* The stream's day is over: its row is written, those of days that are too old go, and so do names not seen since. The
 * new day's are written at once, for the stream's must not name a day whose row has gone. */
static void day_turn(struct drift *drift, struct stream *stream, int64_t day, struct kv_batch *batch)
{
    day_put(drift, stream, batch);
    int64_t last = day - SCHEMA_DAYS_KEPT - 1;
    days_delete(stream, stream->day - SCHEMA_DAYS_KEPT, last < stream->day ? last : stream->day, batch);
    stream->day = day;
    stream->totals = (struct schema_totals){0};
    struct entry *entry, *next;
    HASH_ITER(hh, stream->entries, entry, next)
    {
        words_set(entry, (struct bytes){0});
        entry->counts = (struct schema_counts){0};
        if (schema_day(entry->last_us) < day - SCHEMA_DAYS_KEPT)
            entry_free(drift, stream, entry);
    }
    stream->by_number_count = 0;
    day_put(drift, stream, batch);
    stream_put(drift, stream, batch);
}

static enum patron_code damaged(struct error *error)
{
    return error_set(error, PATRON_CORRUPT, "a row of what was seen of the events' schema is damaged");
}

static enum patron_code day_load(
    struct drift *drift, struct stream *stream, struct kv *kv, struct arena *arena, struct error *error)
{
    uint8_t key[SCHEMA_DAY_KEY_BYTES];
    schema_day_key(stream->number, stream->day, key);
    struct bytes value, name;
    enum patron_code code = kv_get(kv, NULL, KV_META, bytes_of(key, sizeof key), arena, &value, error);
    if (code == PATRON_NOT_FOUND) /* they are written together */
        return damaged(error);
    TRY(code);
    struct decoder from = decoder_of(value);
    struct schema_counts counts;
    schema_day_decode(&from, &stream->totals);
    while (decoder_left(&from) > 0 && schema_counts_decode(&from, &name, &counts)) {
        struct entry *entry;
        HASH_FIND(hh, stream->entries, name.data, name.length, entry);
        if (!entry)
            return damaged(error);
        words_set(entry, counts.words);
        counts.words = entry->counts.words;
        entry->counts = counts;
    }
    (void)drift;
    return decoder_done(&from) ? PATRON_OK : damaged(error);
}

static enum patron_code stream_load(struct drift *drift, struct kv *kv, struct bytes key, struct bytes value,
    struct arena *arena, struct error *error)
{
    uint32_t number;
    struct schema_stream_row row;
    struct decoder from = decoder_of(value);
    if (!schema_stream_key_decode(key, &number) || number == UINT32_MAX || !schema_stream_decode(&from, &row))
        return damaged(error);
    struct source *source;
    HASH_FIND(hh, drift->sources, row.source.data, row.source.length, source);
    if (!source)
        source = source_new(drift, row.source);
    struct stream *stream;
    HASH_FIND(hh, source->streams, row.event.data, row.event.length, stream);
    if (stream)
        return damaged(error);
    stream = stream_new(drift, source, row.event, number, row.first_us);
    stream->last_us = row.last_us;
    stream->day = row.day;
    struct schema_attribute_row attribute;
    for (uint64_t i = 0; i < row.attribute_count && schema_attribute_decode(&from, &attribute); i++) {
        struct entry *entry;
        HASH_FIND(hh, stream->entries, attribute.name.data, attribute.name.length, entry);
        if (entry)
            return damaged(error);
        entry_new(drift, stream, attribute.name, attribute.undeclared, attribute.first_us)->last_us = attribute.last_us;
    }
    return decoder_done(&from) ? day_load(drift, stream, kv, arena, error) : damaged(error);
}

enum patron_code drift_load(struct drift *drift, struct kv *kv, struct error *error)
{
    struct bytes prefix = schema_stream_prefix();
    struct kv_iterator *rows = kv_iterator_new(kv, NULL, KV_META, prefix);
    enum patron_code code = PATRON_OK;
    struct arena arena = {0};
    for (kv_iterator_seek(rows, prefix); code == PATRON_OK && kv_iterator_valid(rows); kv_iterator_next(rows)) {
        arena_reset(&arena);
        code = stream_load(drift, kv, kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &arena, error);
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    arena_clear(&arena);
    return code;
}

/* --- finding the stream ----------------------------------------------------------------------------------------- */

/* Lets go of the streams that have not been seen for as long as days are kept. At most once a day, for it walks all. */
static void room_seek(struct drift *drift, int64_t day, struct kv_batch *batch)
{
    if (day == drift->room_sought_day)
        return;
    drift->room_sought_day = day;
    drift->last = NULL;
    drift_write(drift, batch); /* none may be among the dirty ones */
    struct source *source, *next_source;
    HASH_ITER(hh, drift->sources, source, next_source)
    {
        struct stream *stream, *next;
        HASH_ITER(hh, source->streams, stream, next)
        {
            if (stream->day >= day - SCHEMA_DAYS_KEPT)
                continue;
            uint8_t key[SCHEMA_STREAM_KEY_BYTES];
            schema_stream_key(stream->number, key);
            kv_batch_delete(batch, KV_META, bytes_of(key, sizeof key));
            days_delete(stream, stream->day - SCHEMA_DAYS_KEPT, stream->day, batch);
            stream_free(drift, stream);
            memset(source->declared, 0, sizeof source->declared);
        }
        if (!source->streams)
            source_free(drift, source);
    }
}

static bool is_name(struct bytes name, size_t bytes_max)
{
    return name.length > 0 && name.length <= bytes_max && bytes_are_utf8(name);
}

static struct source *source_find(struct drift *drift, struct bytes name, int64_t day, struct kv_batch *batch)
{
    struct source *source = drift->last;
    if (name.length == 0)
        name = nameless;
    if (source && bytes_equal(bytes_of(source->name, source->name_length), name))
        return source;
    HASH_FIND(hh, drift->sources, name.data, name.length, source);
    if (!source && name.length > 0) {
        if (is_name(name, SOURCE_BYTES_MAX) && drift->source_count >= SCHEMA_SOURCES_MAX)
            room_seek(drift, day, batch);
        if (!is_name(name, SOURCE_BYTES_MAX) || drift->source_count >= SCHEMA_SOURCES_MAX)
            return source_find(drift, nameless, day, batch);
    }
    if (!source)
        source = source_new(drift, name);
    drift->last = source;
    return source;
}

static bool source_has_room(const struct drift *drift, const struct source *source, bool declared)
{
    return drift->stream_count < SCHEMA_STREAMS_MAX &&
        (declared || source->stream_count < SCHEMA_SOURCE_STREAMS_MAX);
}

static struct stream *stream_find(struct drift *drift, const struct drift_event *event, struct kv_batch *batch)
{
    const struct event_input *input = event->input;
    struct source *source = source_find(drift, input->source, schema_day(event->at_us), batch);
    if (event->type && source->declared[event->type->number] &&
        source->declared_version == event->definitions->version)
        return source->declared[event->type->number];
    if (source->declared_version != event->definitions->version)
        memset(source->declared, 0, sizeof source->declared);
    source->declared_version = event->definitions->version;
    struct bytes name = is_name(input->type, NAME_BYTES_MAX) ? input->type : nameless;
    struct stream *stream;
    HASH_FIND(hh, source->streams, name.data, name.length, stream);
    if (!stream && name.length > 0 && !source_has_room(drift, source, event->type)) {
        name = nameless;
        HASH_FIND(hh, source->streams, name.data, name.length, stream);
    }
    if (!stream)
        stream = stream_new(drift, source, name, drift->next_number, event->at_us);
    if (event->type)
        source->declared[event->type->number] = stream;
    return stream;
}

/* --- counting --------------------------------------------------------------------------------------------------- */

static struct entry *entry_find(
    struct drift *drift, struct stream *stream, struct bytes name, bool undeclared, int64_t at_us)
{
    struct entry *entry = NULL;
    if (is_name(name, NAME_BYTES_MAX))
        HASH_FIND(hh, stream->entries, name.data, name.length, entry);
    if (!entry) {
        bool room = is_name(name, NAME_BYTES_MAX) && drift->entry_count < SCHEMA_ATTRIBUTES_MAX &&
            (!undeclared || stream->undeclared_count < SCHEMA_UNKNOWN_NAMES_MAX);
        if (!room) {
            name = nameless;
            HASH_FIND(hh, stream->entries, name.data, name.length, entry);
        }
    }
    if (!entry)
        entry = entry_new(drift, stream, name, undeclared, at_us);
    if (entry->undeclared && !undeclared && entry->name_length > 0) {
        entry->undeclared = false;
        stream->undeclared_count--;
    }
    return entry;
}

static struct entry *entry_of_number(struct drift *drift, struct stream *stream, const struct drift_event *event,
    const struct attribute *attribute)
{
    if (stream->by_number_count != event->type->attribute_count ||
        stream->by_number_version != event->definitions->version) {
        memory_free(stream->by_number);
        stream->by_number_count = event->type->attribute_count;
        stream->by_number_version = event->definitions->version;
        stream->by_number = memory_alloc((stream->by_number_count + 1) * sizeof(struct entry *));
    }
    struct entry **place = &stream->by_number[attribute->number];
    if (!*place)
        *place = entry_find(drift, stream, attribute->name, false, event->at_us);
    return *place;
}

static void value_count(struct schema_counts *counts, const struct given_value *value)
{
    counts->present++;
    counts->kinds |= (uint8_t)(1 << value->kind);
    switch (value->scalar.type) {
    case ATTRIBUTE_MONEY:
        schema_counts_number(counts, (double)(int64_t)value->scalar.number / MONEY_SCALE);
        return;
    case ATTRIBUTE_NUMBER:
        schema_counts_number(counts, (double)value->scalar.number / (double)(INT64_C(1) << NUMBER_FRACTION_BITS));
        return;
    case ATTRIBUTE_INTEGER:
        schema_counts_number(counts, (double)(int64_t)value->scalar.number);
        return;
    case ATTRIBUTE_TEXT:
        schema_counts_text(counts, value->scalar.text.length);
        return;
    case ATTRIBUTE_BOOL:
        return;
    }
    IMPOSSIBLE("an attribute type outside the list");
}

static void unknown_count(struct drift *drift, struct stream *stream, const struct drift_event *event,
    const struct event_attribute *given)
{
    drift->figures.unknown_attributes++;
    struct entry *entry = entry_find(drift, stream, given->name, true, event->at_us);
    entry->last_us = event->at_us;
    struct schema_counts *counts = &entry->counts;
    bool refused = event->fate == EVENT_REFUSED;
    counts->unknown[refused ? UNKNOWN_REFUSE : event->definitions->unknown_attributes]++;
    if (given->kind < GIVEN_TEXT || given->kind > GIVEN_DECIMAL)
        return;
    counts->kinds |= (uint8_t)(1 << given->kind);
    struct scalar number;
    if (given->kind == GIVEN_TEXT)
        schema_counts_text(counts, given->text.length);
    else if (given->kind != GIVEN_FLAG && attribute_convert(given, ATTRIBUTE_NUMBER, &number, NULL) == PATRON_OK)
        schema_counts_number(counts, (double)number.number / (double)(INT64_C(1) << NUMBER_FRACTION_BITS));
}

/* The words up to what they quote of the value: "is not a number: 'x'" is kept as "is not a number". */
static void failure_count(struct drift *drift, struct entry *entry, const struct event_attribute *given,
    const struct error *why)
{
    drift->figures.failed_attributes++;
    entry->counts.failed++;
    if (given->kind >= GIVEN_TEXT && given->kind <= GIVEN_DECIMAL)
        entry->counts.kinds |= (uint8_t)(1 << given->kind);
    const char *colon = strstr(why->text, ": ");
    struct bytes words = bytes_from_string(why->text);
    if (colon)
        words.length = (size_t)(colon - why->text);
    if (words.length > SCHEMA_WORDS_BYTES_MAX)
        words.length = SCHEMA_WORDS_BYTES_MAX;
    words_set(entry, words);
}

static void taken_count(struct drift *drift, struct stream *stream, const struct drift_event *event)
{
    const struct event_type *type = event->type;
    for (size_t i = 0; i < type->attribute_count; i++) {
        if (event->values[i].kind == 0)
            continue;
        struct entry *entry = entry_of_number(drift, stream, event, &type->attributes[i]);
        entry->last_us = event->at_us;
        value_count(&entry->counts, &event->values[i]);
    }
    for (size_t i = 0; event->any_unknown && i < event->input->attribute_count; i++)
        if (!event_type_attribute(type, event->input->attributes[i].name))
            unknown_count(drift, stream, event, &event->input->attributes[i]);
}

/* What stopped the check may have been the first of many things: each attribute is tried by itself. */
static void refused_count(struct drift *drift, struct stream *stream, const struct drift_event *event)
{
    const struct event_input *input = event->input;
    size_t count = input->attribute_count;
    for (size_t i = 0; i < count && i < EVENT_ATTRIBUTES_GIVEN_MAX; i++) {
        const struct event_attribute *given = &input->attributes[i];
        const struct attribute *attribute = event_type_attribute(event->type, given->name);
        if (!attribute) {
            unknown_count(drift, stream, event, given);
            continue;
        }
        struct entry *entry = entry_of_number(drift, stream, event, attribute);
        entry->last_us = event->at_us;
        struct given_value value = {.kind = given->kind};
        struct error why;
        if (attribute_convert(given, attribute->type, &value.scalar, &why) == PATRON_OK)
            value_count(&entry->counts, &value);
        else
            failure_count(drift, entry, given, &why);
    }
}

void drift_count(struct drift *drift, const struct drift_event *event, struct kv_batch *batch)
{
    struct stream *stream = stream_find(drift, event, batch);
    int64_t day = schema_day(event->at_us);
    if (day > stream->day)
        day_turn(drift, stream, day, batch);
    if (event->at_us > stream->last_us)
        stream->last_us = event->at_us;
    if (!stream->dirty) {
        stream->dirty = true;
        LL_PREPEND2(drift->dirty, stream, next_dirty);
    }
    if (event->fate == EVENT_DUPLICATE) {
        stream->totals.duplicates++;
        return;
    }
    stream->totals.events++;
    stream->totals.refused += event->fate == EVENT_REFUSED;
    drift->figures.unknown_types += !event->type;
    if (!event->type || stream->event_length == 0)
        return;
    if (event->values)
        taken_count(drift, stream, event);
    else
        refused_count(drift, stream, event);
}

struct schema_figures drift_figures(const struct drift *drift)
{
    struct schema_figures figures = drift->figures;
    figures.behind = drift->dirty != NULL;
    return figures;
}
