/* World: random events, good and bad, and the ways in which one thing can be written. */
#include <math.h>
#include <string.h>

#include "store/base/check.h"
#include "tests/property/world.h"

enum { IDENTIFIERS_ROOM = 40, ATTRIBUTES_ROOM = ORACLE_ATTRIBUTES_MAX + 2, LONG_BYTES = 1025 };

static struct oracle_text kept_text(struct world *world, const char *text, size_t length)
{
    return (struct oracle_text){arena_string(&world->arena, bytes_of(text, length)), length};
}

static struct oracle_text long_text(struct world *world, size_t length)
{
    char *text = arena_alloc(&world->arena, length + 1);
    memset(text, 'a', length);
    return (struct oracle_text){text, length};
}

/* --- identifiers ---------------------------------------------------------------------------------------- */

/* Names of identifier types are copied: the types change places when one is added. Others stay where they are. */

/* Other letters and blanks that the type's normalisation takes back. */
static struct oracle_text dressed(
    struct world *world, enum oracle_normalization normalization, const char *plain)
{
    char text[2 * ORACLE_TEXT_MAX];
    size_t length = 0;
    struct dice *dice = &world->dice;
    bool blanks = normalization != ORACLE_NONE && dice_chance(dice, 20);
    bool capitals = (normalization == ORACLE_LOWER || normalization == ORACLE_EMAIL) && dice_chance(dice, 40);
    if (blanks)
        text[length++] = dice_chance(dice, 50) ? ' ' : '\t';
    for (const char *at = plain; *at; at++) {
        static const struct {
            const char *plain;
            const char *others[3];
        } letters[] = {{"\xC3\xA9", {"\xC3\x89", "E\xCC\x81", "e\xCC\x81"}},
            {"\xC3\xBC", {"\xC3\x9C", "\xC3\x9C", "\xC3\xBC"}},
            {"\xC3\xA5", {"\xE2\x84\xAB", "\xC3\xA5", "\xE2\x84\xAB"}},
            {"\xD0\xB6", {"\xD0\x96", "\xD0\x96", "\xD0\xB6"}}};
        const char *other = NULL;
        for (size_t i = 0; capitals && i < sizeof letters / sizeof *letters; i++)
            if (strncmp(at, letters[i].plain, 2) == 0)
                other = letters[i].others[dice_below(dice, 3)];
        if (other != NULL) {
            memcpy(text + length, other, strlen(other));
            length += strlen(other);
            at++;
        } else {
            bool flips = capitals && *at >= 'a' && *at <= 'z' && dice_chance(dice, 50);
            text[length++] = flips ? (char)(*at - 32) : *at;
        }
    }
    for (size_t i = blanks ? dice_below(dice, 3) : 0; i > 0; i--)
        text[length++] = ' ';
    return kept_text(world, text, length);
}

struct oracle_identifier world_identifier(struct world *world, size_t type)
{
    const struct oracle_definitions *definitions = &world->definitions;
    if (type == SIZE_MAX)
        type = dice_below(&world->dice, definitions->identifier_count);
    const char *plain = world->identifiers[type][dice_below(&world->dice, world->identifier_counts[type])];
    const struct oracle_identifier_type *of = &definitions->identifiers[type];
    return (struct oracle_identifier){
        kept_text(world, of->name, strlen(of->name)), dressed(world, of->normalization, plain)};
}

struct oracle_identifier world_fresh_identifier(struct world *world, size_t type)
{
    const struct oracle_identifier_type *of = &world->definitions.identifiers[type];
    char text[ORACLE_TEXT_MAX];
    snprintf(text, sizeof text, "new%u%s", world->fresh++, of->normalization == ORACLE_EMAIL ? "@x.org" : "");
    return (struct oracle_identifier){
        kept_text(world, of->name, strlen(of->name)), kept_text(world, text, strlen(text))};
}

/* --- attributes ----------------------------------------------------------------------------------------- */

struct oracle_text world_decimal(struct world *world, int64_t mantissa, int places, int zeros)
{
    uint64_t magnitude = mantissa < 0 ? -(uint64_t)mantissa : (uint64_t)mantissa;
    char digits[64];
    char text[80];
    int count = snprintf(digits, sizeof digits, "%0*llu", places + 1, (unsigned long long)magnitude);
    int length = snprintf(text, sizeof text, "%s%.*s%s%s%.*s", mantissa < 0 ? "-" : "", count - places,
        digits, places || zeros ? "." : "", digits + count - places, zeros, "00000");
    return kept_text(world, text, (size_t)length);
}

