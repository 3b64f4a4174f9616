#include <stdlib.h>

#include "store/schema/schema.h"
#include "store/schema/schema_rows.h"

static enum patron_code damaged(struct error *error)
{
    return error_set(error, PATRON_CORRUPT, "a row of what was seen of the events' schema is damaged");
}

static bool passes(const struct schema_filter *filter, const struct schema_stream_row *row)
{
    return (!filter->has_source || bytes_equal(filter->source, row->source)) &&
        (!filter->has_event || bytes_equal(filter->event, row->event));
}

static int attribute_compare(const void *left, const void *right)
{
    const struct schema_attribute *a = left, *b = right;
    return bytes_compare(a->name, b->name);
}

static int stream_compare(const void *left, const void *right)
{
    const struct schema_stream *a = left, *b = right;
    int order = bytes_compare(a->source, b->source);
    return order ? order : bytes_compare(a->event, b->event);
}

static bool attributes_read(struct decoder *from, uint64_t count, struct arena *arena, struct schema_stream *stream)
{
    if (count > decoder_left(from)) /* each takes a byte and more: bounds what is asked for */
        return false;
    stream->attributes = arena_array(arena, count, sizeof *stream->attributes);
    struct schema_attribute_row row;
    for (; stream->attribute_count < count && schema_attribute_decode(from, &row); stream->attribute_count++)
        stream->attributes[stream->attribute_count] =
            (struct schema_attribute){arena_copy(arena, row.name), row.first_us, row.last_us};
    if (!decoder_done(from))
        return false;
    if (count > 0)
        qsort(stream->attributes, stream->attribute_count, sizeof *stream->attributes, attribute_compare);
    return true;
}

static struct schema_attribute *attribute_find(const struct schema_stream *stream, struct bytes name)
{
    struct schema_attribute wanted = {.name = name};
    return stream->attribute_count == 0 ? NULL
                                        : bsearch(&wanted, stream->attributes, stream->attribute_count,
                                              sizeof wanted, attribute_compare);
}

/* A name that the stream has let go of since is left out. */
static bool day_read(
    struct bytes value, struct arena *arena, const struct schema_stream *stream, struct schema_day *day)
{
    struct decoder from = decoder_of(value);
    struct bytes name;
    struct schema_counts counts;
    day->counts = arena_array(arena, stream->attribute_count, sizeof *day->counts);
    schema_day_decode(&from, &day->totals);
    while (decoder_left(&from) > 0 && schema_counts_decode(&from, &name, &counts)) {
        const struct schema_attribute *attribute = attribute_find(stream, name);
        if (!attribute)
            continue;
        counts.words = arena_copy(arena, counts.words);
        day->counts[attribute - stream->attributes] = counts;
    }
    return decoder_done(&from);
}

static enum patron_code days_read(const struct view *view, uint32_t number, int64_t newest, struct arena *arena,
    struct schema_stream *stream, struct error *error)
{
    uint8_t key[SCHEMA_DAY_KEY_BYTES];
    schema_day_key(number, newest - SCHEMA_DAYS_KEPT, key);
    struct kv_iterator *rows =
        kv_iterator_new(view->kv, view->snapshot, KV_META, bytes_of(key, SCHEMA_DAY_KEY_BYTES - 4));
    enum patron_code code = PATRON_OK;
    stream->days = arena_array(arena, SCHEMA_DAYS_KEPT + 1, sizeof *stream->days);
    for (kv_iterator_seek(rows, bytes_of(key, sizeof key)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct schema_day *day = &stream->days[stream->day_count];
        uint32_t owner;
        int64_t number_of_day;
        if (stream->day_count > SCHEMA_DAYS_KEPT ||
            !schema_day_key_decode(kv_iterator_borrow_key(rows), &owner, &number_of_day) ||
            !day_read(kv_iterator_borrow_value(rows), arena, stream, day)) {
            code = damaged(error);
            goto free_rows;
        }
        day->day = number_of_day;
        stream->day_count++;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static enum patron_code stream_read(const struct view *view, struct bytes key, struct bytes value,
    const struct schema_filter *filter, struct arena *arena, struct schema_history *history, struct error *error)
{
    uint32_t number;
    struct schema_stream_row row;
    struct decoder from = decoder_of(value);
    if (!schema_stream_key_decode(key, &number) || !schema_stream_decode(&from, &row))
        return damaged(error);
    if (!passes(filter, &row))
        return PATRON_OK;
    if (history->stream_count == SCHEMA_STREAMS_MAX + SCHEMA_SOURCES_MAX + 1)
        return damaged(error);
    struct schema_stream *stream = &history->streams[history->stream_count++];
    *stream = (struct schema_stream){.source = arena_copy(arena, row.source),
        .event = arena_copy(arena, row.event),
        .first_us = row.first_us,
        .last_us = row.last_us};
    if (!attributes_read(&from, row.attribute_count, arena, stream))
        return damaged(error);
    return days_read(view, number, row.day, arena, stream, error);
}

enum patron_code schema_read(const struct view *view, const struct schema_filter *filter, struct arena *arena,
    struct schema_history *history, struct error *error)
{
    struct bytes prefix = schema_stream_prefix();
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_META, prefix);
    enum patron_code code = PATRON_OK;
    history->stream_count = 0;
    /* with one for the rest of each source, and of the sources */
    history->streams =
        arena_array(arena, SCHEMA_STREAMS_MAX + SCHEMA_SOURCES_MAX + 1, sizeof *history->streams);
    for (kv_iterator_seek(rows, prefix); code == PATRON_OK && kv_iterator_valid(rows); kv_iterator_next(rows))
        code = stream_read(view, kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), filter, arena, history,
            error);
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    if (code == PATRON_OK && history->stream_count > 0)
        qsort(history->streams, history->stream_count, sizeof *history->streams, stream_compare);
    return code;
}
