#include "store/matching/normal.h"

static const struct bytes nothing = {NULL, 0};

static bool is_in(struct bytes value, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_is(value, list[i]))
            return true;
    return false;
}

#define IS_IN(value, list) is_in(value, list, sizeof(list) / sizeof *(list))

/* What people and forms write where they have nothing to write, folded. */
static const char *const placeholders[] = {"n a", "na", "nan", "null", "nil", "none", "unknown", "unk",
    "not known", "not available", "not applicable", "not provided", "not given", "not specified",
    "unspecified", "undefined", "missing", "test", "test test", "testing", "tester", "refused", "declined",
    "withheld", "blocked", "empty", "blank", "tbd", "tba", "default", "default customer", "customer", "guest",
    "anonymous", "anon", "no name", "noname", "no data", "no address", "no email", "no phone",
    "not disclosed", "redacted", "deleted", "object object", "true", "false", "x", "xx", "xxx", "xxxx",
    "asdf", "qwerty", "abc", "first name", "last name", "firstname", "lastname", "surname", "name"};

static const char *const titles[] = {"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir",
    "dame", "lady", "lord", "rev", "revd", "reverend", "hon", "herr", "frau", "mme", "mlle", "monsieur",
    "madame", "senor", "senora", "the"};

/* Mailboxes of an office, not of a person. */
static const char *const offices[] = {"test", "noreply", "no-reply", "donotreply", "none", "na", "abc", "123",
    "info", "admin", "guest", "contact", "reservation", "reservations", "booking", "bookings", "sales",
    "support", "office", "mail", "email", "hello", "customer", "customerservice", "service", "webmaster",
    "postmaster", "unknown", "null", "noemail", "anonymous", "user", "me", "a", "x"};

/* How streets are written short. */
static const char *const streets[][2] = {{"st", "street"}, {"str", "street"}, {"rd", "road"},
    {"ave", "avenue"}, {"av", "avenue"}, {"dr", "drive"}, {"ln", "lane"}, {"ct", "court"}, {"crt", "court"},
    {"pl", "place"}, {"blvd", "boulevard"}, {"hwy", "highway"}, {"pkwy", "parkway"}, {"sq", "square"},
    {"ter", "terrace"}, {"tce", "terrace"}, {"cres", "crescent"}, {"cr", "crescent"}, {"cct", "circuit"},
    {"cir", "circle"}, {"apt", "apartment"}, {"ste", "suite"}, {"fl", "floor"}, {"n", "north"},
    {"s", "south"}, {"e", "east"}, {"w", "west"}, {"mt", "mount"}, {"ft", "fort"}, {"gdns", "gardens"},
    {"cl", "close"}, {"gr", "grove"}};

static bool is_one_character_repeated(struct bytes value)
{
    for (size_t i = 1; i < value.length; i++)
        if (value.data[i] != value.data[0])
            return false;
    return true;
}

/* Words joined again, each as `word` says (an empty one goes), one space apart; cut where it grows too long. */
static struct bytes words_join(const struct bytes *words, size_t count, struct arena *arena)
{
    uint8_t *data = arena_alloc(arena, MATCH_VALUE_BYTES_MAX);
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (words[i].length == 0 || length + (length > 0) + words[i].length > MATCH_VALUE_BYTES_MAX)
            continue;
        if (length > 0)
            data[length++] = ' ';
        memcpy(data + length, words[i].data, words[i].length);
        length += words[i].length;
    }
    return bytes_of(data, length);
}

static struct bytes folded_normal(struct bytes raw, struct arena *arena)
{
    struct bytes folded = match_fold(raw, arena);
    return IS_IN(folded, placeholders) ? nothing : folded;
}

static struct bytes name_normal(struct bytes raw, struct arena *arena)
{
    struct bytes words[MATCH_WORDS_MAX];
    struct bytes folded = folded_normal(raw, arena);
    size_t count = match_words(folded, words), first = 0;
    while (first + 1 < count && IS_IN(words[first], titles))
        first++;
    return first > 0 ? words_join(words + first, count - first, arena) : folded;
}

/* "last, first" is turned round. */
static struct bytes full_name_normal(struct bytes raw, struct arena *arena)
{
    const uint8_t *comma = raw.length ? memchr(raw.data, ',', raw.length) : NULL;
    if (!comma)
        return name_normal(raw, arena);
    size_t before = (size_t)(comma - raw.data);
    struct bytes words[2] = {name_normal(bytes_of(comma + 1, raw.length - before - 1), arena),
        name_normal(bytes_of(raw.data, before), arena)};
    struct bytes last[MATCH_WORDS_MAX];
    /* After several words the comma begins a rank or a place: "thomas clifford, 1st baron". */
    if (match_words(words[1], last) > 1) {
        struct bytes name = words[1];
        words[1] = words[0], words[0] = name;
    }
    return words_join(words, 2, arena);
}

