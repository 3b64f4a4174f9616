/* waterfall: format u8 = 1 | prior 8 bytes | household 8 bytes | weight 8 bytes | n varint | n bars
 * bar:       column, level: each varint length, bytes | weight 8 bytes | frequency weight 8 bytes
 * Doubles are little-endian. */
#include "store/records/waterfall.h"

enum { WATERFALL_FORMAT = 1 };

static struct bytes column_name(const struct definitions *definitions, const struct match_plan *plan, uint16_t column)
{
    const struct event_type *type = definitions_event_type_by_number(definitions, plan->rules->event);
    CHECK(type);
    return type->attributes[plan->rules->columns[column].attribute].name;
}

void waterfall_encode(const struct definitions *definitions, const struct match_plan *plan,
    const struct match_evidence *evidence, struct encoder *to)
{
    size_t count = 0;
    for (size_t i = 0; i < evidence->bar_count; i++)
        count += evidence->bars[i].known;
    encode_u8(to, WATERFALL_FORMAT);
    encode_real(to, evidence->prior);
    encode_real(to, evidence->household);
    encode_real(to, evidence->weight);
    encode_varint(to, count);
    for (size_t i = 0; i < evidence->bar_count; i++) {
        const struct match_bar *bar = &evidence->bars[i];
        if (!bar->known)
            continue;
        encode_bytes(to, column_name(definitions, plan, plan->comparisons[bar->comparison].column));
        encode_bytes(to, bytes_from_string(bar->level_name));
        encode_real(to, bar->weight);
        encode_real(to, bar->frequency_weight);
    }
}

enum patron_code waterfall_decode(struct bytes bytes, struct waterfall *waterfall, struct error *error)
{
    struct decoder from = decoder_of(bytes);
    uint8_t format = decode_u8(&from);
    *waterfall = (struct waterfall){.prior = decode_real(&from)};
    waterfall->household = decode_real(&from);
    waterfall->weight = decode_real(&from);
    uint64_t count = decode_varint(&from);
    if (format != WATERFALL_FORMAT || count > WATERFALL_BARS_MAX)
        from.bad = true;
    for (uint64_t i = 0; i < count && !from.bad; i++) {
        struct waterfall_bar *bar = &waterfall->bars[waterfall->bar_count++];
        bar->column = decode_bytes(&from);
        bar->level = decode_bytes(&from);
        bar->weight = decode_real(&from);
        bar->frequency_weight = decode_real(&from);
        from.bad = from.bad || bar->column.length > WATERFALL_NAME_BYTES_MAX ||
            bar->level.length > WATERFALL_NAME_BYTES_MAX || !bytes_are_utf8(bar->column) ||
            !bytes_are_utf8(bar->level);
    }
    if (!decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "a match's waterfall is damaged");
    return PATRON_OK;
}
