/* json_schema: the grammar of a definitions file as a JSON Schema (draft 2020-12), for editors.
 *
 * Written from grammar.c's table, and from a few rules of which key goes with which that the table has no words for. It
 * takes every file that the checker takes, read as YAML 1.2, and refuses most mistakes of form; what needs the rest of
 * the file (a name is defined, a type suits) the checker alone tells. Pure; any thread; nothing fails. */
#ifndef PATRON_DEFINITIONS_JSON_SCHEMA_H
#define PATRON_DEFINITIONS_JSON_SCHEMA_H

#include "store/base/encode.h"

/* Appends the whole text, with a line break at its end. */
void definitions_json_schema(struct encoder *to);

#endif