struct oracle_attribute world_attribute(
    struct world *world, const struct oracle_attribute_definition *of, const struct world_value *value)
{
    struct oracle_attribute attribute = {.name = oracle_text_of(of->name)};
    if (of->type == ORACLE_STRING) {
        attribute.kind = ORACLE_GIVEN_TEXT;
        attribute.text = oracle_text_of(value->text);
    } else if (of->type == ORACLE_BOOL) {
        attribute.kind = ORACLE_GIVEN_FLAG;
        attribute.flag = value->mantissa != 0;
    } else {
        attribute.kind = ORACLE_GIVEN_DECIMAL;
        attribute.mantissa = value->mantissa;
        attribute.places = value->places;
        attribute.text = world_decimal(world, value->mantissa, value->places, 0);
    }
    return attribute;
}

/* Writes a decimal another way, if there is one that says exactly the same. */
static void rewrite(struct world *world, enum oracle_attribute_type type, struct oracle_attribute *attribute)
{
    if (attribute->kind != ORACLE_GIVEN_DECIMAL)
        return;
    int64_t mantissa = (int64_t)attribute->mantissa;
    bool small = mantissa > -INT64_C(1000000000000) && mantissa < INT64_C(1000000000000);
    switch (dice_below(&world->dice, 5)) {
    case 0:
        attribute->text = world_decimal(world, mantissa, attribute->places, 3);
        break;
    case 1: {
        char text[64];
        int length = snprintf(text, sizeof text, "%s%llde-%d", mantissa >= 0 ? "+" : "", (long long)mantissa,
            attribute->places);
        attribute->text = kept_text(world, text, (size_t)length);
        break;
    }
    case 2: /* whole numbers as integers */
        if (attribute->places == 0) {
            attribute->kind = ORACLE_GIVEN_INTEGER;
            attribute->integer = mantissa;
        }
        break;
    case 3: /* both parts are exact doubles, so that the quotient is the nearest one */
        if (small && (attribute->places == 0 || (type == ORACLE_MONEY && attribute->places <= 6))) {
            attribute->kind = ORACLE_GIVEN_REAL;
            attribute->real = (double)mantissa / pow(10, attribute->places);
        }
        break;
    default:
        break;
    }
}

/* --- good events ---------------------------------------------------------------------------------------- */

static struct oracle_event *event_new(struct world *world)
{
    struct oracle_event *event = arena_alloc(&world->arena, sizeof *event);
    event->identifiers = arena_array(&world->arena, IDENTIFIERS_ROOM, sizeof *event->identifiers);
    event->attributes = arena_array(&world->arena, ATTRIBUTES_ROOM, sizeof *event->attributes);
    return event;
}

/* An event's arrays are the world's own to change until the event is handed out for good. */
static struct oracle_identifier *identifiers_of(struct oracle_event *event)
{
    return (struct oracle_identifier *)event->identifiers;
}

static struct oracle_attribute *attributes_of(struct oracle_event *event)
{
    return (struct oracle_attribute *)event->attributes;
}

static void name_event(struct world *world, struct oracle_event *event)
{
    static const char *const sources[] = {"web", "crm", "s\xC3\xA9same"};
    char id[ORACLE_TEXT_MAX];
    /* the same id under another source or type is another event: now and then two share one */
    unsigned number = dice_chance(&world->dice, 10) && world->events > 3 ? world->events - 2 : world->events;
    bool shares = number != world->events;
    world->events++;
    snprintf(id, sizeof id, "%u", number);
    event->source = oracle_text_of(shares ? "elsewhere" : sources[dice_below(&world->dice, 3)]);
    event->id = kept_text(world, id, strlen(id));
}

struct oracle_event *world_event(struct world *world, int64_t time_us)
{
    struct dice *dice = &world->dice;
    const struct oracle_definitions *definitions = &world->definitions;
    struct oracle_event *event = event_new(world);
    size_t type = dice_chance(dice, 40) ? 0 : dice_below(dice, definitions->event_count);
    const struct oracle_event_type *of = &definitions->events[type];
    event->type = oracle_text_of(of->name);
    event->time_us = time_us;
    name_event(world, event);
    event->identifier_count = 1 + (dice_chance(dice, 45) ? dice_below(dice, 4) : 0);
    for (size_t i = 0; i < event->identifier_count; i++)
        identifiers_of(event)[i] = world_identifier(world, SIZE_MAX);
    for (size_t i = 0; i < of->attribute_count; i++) {
        if (dice_chance(dice, 20))
            continue;
        struct oracle_attribute *attribute = &attributes_of(event)[event->attribute_count++];
        *attribute = world_attribute(
            world, &of->attributes[i], &world->values[type][i][dice_below(dice, WORLD_VALUES_MAX)]);
        rewrite(world, of->attributes[i].type, attribute);
    }
    return event;
}