static struct bytes email_normal(struct bytes raw, struct arena *arena)
{
    uint8_t *data = arena_alloc(arena, MATCH_VALUE_BYTES_MAX);
    size_t length = 0, local = 0;
    if (raw.length > MATCH_VALUE_BYTES_MAX || !bytes_are_utf8(raw))
        return nothing;
    for (size_t i = 0; i < raw.length; i++) {
        uint8_t c = raw.data[i];
        if (c > ' ')
            data[length++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
    }
    while (local < length && data[local] != '@')
        local++;
    if (local == 0 || local + 1 >= length)
        return nothing;
    struct bytes domain = bytes_of(data + local, length - local);
    bool google = bytes_is(domain, "@gmail.com") || bytes_is(domain, "@googlemail.com");
    size_t kept = 0;
    for (size_t i = 0; i < local && data[i] != '+'; i++)
        if (!google || data[i] != '.')
            data[kept++] = data[i];
    if (kept == 0 || IS_IN(bytes_of(data, kept), offices))
        return nothing;
    memmove(data + kept, domain.data, domain.length);
    return bytes_of(data, kept + domain.length);
}

static bool is_extension(struct bytes raw, size_t at)
{
    return (raw.data[at] | 0x20) == 'x' ||
           ((raw.data[at] | 0x20) == 'e' && at + 1 < raw.length && (raw.data[at + 1] | 0x20) == 'x');
}

/* The last ten digits: what is left of them is the country's code or a trunk's zero, which some write and some do
 * not. */
static struct bytes phone_normal(struct bytes raw, struct arena *arena)
{
    enum { DIGITS_MIN = 7, DIGITS_KEPT = 10, DIGITS_MAX = 20 };
    uint8_t *digits = arena_alloc(arena, DIGITS_MAX);
    size_t length = 0;
    for (size_t i = 0; i < raw.length && length < DIGITS_MAX; i++) {
        if (length >= DIGITS_MIN && is_extension(raw, i))
            break;
        if (raw.data[i] >= '0' && raw.data[i] <= '9')
            digits[length++] = raw.data[i];
    }
    size_t cut = length > DIGITS_KEPT ? length - DIGITS_KEPT : 0;
    struct bytes kept = bytes_of(digits + cut, length - cut);
    while (kept.length > 0 && kept.data[0] == '0')
        kept.data++, kept.length--;
    return kept.length < DIGITS_MIN - 1 || is_one_character_repeated(kept) || bytes_is(kept, "1234567890")
               ? nothing
               : kept;
}

/* Letters and digits run together. */
static struct bytes joined_normal(struct bytes raw, struct arena *arena)
{
    struct bytes folded = folded_normal(raw, arena);
    uint8_t *data = arena_alloc(arena, MATCH_VALUE_BYTES_MAX);
    size_t length = 0;
    for (size_t i = 0; i < folded.length; i++)
        if (folded.data[i] != ' ')
            data[length++] = folded.data[i];
    return bytes_of(data, length);
}

static bool is_digits(struct bytes value)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
    return value.length > 0;
}

static struct bytes postcode_normal(struct bytes raw, struct arena *arena)
{
    struct bytes code = joined_normal(raw, arena);
    if (code.length > 1 && is_digits(code) && is_one_character_repeated(code) &&
        (code.data[0] == '0' || code.data[0] == '9'))
        return nothing;
    if (code.length == 9 && is_digits(code))
        code.length = 5; /* ZIP+4 */
    return code;
}

static struct bytes street_normal(struct bytes raw, struct arena *arena)
{
    struct bytes words[MATCH_WORDS_MAX];
    size_t count = match_words(folded_normal(raw, arena), words);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof streets / sizeof *streets; k++)
            if (bytes_is(words[i], streets[k][0])) {
                words[i] = bytes_from_string(streets[k][1]);
                break;
            }
    return words_join(words, count, arena);
}

static struct bytes national_id_normal(struct bytes raw, struct arena *arena)
{
    struct bytes id = joined_normal(raw, arena);
    return id.length < 4 || is_one_character_repeated(id) || bytes_is(id, "123456789") ? nothing : id;
}

static struct bytes category_normal(struct bytes raw, struct arena *arena)
{
    struct bytes folded = folded_normal(raw, arena);
    if (bytes_is(folded, "male") || bytes_is(folded, "man"))
        return bytes_from_string("m");
    if (bytes_is(folded, "female") || bytes_is(folded, "woman"))
        return bytes_from_string("f");
    return folded;
}

struct bytes match_normal(enum match_kind kind, struct bytes raw, struct arena *arena)
{
    switch (kind) {
    case MATCH_GIVEN_NAME:
    case MATCH_SURNAME:
        return name_normal(raw, arena);
    case MATCH_FULL_NAME:
        return full_name_normal(raw, arena);
    case MATCH_BIRTH_DATE:
        return match_normal_date(raw, arena);
    case MATCH_EMAIL:
        return email_normal(raw, arena);
    case MATCH_PHONE:
        return phone_normal(raw, arena);
    case MATCH_POSTCODE:
        return postcode_normal(raw, arena);
    case MATCH_STREET:
        return street_normal(raw, arena);
    case MATCH_HOUSE_NUMBER:
        return joined_normal(raw, arena);
    case MATCH_NATIONAL_ID:
        return national_id_normal(raw, arena);
    case MATCH_CATEGORY:
        return category_normal(raw, arena);
    case MATCH_PLACE:
    case MATCH_TEXT:
        return folded_normal(raw, arena);
    case MATCH_KIND_COUNT:
        break;
    }
    IMPOSSIBLE("a column is of one of the kinds");
}
