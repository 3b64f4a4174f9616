/* suggest: words for a name that is not there. Pure; any thread. Only called once something is wrong, and bounded: a
 * name too far off in length is never compared, and a comparison stops once it is too far. */
#ifndef PATRON_DEFINITIONS_SUGGEST_H
#define PATRON_DEFINITIONS_SUGGEST_H

#include "store/base/bytes.h"

/* The names to choose among: the `name` fields of an array of structs. */
struct suggest_from {
    const struct bytes *first;
    size_t count;
    size_t stride;
};
#define SUGGEST_FROM(array, number, field)                                                                   \
    ((struct suggest_from){(number) ? &(array)[0].field : NULL, (number), sizeof(array)[0]})

/* ": did you mean 'orders_90d'?", or, if none is near, "; there are a, b, c and 4 more", or "; there are none". */
enum { SUGGEST_TEXT_MAX = 512 };
struct suggestion {
    char text[SUGGEST_TEXT_MAX];
};
struct suggestion suggest(struct bytes wanted, struct suggest_from from);

/* The nearest name within a few typing errors (one for every three letters, at most three); null: none is. */
const struct bytes *suggest_nearest(struct bytes wanted, struct suggest_from from);

/* A name from outside made fit to stand in a message: printable ASCII, cut where it gets long. */
enum { QUOTED_MAX = 72 };
struct quoted {
    char text[QUOTED_MAX];
};
struct quoted quote(struct bytes name);

#endif