static struct oracle_event *copy_of(struct world *world, const struct oracle_event *event)
{
    struct oracle_event *copy = event_new(world);
    struct oracle_identifier *identifiers = identifiers_of(copy);
    struct oracle_attribute *attributes = attributes_of(copy);
    CHECK(event->identifier_count < IDENTIFIERS_ROOM);
    memcpy(identifiers, event->identifiers, event->identifier_count * sizeof *identifiers);
    memcpy(attributes, event->attributes, event->attribute_count * sizeof *attributes);
    *copy = *event;
    copy->identifiers = identifiers;
    copy->attributes = attributes;
    return copy;
}

static enum oracle_attribute_type type_of(
    const struct oracle_definitions *definitions, const struct oracle_event *event, size_t attribute)
{
    for (size_t i = 0; i < definitions->event_count; i++)
        for (size_t j = 0; j < definitions->events[i].attribute_count; j++)
            if (strcmp(definitions->events[i].name, event->type.data) == 0 &&
                strcmp(definitions->events[i].attributes[j].name, event->attributes[attribute].name.data) ==
                    0)
                return definitions->events[i].attributes[j].type;
    IMPOSSIBLE("a good event with an attribute outside the definitions");
}

struct oracle_event *world_again(struct world *world, const struct oracle_event *event)
{
    struct oracle_event *again = copy_of(world, event);
    struct dice *dice = &world->dice;
    again->has_known_at = false;
    if (dice_chance(dice, 50)) /* identifiers of a second arrival are not looked at */
        for (size_t i = 0; i < again->identifier_count; i++)
            identifiers_of(again)[i] = world_identifier(world, SIZE_MAX);
    for (size_t i = 0; i < again->attribute_count; i++)
        rewrite(world, type_of(&world->definitions, again, i), &attributes_of(again)[i]);
    if (again->attribute_count > 1 && dice_chance(dice, 50)) { /* nor does the order of attributes matter */
        struct oracle_attribute first = attributes_of(again)[0];
        attributes_of(again)[0] = attributes_of(again)[again->attribute_count - 1];
        attributes_of(again)[again->attribute_count - 1] = first;
    }
    return again;
}

/* --- bad events ----------------------------------------------------------------------------------------- */

/* Leaves the event with one attribute of the wanted type, if its definitions have one. */
static bool give_attribute(
    struct world *world, struct oracle_event *event, unsigned types, enum oracle_attribute_type *type)
{
    const struct oracle_definitions *definitions = &world->definitions;
    for (size_t i = 0; i < definitions->event_count; i++) {
        for (size_t j = 0; j < definitions->events[i].attribute_count; j++) {
            const struct oracle_attribute_definition *of = &definitions->events[i].attributes[j];
            if (!(types & (1u << of->type)))
                continue;
            event->type = oracle_text_of(definitions->events[i].name);
            event->attribute_count = 1;
            attributes_of(event)[0] = world_attribute(world, of, &world->values[i][j][0]);
            *type = of->type;
            return true;
        }
    }
    return false;
}

static void spoil_type(struct world *world, struct oracle_event *event)
{
    enum oracle_attribute_type type = ORACLE_MONEY;
    bool given =
        give_attribute(world, event, dice_chance(&world->dice, 50) ? 0x3E : 1u << ORACLE_MONEY, &type) ||
        give_attribute(world, event, 0x3E, &type);
    CHECK(given);
    struct oracle_attribute *attribute = attributes_of(event);
    if (type == ORACLE_STRING || type == ORACLE_BOOL) {
        attribute->kind = ORACLE_GIVEN_INTEGER;
        attribute->integer = 1;
    } else {
        attribute->kind = dice_chance(&world->dice, 50) ? ORACLE_GIVEN_FLAG : ORACLE_GIVEN_TEXT;
        attribute->text = oracle_text_of("12");
    }
}

static void spoil_decimal(struct oracle_attribute *attribute, int64_t mantissa, int places, const char *text)
{
    attribute->kind = ORACLE_GIVEN_DECIMAL;
    attribute->mantissa = mantissa;
    attribute->places = places;
    attribute->malformed = mantissa == 0;
    attribute->text = oracle_text_of(text);
}

