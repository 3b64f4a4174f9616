/* What can go wrong, said once.
 *
 * Every fallible function returns enum patron_code and takes a nullable `struct error *` last; on failure it has
 * filled the struct with words for the reader: what was wrong, where, what to do next. An error is the caller's memory,
 * of fixed size, and is never allocated. One X-macro lists code, name and gRPC status number; nothing else maps
 * them. */
#ifndef PATRON_BASE_ERROR_H
#define PATRON_BASE_ERROR_H

#include "store/base/check.h"

/* X(code, name in logs and replies, gRPC status) */
#define PATRON_CODES(X)                                                                                      \
    X(PATRON_OK, "ok", 0)                                                                                    \
    X(PATRON_INVALID, "invalid", 3)              /* the input is wrong and will be wrong again */            \
    X(PATRON_DEADLINE, "deadline", 4)            /* the caller's time is up */                               \
    X(PATRON_NOT_FOUND, "not_found", 5)          /* nothing of that name or key */                           \
    X(PATRON_CONFLICT, "conflict", 6)            /* the id exists with other content */                      \
    X(PATRON_EXHAUSTED, "exhausted", 8)          /* a limit or a resource; later may do */                   \
    X(PATRON_PRECONDITION, "precondition", 9)    /* the store is not in a state for it: operator's turn */   \
    X(PATRON_CANCELLED, "cancelled", 1)          /* the caller went away */                                  \
    X(PATRON_OUT_OF_RANGE, "out_of_range", 11)   /* a time not known yet, or before all time */              \
    X(PATRON_UNSUPPORTED, "unsupported", 12)     /* well formed, but this version does not do it */          \
    X(PATRON_CORRUPT, "corrupt", 15)             /* stored bytes are not what we wrote */                    \
    X(PATRON_IO, "io", 14)                       /* the disk or the network said no */                       \
    X(PATRON_BUSY, "busy", 14)                   /* in use by another process, or shutting down */           \
    X(PATRON_INTERNAL, "internal", 13)           /* ours */

enum patron_code {
#define X(code, name, grpc) code,
    PATRON_CODES(X)
#undef X
        PATRON_CODE_COUNT
};

/* The text is cut at this size; long enough for a sentence with a path and a suggestion, short enough for a trailer. */
enum { ERROR_TEXT_MAX = 1024 };

struct error {
    enum patron_code code;
    char text[ERROR_TEXT_MAX];
};

/* Fill `error` (unless null) and return `code`, so that a failure is one statement. */
enum patron_code error_set(struct error *error, enum patron_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Put words in front of what is there already: "import.csv:7: " + text. Returns error's code, or `code` if null. */
enum patron_code error_prefix(struct error *error, enum patron_code code, const char *format, ...) PRINTF_LIKE(3, 4);

const char *patron_code_name(enum patron_code code);
int patron_code_grpc(enum patron_code code);

#endif
