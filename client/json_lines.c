#include "client/json_lines.h"

#include "client/moments.h"

/* An event is three levels deep; a spine's row one. */
enum { JSON_DEPTH_MAX = 8 };

/* The members of an object in their order. (json-c's own macro needs an extension of GNU C.) */
#define EACH_MEMBER(object, at)                                                                              \
    for (struct json_object_iterator at = json_object_iter_begin(object),                                    \
                                     at##_end = json_object_iter_end(object);                                \
         !json_object_iter_equal(&at, &at##_end); json_object_iter_next(&at))

void json_lines_open(struct json_lines *json, struct lines *lines)
{
    *json = (struct json_lines){.lines = lines, .tokener = json_tokener_new_ex(JSON_DEPTH_MAX)};
    CHECK(json->tokener != NULL);
    json_tokener_set_flags(json->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
}

void json_lines_close(struct json_lines *json)
{
    json_object_put(json->object);
    json_tokener_free(json->tokener);
    *json = (struct json_lines){0};
}

static enum patron_code line_read(
    struct json_lines *json, struct json_row *row, struct bytes *line, struct error *error)
{
    do {
        lines_mark(json->lines);
        enum patron_code code = lines_next(json->lines, line, error);
        if (code == PATRON_INVALID) {
            TRY(lines_skip(json->lines, error));
            row->line = json->lines->number;
            return error_set(error, PATRON_INVALID, "the line is longer than %d bytes", ROW_BYTES_MAX);
        }
        TRY(code);
        row->end = line->length == 0;
        while (line->length > 0 && memchr(" \t\r\n", line->data[line->length - 1], 4))
            line->length--;
    } while (!row->end && line->length == 0);
    row->line = json->lines->number;
    return PATRON_OK;
}

/* The line has something on it, and blanks at its end no more. */
static const uint8_t *skip_blanks(struct bytes line)
{
    const uint8_t *at = line.data;
    while (*at == ' ' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

/* --- what json-c changes in silence. All of these read a line that json-c has taken, so that it is JSON. --- */

static unsigned escape_value(const uint8_t digits[4])
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned digit = digits[i] <= '9' ? digits[i] - (unsigned)'0' : (digits[i] | 0x20u) - 'a' + 10u;
        value = value * 16 + digit;
    }
    return value;
}

/* json-c makes half of a surrogate pair U+FFFD, and ends a key at a NUL. Counts the members of all objects as well. */
static enum patron_code escapes_check(struct bytes line, size_t *members, struct error *error)
{
    bool quoted = false;
    *members = 0;
    for (size_t at = 0; at < line.length; at++) {
        const uint8_t *byte = line.data + at;
        quoted = quoted != (*byte == '"');
        *members += !quoted && *byte == ':';
        if (*byte != '\\')
            continue;
        at++;
        if (byte[1] != 'u')
            continue;
        unsigned value = escape_value(byte + 2);
        at += 4;
        if (value == 0)
            return error_set(error, PATRON_INVALID,
                "column %zu: \\u0000 is a NUL byte, which no text contains", (size_t)(byte - line.data) + 1);
        if (value < 0xd800 || value > 0xdfff)
            continue;
        /* Six bytes of an escape fit if a closing quote and brace come after. */
        bool pair = value < 0xdc00 && at + 6 < line.length && byte[6] == '\\' && byte[7] == 'u' &&
                    (escape_value(byte + 8) & 0xfc00) == 0xdc00;
        if (!pair)
            return error_set(error, PATRON_INVALID, "column %zu: \\u%.4s is half of a surrogate pair",
                (size_t)(byte - line.data) + 1, (const char *)byte + 2);
        at += 6;
    }
    return PATRON_OK;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static size_t members_count(struct json_object *value)
{
    size_t count = 0;
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            count += members_count(json_object_array_get_idx(value, i));
    } else if (json_object_is_type(value, json_type_object)) {
        count = (size_t)json_object_object_length(value);
        EACH_MEMBER(value, at)
        {
            count += members_count(json_object_iter_peek_value(&at));
        }
    }
    return count;
}

/* The string whose opening quote is at `at` ends behind this place. */
static size_t string_end(struct bytes line, size_t at)
{
    for (at++; line.data[at] != '"'; at++)
        at += line.data[at] == '\\';
    return at + 1;
}

/* Whether the object has the member with the name written as `text` (with quotes and escapes); it has it then. */
static bool member_repeats(struct json_object *seen, struct bytes text, struct error *error)
{
    struct json_tokener *tokener = json_tokener_new();
    CHECK(tokener != NULL);
    struct json_object *name = json_tokener_parse_ex(tokener, (const char *)text.data, (int)text.length);
    CHECK(json_object_is_type(name, json_type_string));
    bool repeats = json_object_object_get_ex(seen, json_object_get_string(name), NULL);
    if (repeats)
        error_set(error, PATRON_INVALID, "the key \"%.100s\" is given twice", json_object_get_string(name));
    else
        json_object_object_add(seen, json_object_get_string(name), NULL);
    json_object_put(name);
    json_tokener_free(tokener);
    return repeats;
}

/* Fewer members came out than were written: find the key that is written twice in one object. */
static enum patron_code repeated_key_name(struct bytes line, struct error *error)
{
    struct json_object *seen[JSON_DEPTH_MAX + 1] = {0}; /* by depth, the members of the object open there */
    size_t depth = 0;
    struct bytes string = {0};
    bool found = false;
    for (size_t at = 0; at < line.length && !found; at++) {
        switch (line.data[at]) {
        case '{':
        case '[':
            CHECK(depth < JSON_DEPTH_MAX);
            depth++;
            json_object_put(seen[depth]);
            seen[depth] = json_object_new_object();
            break;
        case '}':
        case ']':
            depth--;
            break;
        case '"':
            string = bytes_of(line.data + at, string_end(line, at) - at);
            at += string.length - 1;
            break;
        case ':':
            found = member_repeats(seen[depth], string, error);
            break;
        default:
            break;
        }
    }
    for (size_t i = 0; i <= JSON_DEPTH_MAX; i++)
        json_object_put(seen[i]);
    CHECK(found);
    return PATRON_INVALID;
}

enum patron_code json_lines_next(struct json_lines *json, struct json_row *row, struct error *error)
{
    struct bytes line;
    *row = (struct json_row){0};
    json_object_put(json->object);
    json->object = NULL;
    TRY(line_read(json, row, &line, error));
    if (row->end)
        return PATRON_OK;
    if (memchr(line.data, '\0', line.length))
        return error_set(error, PATRON_INVALID, "the line contains a NUL byte");
    if (*skip_blanks(line) != '{')
        return error_set(error, PATRON_INVALID, "the line is not a JSON object");
    json_tokener_reset(json->tokener);
    json->object = json_tokener_parse_ex(json->tokener, (const char *)line.data, (int)line.length);
    enum json_tokener_error status = json_tokener_get_error(json->tokener);
    if (status == json_tokener_continue)
        return error_set(error, PATRON_INVALID, "the line ends within its JSON object");
    size_t parsed = json_tokener_get_parse_end(json->tokener);
    if (status != json_tokener_success)
        return error_set(
            error, PATRON_INVALID, "column %zu: %s", parsed + 1, json_tokener_error_desc(status));
    if (parsed != line.length)
        return error_set(error, PATRON_INVALID, "column %zu: something follows the JSON object", parsed + 1);
    CHECK(json_object_is_type(json->object, json_type_object));
    size_t members;
    TRY(escapes_check(line, &members, error));
    if (members != members_count(json->object))
        return repeated_key_name(line, error);
    row->object = json->object;
    return PATRON_OK;
}

enum patron_code json_scalar_text(
    struct json_object *value, const char *what, struct bytes *text, struct error *error)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        *text = bytes_of(json_object_get_string(value), (size_t)json_object_get_string_len(value));
        return row_text_check(*text, what, error);
    case json_type_boolean:
        *text = bytes_from_string(json_object_get_boolean(value) ? "true" : "false");
        return PATRON_OK;
    case json_type_int:
    case json_type_double:
        /* json-c keeps a number's own digits and gives them back here. */
        *text = bytes_from_string(json_object_to_json_string(value));
        if (!text_is_number(*text))
            return error_set(error, PATRON_INVALID, "%s: %.*s is not a number", what, BYTES_ARGUMENTS(*text));
        return PATRON_OK;
    case json_type_null:
    case json_type_object:
    case json_type_array:
        return error_set(error, PATRON_INVALID, "%s is not a string, number, true or false", what);
    }
    IMPOSSIBLE("a JSON type outside json-c's list");
}

static enum patron_code string_get(
    struct json_object *value, const char *what, struct bytes *text, struct error *error)
{
    if (!json_object_is_type(value, json_type_string))
        return error_set(error, PATRON_INVALID, "%s is not a string", what);
    return json_scalar_text(value, what, text, error);
}

static enum patron_code time_get(struct json_object *value, int64_t *time_us, struct error *error)
{
    struct bytes text;
    TRY(json_scalar_text(value, "\"time\"", &text, error));
    struct time_format format = {
        .kind = json_object_is_type(value, json_type_string) ? TIME_RFC3339 : TIME_MICROSECONDS};
    return time_format_read(&format, text, time_us, error);
}

/* Identifiers are strings; a number is taken by its digits, since many systems' customer ids are numbers. */
static enum patron_code identifier_get(
    const char *type, struct json_object *value, struct event_row *row, struct error *error)
{
    struct bytes text;
    if (json_object_is_type(value, json_type_boolean))
        return error_set(error, PATRON_INVALID, "identifier \"%.100s\" is not a string", type);
    TRY(json_scalar_text(value, type, &text, error));
    if (text.length > 0)
        row->identifiers[row->identifier_count++] = (struct row_identifier){bytes_from_string(type), text};
    return PATRON_OK;
}

static enum patron_code identifiers_get(
    struct json_object *object, struct arena *scratch, struct event_row *row, struct error *error)
{
    if (!json_object_is_type(object, json_type_object))
        return error_set(error, PATRON_INVALID, "\"identifiers\" is not an object");
    size_t room = 0;
    EACH_MEMBER(object, at)
    {
        struct json_object *counted = json_object_iter_peek_value(&at);
        room += json_object_is_type(counted, json_type_array) ? json_object_array_length(counted) : 1;
    }
    row->identifiers = arena_array(scratch, room, sizeof *row->identifiers);
    EACH_MEMBER(object, at)
    {
        const char *type = json_object_iter_peek_name(&at);
        struct json_object *value = json_object_iter_peek_value(&at);
        TRY(row_text_check(bytes_from_string(type), "an identifier's type", error));
        if (json_object_is_type(value, json_type_array)) {
            for (size_t i = 0; i < json_object_array_length(value); i++)
                TRY(identifier_get(type, json_object_array_get_idx(value, i), row, error));
        } else if (value) {
            TRY(identifier_get(type, value, row, error));
        }
    }
    return PATRON_OK;
}

static enum patron_code attributes_get(
    struct json_object *object, struct arena *scratch, struct event_row *row, struct error *error)
{
    if (!json_object_is_type(object, json_type_object))
        return error_set(error, PATRON_INVALID, "\"attributes\" is not an object");
    size_t room = (size_t)json_object_object_length(object);
    row->attributes = arena_array(scratch, room, sizeof *row->attributes);
    EACH_MEMBER(object, at)
    {
        const char *name = json_object_iter_peek_name(&at);
        struct json_object *value = json_object_iter_peek_value(&at);
        TRY(row_text_check(bytes_from_string(name), "an attribute's name", error));
        if (!value)
            continue;
        struct row_attribute *attribute = &row->attributes[row->attribute_count++];
        attribute->name = bytes_from_string(name);
        TRY(json_scalar_text(value, name, &attribute->text, error));
        enum json_type type = json_object_get_type(value);
        attribute->kind = type == json_type_string    ? ROW_TEXT
                          : type == json_type_boolean ? ROW_FLAG
                          : type == json_type_int     ? ROW_INTEGER
                                                      : ROW_DECIMAL;
    }
    return PATRON_OK;
}

static enum patron_code event_get(struct json_object *object, const char *default_type, struct arena *scratch,
    struct event_row *row, struct error *error)
{
    bool has_time = false;
    if (default_type)
        row->type = bytes_from_string(default_type);
    EACH_MEMBER(object, at)
    {
        const char *key = json_object_iter_peek_name(&at);
        struct json_object *value = json_object_iter_peek_value(&at);
        if (strcmp(key, "type") == 0)
            TRY(string_get(value, "\"type\"", &row->type, error));
        else if (strcmp(key, "id") == 0)
            TRY(json_scalar_text(value, "\"id\"", &row->id, error));
        else if (strcmp(key, "time") == 0)
            TRY(time_get(value, &row->time_us, error));
        else if (strcmp(key, "identifiers") == 0)
            TRY(identifiers_get(value, scratch, row, error));
        else if (strcmp(key, "attributes") == 0)
            TRY(attributes_get(value, scratch, row, error));
        else
            return error_set(error, PATRON_INVALID,
                "there is no key \"%.100s\" in an event: type, id, time, identifiers, attributes", key);
        has_time = has_time || strcmp(key, "time") == 0;
    }
    if (!has_time)
        return error_set(error, PATRON_INVALID, "the event has no \"time\"");
    return event_row_check(row, error);
}

enum patron_code json_event_next(struct json_lines *json, const char *default_type, struct arena *scratch,
    struct event_row *row, struct error *error)
{
    struct json_row line;
    *row = (struct event_row){0};
    enum patron_code code = json_lines_next(json, &line, error);
    row->end = line.end;
    row->line = line.line;
    if (code != PATRON_OK || row->end)
        return code;
    return event_get(line.object, default_type, scratch, row, error);
}