static void spoil_value(struct world *world, struct oracle_event *event)
{
    enum oracle_attribute_type type = ORACLE_MONEY;
    bool given = give_attribute(world, event, 0x0E, &type);
    CHECK(given);
    struct oracle_attribute *attribute = attributes_of(event);
    size_t way = dice_below(&world->dice, 6);
    if (way < 3) {
        attribute->kind = ORACLE_GIVEN_REAL;
        attribute->real = way == 0 ? (double)NAN : way == 1 ? -(double)INFINITY : 1e300;
    } else if (way == 3) {
        static const char *const words[] = {"", "1,5", "12..5", "0x10", "1e", "-", " 1", "NaN"};
        spoil_decimal(attribute, 0, 0, words[dice_below(&world->dice, sizeof words / sizeof *words)]);
    } else if (way == 4) {
        attribute->kind = ORACLE_GIVEN_INTEGER;
        attribute->integer = dice_chance(&world->dice, 50) ? INT64_MAX : INT64_C(-9223372036855);
        if (type != ORACLE_MONEY)
            attribute->integer = dice_chance(&world->dice, 50) ? INT64_C(9007199254740992) : INT64_MIN;
    } else if (type == ORACLE_MONEY) {
        spoil_decimal(attribute, 10000001, 7, "1.0000001");
    } else if (type == ORACLE_INTEGER) {
        spoil_decimal(attribute, 15, 1, "1.5");
    } else {
        spoil_decimal(attribute, INT64_C(9007199254740992), 0, "9007199254740992");
    }
}

static bool spoil_attributes(struct world *world, struct oracle_event *event, enum world_refusal refusal)
{
    enum oracle_attribute_type type;
    switch (refusal) {
    case WORLD_BAD_ATTRIBUTE:
        attributes_of(event)[event->attribute_count++] =
            (struct oracle_attribute){.name = oracle_text_of("surprise"), .kind = ORACLE_GIVEN_INTEGER};
        return true;
    case WORLD_BAD_ATTRIBUTE_TYPE:
        spoil_type(world, event);
        return true;
    case WORLD_BAD_ATTRIBUTE_TWICE:
        if (event->attribute_count == 0 && !give_attribute(world, event, 0x3E, &type))
            return false;
        attributes_of(event)[event->attribute_count] = attributes_of(event)[0];
        event->attribute_count++;
        return true;
    case WORLD_BAD_VALUE:
        spoil_value(world, event);
        return true;
    case WORLD_BAD_TEXT:
        if (!give_attribute(world, event, 1u << ORACLE_STRING, &type))
            return false;
        attributes_of(event)[0].text = dice_chance(&world->dice, 50)
                                           ? long_text(world, LONG_BYTES)
                                           : oracle_text_of("\xC3\x28 \xED\xA0\x80");
        return true;
    default:
        return false;
    }
}

static bool spoil_identifiers(struct world *world, struct oracle_event *event, enum world_refusal refusal)
{
    const struct oracle_definitions *definitions = &world->definitions;
    struct oracle_identifier *last = &identifiers_of(event)[event->identifier_count - 1];
    static const char *const bad_emails[] = {"no-at", "@x", "x@", "a@b@c", " @ "};
    switch (refusal) {
    case WORLD_BAD_IDENTIFIER_TYPE:
        last->type = oracle_text_of("stranger");
        return true;
    case WORLD_BAD_IDENTIFIER: {
        size_t type = dice_below(&world->dice, definitions->identifier_count);
        const char *name = definitions->identifiers[type].name;
        last->type = kept_text(world, name, strlen(name));
        size_t way = dice_below(&world->dice, 4);
        last->value = way == 0   ? (struct oracle_text){"", 0}
                      : way == 1 ? long_text(world, LONG_BYTES)
                      : way == 2 ? oracle_text_of("\xFF")
                                 : oracle_text_of(definitions->identifiers[type].normalization == ORACLE_EMAIL
                                                      ? bad_emails[dice_below(&world->dice, 5)]
                                                      : "\xC0\x80");
        if (definitions->identifiers[type].normalization != ORACLE_NONE && dice_chance(&world->dice, 30))
            last->value = oracle_text_of(" \t ");
        return true;
    }
    case WORLD_BAD_NO_IDENTIFIER:
        event->identifier_count = 0;
        return true;
    case WORLD_BAD_MANY_IDENTIFIERS:
        for (; event->identifier_count < 33; event->identifier_count++)
            identifiers_of(event)[event->identifier_count] = world_identifier(world, SIZE_MAX);
        return true;
    case WORLD_BAD_NEVER_LINK:
        for (size_t i = 0; i < definitions->identifier_count; i++) {
            const struct oracle_identifier_type *of = &definitions->identifiers[i];
            if (of->never_link_count == 0)
                continue;
            event->identifier_count = 1;
            identifiers_of(event)[0] =
                (struct oracle_identifier){kept_text(world, of->name, strlen(of->name)),
                    dressed(world, of->normalization, of->never_link[0])};
            return true;
        }
        return false;
    default:
        return false;
    }
}

