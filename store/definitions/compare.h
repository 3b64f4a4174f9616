/* compare: what is different between two versions of the definitions, for `check` and for what `apply` says first.
 *
 * Pure; any thread; nothing fails. The order is the file's: settings, identifiers, identity, events each with its
 * attributes (by number), matching, shared costs, features, derived features, services; what is new or changed in the
 * order of the new file, then what is gone in the order of the old one. A family whose members are all new, gone or
 * changed alike is told once, by its bare name.
 *
 * `breaking`: whoever sends or reads what could be sent or read before may be refused, or get something else under the
 * same name: a column, a value, a status. `refill`: stored events may have to be folded again for it. That errs on the
 * safe side: whether they do have to is seen from what profiles hold (features/layout.h). */
#ifndef PATRON_DEFINITIONS_COMPARE_H
#define PATRON_DEFINITIONS_COMPARE_H

#include "store/base/arena.h"
#include "store/definitions/definitions.h"

/* The numbers are those of ChangeKind on the wire. */
enum change_kind { CHANGE_ADDED = 1, CHANGE_REMOVED = 2, CHANGE_CHANGED = 3 };

enum change_what {
    CHANGE_OF_SETTING,
    CHANGE_OF_IDENTIFIER,
    CHANGE_OF_EVENT,
    CHANGE_OF_ATTRIBUTE,
    CHANGE_OF_FEATURE,
    CHANGE_OF_DERIVED,
    CHANGE_OF_SERVICE,
    CHANGE_OF_SHARED_COST,
};

struct change {
    enum change_kind kind;
    enum change_what what;
    struct bytes name; /* of an attribute "order.amount" */
    const char *words; /* "" if there is nothing to add */
    bool breaking;
    bool refill;
};

struct changes {
    struct change *list;
    size_t count;
    size_t capacity;
    bool breaking; /* one of them is */
    bool refill;
};

/* Both versions are of one store, so that numbers mean the same. Names, words and the list are in the arena. */
void definitions_compare(const struct definitions *before, const struct definitions *after, struct arena *arena,
    struct changes *changes);

const char *change_kind_name(enum change_kind kind); /* "added", "removed", "changed" */
const char *change_what_name(enum change_what what); /* "derived feature" */

#endif
