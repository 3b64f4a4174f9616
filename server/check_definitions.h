/* check_definitions: what patrond does with a file of definitions besides serving it. Needs no data directory and no
 * server. Threads: the main one, before anything is started. Failure is said on stderr. */
#ifndef PATRON_SERVER_CHECK_DEFINITIONS_H
#define PATRON_SERVER_CHECK_DEFINITIONS_H

#include <stdbool.h>

/* True if the file ("-": standard input) would be taken by a new store: says so on stdout. Else every mistake is on
 * stderr, a line each: "FILE:12:5: words". */
bool check_definitions(const char *path);
/* The JSON Schema of such files, to stdout. */
void print_definitions_schema(void);

#endif