static bool spoil(struct world *world, struct oracle_event *event, enum world_refusal refusal,
    int64_t known_at_us, int64_t clock_us)
{
    struct dice *dice = &world->dice;
    switch (refusal) {
    case WORLD_BAD_TYPE:
        event->type = oracle_text_of(dice_chance(dice, 50) ? "unheard_of" : "");
        return true;
    case WORLD_BAD_TIME:
        event->time_us = dice_chance(dice, 50) ? INT64_C(-2208988800000000) - dice_between(dice, 1, 1000)
                                               : INT64_C(7258118400000000) + dice_between(dice, 0, 1000);
        if (dice_chance(dice, 10))
            event->time_us = dice_chance(dice, 50) ? INT64_MIN : INT64_MAX;
        return true;
    case WORLD_BAD_AHEAD:
        event->time_us =
            known_at_us + WORLD_AHEAD + (dice_chance(dice, 50) ? 1 : dice_between(dice, 1, WORLD_DAY));
        return true;
    case WORLD_BAD_CLOCK:
        event->has_known_at = true;
        event->known_at_us = clock_us + (dice_chance(dice, 50) ? 1 : dice_between(dice, 1, WORLD_DAY));
        return true;
    case WORLD_BAD_ID:
        if (dice_chance(dice, 50))
            event->id = dice_chance(dice, 50) ? (struct oracle_text){"", 0} : long_text(world, 513);
        else
            event->source = dice_chance(dice, 50) ? (struct oracle_text){"", 0} : long_text(world, 257);
        return true;
    default:
        return spoil_attributes(world, event, refusal) || spoil_identifiers(world, event, refusal);
    }
}

struct oracle_event *world_bad_event(struct world *world, enum world_refusal refusal, int64_t time_us,
    int64_t known_at_us, int64_t clock_us, const struct oracle_event *earlier)
{
    if (refusal != WORLD_BAD_CONFLICT) {
        struct oracle_event *event = world_event(world, time_us);
        return spoil(world, event, refusal, known_at_us, clock_us) ? event : NULL;
    }
    if (earlier == NULL)
        return NULL;
    struct oracle_event *event = world_again(world, earlier);
    if (event->attribute_count > 0 && dice_chance(&world->dice, 50))
        event->attribute_count--;
    else
        event->time_us += event->time_us > time_us ? -1 : 1;
    return event;
}

/* --- words ---------------------------------------------------------------------------------------------- */

static void print_text(FILE *to, struct oracle_text text)
{
    size_t length = text.length > 60 ? 60 : text.length;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < ' ' || c == 0x7F || c == '\\' || (c >= 0x80 && !oracle_is_utf8(text)))
            fprintf(to, "\\x%02x", c);
        else
            fputc(c, to);
    }
    if (length < text.length)
        fprintf(to, "... (%zu bytes)", text.length);
}

void world_print_identifier(FILE *to, const struct oracle_identifier *identifier)
{
    print_text(to, identifier->type);
    fputs(":'", to);
    print_text(to, identifier->value);
    fputc('\'', to);
}

void world_print_event(FILE *to, const struct oracle_event *event)
{
    print_text(to, event->source);
    fputc('/', to);
    print_text(to, event->type);
    fputc('/', to);
    print_text(to, event->id);
    fprintf(to, " time %lld", (long long)event->time_us);
    if (event->has_known_at)
        fprintf(to, " known_at %lld", (long long)event->known_at_us);
    for (size_t i = 0; i < event->identifier_count; i++) {
        fputc(' ', to);
        world_print_identifier(to, &event->identifiers[i]);
    }
    for (size_t i = 0; i < event->attribute_count; i++) {
        const struct oracle_attribute *attribute = &event->attributes[i];
        fputc(' ', to);
        print_text(to, attribute->name);
        switch (attribute->kind) {
        case ORACLE_GIVEN_TEXT:
            fputs("='", to);
            print_text(to, attribute->text);
            fputc('\'', to);
            break;
        case ORACLE_GIVEN_DECIMAL:
            fputs("=decimal ", to);
            print_text(to, attribute->text);
            break;
        case ORACLE_GIVEN_INTEGER:
            fprintf(to, "=integer %lld", (long long)attribute->integer);
            break;
        case ORACLE_GIVEN_REAL:
            fprintf(to, "=real %.17g", attribute->real);
            break;
        case ORACLE_GIVEN_FLAG:
            fprintf(to, "=%s", attribute->flag ? "true" : "false");
            break;
        }
    }
}
