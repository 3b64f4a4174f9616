/* What the commands of `patron definitions` share: a file on its way to the server, and what the server says of it.
 * One thread. Messages are borrowed. */
#ifndef PATRON_CLIENT_DEFINITIONS_H
#define PATRON_CLIENT_DEFINITIONS_H

#include <json-c/json.h>

#include "client/command.h"
#include "patron/v1/definitions.pb-c.h"
#include "store/base/encode.h"

/* The file's bytes; "-" is standard input. PATRON_INVALID: larger than any server takes. */
enum patron_code definitions_read(const char *path, struct encoder *to, struct error *error) MUST_CHECK;

/* "FILE:12:5: words" a line, to stderr, and how many there are in all. */
void definitions_mistakes_print(
    const char *path, Patron__V1__DefinitionsMistake *const *mistakes, size_t count, uint64_t total);
struct json_object *definitions_mistakes_json(Patron__V1__DefinitionsMistake *const *mistakes, size_t count);

/* "+ feature orders_7d: count of order, last 7d" a line, to stdout. */
void definitions_changes_print(Patron__V1__DefinitionsChange *const *changes, size_t count);
struct json_object *definitions_changes_json(Patron__V1__DefinitionsChange *const *changes, size_t count);

extern const struct command command_definitions_check;
extern const struct command command_definitions_show;
extern const struct command command_definitions_schema;
extern const struct command command_definitions_apply;
extern const struct command command_definitions_versions;
extern const struct command command_definitions_drop;

#endif
