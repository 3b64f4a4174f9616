/* Typed columns of a reply, checked once and then read cell by cell. Borrowed from the message. */
#ifndef PATRON_CLIENT_VALUES_H
#define PATRON_CLIENT_VALUES_H

#include <json-c/json.h>
#include <stdbool.h>

#include "patron/v1/types.pb-c.h"
#include "store/base/error.h"

enum { VALUE_TEXT_MAX = 48 };

/* PATRON_CORRUPT unless the column has a status and a value for each of `rows`. */
enum patron_code column_check(const Patron__V1__Column *column, size_t rows, struct error *error) MUST_CHECK;

bool column_is_number(const Patron__V1__Column *column);
/* Null where there is no value. Doubles come in the fewest digits that give them back; texts are borrowed from the
 * column, all else is written to `scratch`. */
const char *column_text(const Patron__V1__Column *column, size_t row, char scratch[VALUE_TEXT_MAX]);
struct json_object *column_json(const Patron__V1__Column *column, size_t row);
/* For people, behind the text: " (stale: 12.3 days)", " (default)" or nothing. */
void column_remark(const Patron__V1__Column *column, size_t row, char remark[VALUE_TEXT_MAX]);
bool column_is_stale(const Patron__V1__Column *column, size_t row);
bool column_is_default(const Patron__V1__Column *column, size_t row);
/* Of a feature with a max_age; -1: it has none, or no event. */
double column_age_seconds(const Patron__V1__Column *column, size_t row);

/* The fewest digits that read back as the same double. */
void double_text(double value, char text[VALUE_TEXT_MAX]);
struct json_object *double_json(double value);

#endif
