/* JSON lines (jsonlines.org): one object a line, by json-c in its strict mode, UTF-8 validated. Blank lines are
 * skipped. What json-c would change in silence is refused: a key given twice, half of a surrogate pair, a NUL in a key.
 * One thread; the lines are borrowed. */
#ifndef PATRON_CLIENT_JSON_LINES_H
#define PATRON_CLIENT_JSON_LINES_H

#include <json-c/json.h>

#include "client/event_row.h"
#include "client/lines.h"

struct json_lines {
    struct lines *lines;
    struct json_tokener *tokener;
    struct json_object *object; /* the one handed out last */
};

struct json_row {
    bool end;
    uint64_t line;
    struct json_object *object; /* borrowed until the next row */
};

void json_lines_open(struct json_lines *json, struct lines *lines);
void json_lines_close(struct json_lines *json);

/* PATRON_INVALID: the line is broken, the next call goes on behind it. */
enum patron_code json_lines_next(
    struct json_lines *json, struct json_row *row, struct error *error) MUST_CHECK;

/* A string, a number with its digits as written, or true and false, as text; borrowed from the object. */
enum patron_code json_scalar_text(
    struct json_object *value, const char *what, struct bytes *text, struct error *error) MUST_CHECK;

/* The next line as an event:
 * {"type": "order", "id": "1", "time": "2024-05-01T10:00:00Z" or microseconds, "identifiers": {"email": "a@x.org" or
 * ["a@x.org", …]}, "attributes": {"amount": 12.50}}. `id` and `attributes` may be absent, `type` if `default_type` is
 * not null; no other key may be there. A value of null is none. */
enum patron_code json_event_next(struct json_lines *json, const char *default_type, struct arena *scratch,
    struct event_row *row, struct error *error) MUST_CHECK;

#endif
