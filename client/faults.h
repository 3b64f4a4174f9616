/* Rows that did not go in: the first ones in words, all of them counted by reason. Writes to stderr. One thread. */
#ifndef PATRON_CLIENT_FAULTS_H
#define PATRON_CLIENT_FAULTS_H

#include <json-c/json.h>
#include <stdint.h>

#include "client/progress.h"
#include "store/base/error.h"

/* More than a screenful helps nobody; more kinds of reasons than this are one more, "other". */
enum { FAULTS_SHOWN_MAX = 20, FAULT_REASONS_MAX = 50, FAULT_REASON_TEXT_MAX = 200 };

struct fault_reason {
    char text[FAULT_REASON_TEXT_MAX];
    uint64_t count;
};

struct faults {
    uint64_t count;
    struct fault_reason reasons[FAULT_REASONS_MAX];
    size_t reason_count;
};

/* "FILE:LINE: what", after wiping the progress line. */
void faults_add(
    struct faults *faults, struct progress *progress, const char *file, uint64_t line, const char *what);

/* The reasons with their counts, if not all rows were shown. */
void faults_print(const struct faults *faults);
struct json_object *faults_to_json(const struct faults *faults);

/* A reason without what is particular to one row: quoted parts and numbers become "…". For tests. */
void fault_reason_text(const char *what, char text[FAULT_REASON_TEXT_MAX]);

#endif
