/* parse: what the files that read a definitions file share. Private to the room.
 *
 * One struct parse a call of definitions_parse. `scratch` holds the tree and whatever is only needed meanwhile; what is
 * kept goes to `memory`. Every check notes its mistakes and goes on, so that all are told at once; a thing with a
 * mistake is still entered under its name, so that whoever refers to it is not blamed as well. */
#ifndef PATRON_DEFINITIONS_PARSE_H
#define PATRON_DEFINITIONS_PARSE_H

#include <stdatomic.h>

#include "store/definitions/definitions.h"
#include "store/definitions/grammar.h"
#include "store/definitions/mistakes.h"
#include "store/definitions/suggest.h"
#include "store/definitions/tree.h"

/* What one may select: a feature, or a family standing for its members, which follow each other. */
struct selectable {
    struct bytes name;
    uint32_t first;
    uint32_t count;
};

/* What definitions hold besides what they show: the memory of it all, and orders to look names up by. */
struct definitions_memory {
    atomic_uint references;
    struct arena arena;                   /* this struct and the definitions are in it too */
    const struct selectable *selectables; /* by name */
    size_t selectable_count;
    const uint16_t *events_by_name; /* those not retired */
    size_t live_event_count;
    const uint16_t *events_by_number;
};

/* Features in the making, and what they and their families are found by. In scratch, and grown there: what points into
 * the arrays is good until the next feature_enter. */
struct names {
    struct feature *features;
    size_t feature_count, feature_capacity;
    struct selectable *selectables;
    size_t selectable_count, selectable_capacity;
    size_t refused; /* features past FEATURES_MAX, not entered */
};

struct parse {
    struct arena *scratch;
    struct arena *memory;
    struct mistakes *mistakes;
    const struct definitions *previous; /* nullable */
    bool forced;
    struct definitions *made;
    struct definitions_memory *made_memory;
    struct names names;
    bool features_unread; /* a mistake in the features as a whole: what names unknown ones is not to blame */
    struct bytes matched_event; /* the name of the event whose attributes matching reads; empty: none is */
    size_t *listed_by;    /* by feature: which service named it last, counted from 1; while services are read */
};

/* True, and a mistake counted, once so many are kept that it need not be worded: a file may have a million. Asked
 * before work that only its words need. */
bool parse_only_counts(struct parse *parse);
/* None at an alias: it has its own, and what it stands for was not read. */
void parse_mistake(struct parse *parse, const struct tree_node *at, const char *format, ...) PRINTF_LIKE(3, 4);
/* A mistake only because of what the version before has stored: none where it is forced. */
void parse_refuse(struct parse *parse, const struct tree_node *at, const char *format, ...) PRINTF_LIKE(3, 4);

/* "unknown <what> 'ordr': did you mean 'order'?" */
void parse_unknown(
    struct parse *parse, const struct tree_node *at, const char *what, struct bytes name, struct suggest_from from);

/* False, and a mistake, unless the node is of that kind with at most `most` entries. `what` names it: "identifiers". */
bool parse_is_map(struct parse *parse, const struct tree_node *node, const char *what, size_t most);
bool parse_is_list(struct parse *parse, const struct tree_node *node, const char *what, size_t most);

/* Notes a mistake unless the key can be a name. */
void parse_name(struct parse *parse, const struct tree_node *key, const char *what);
/* And unless it can be one among the names of a map of that shape, some of which may be reserved. */
void parse_name_in(
    struct parse *parse, const struct tree_node *key, const char *what, const struct grammar_shape *shape);

/* Finds the keys of a map, in the order of the shape's; null: not given. A key that is none of them is a mistake, that
 * one is missing is the caller's to tell, in words that help. */
void parse_fields(struct parse *parse, const struct tree_node *map, const struct grammar_shape *shape,
    const struct tree_node **nodes);

/* The key of the shape that an unknown one is told to be meant for; empty: none is. */
struct bytes parse_meant_key(struct bytes given, const struct grammar_shape *shape);

/* The number of the word among the shape's; -1 and a mistake if it is none of them. */
int parse_word(
    struct parse *parse, const struct tree_node *node, const char *what, const struct grammar_shape *shape);

/* An entry that is true or false; false, and a mistake, if it is neither. */
bool parse_bool(struct parse *parse, const struct tree_node *node);

/* A number without quotes, below 2^53; false, and no mistake, if it is not one. */
bool parse_number(struct parse *parse, const struct tree_node *node, double *number);

/* An entry's number, within the shape's bounds, or its duration in microseconds; -1 and a mistake that names its key.
 * */
int64_t parse_whole(struct parse *parse, const struct tree_node *node, const struct grammar_shape *shape);
int64_t parse_duration(struct parse *parse, const struct tree_node *node, int64_t least_us, int64_t most_us);

/* The words about a feature or service, from its keys description, owner and tags: in this order, each nullable. */
struct about {
    struct bytes description;
    struct bytes owner;
    const struct bytes *tags;
    size_t tag_count;
};
_Static_assert(FEATURE_OWNER == FEATURE_DESCRIPTION + 1 && FEATURE_TAGS == FEATURE_DESCRIPTION + 2, "in this order");
_Static_assert(DERIVED_OWNER == DERIVED_DESCRIPTION + 1 && DERIVED_TAGS == DERIVED_DESCRIPTION + 2, "in this order");
_Static_assert(SERVICE_OWNER == SERVICE_DESCRIPTION + 1 && SERVICE_TAGS == SERVICE_DESCRIPTION + 2, "in this order");
struct about parse_about(struct parse *parse, const struct tree_node *const nodes[3]);

/* An entry of a map as it stands in the file, from its key to its value's end, with a comment that follows on the last
 * line. It points into made->text. */
struct bytes parse_written(struct parse *parse, const struct tree_node *entry);

/* filters.c. The attribute of that name; null and a mistake if the event has none, or if they are sealed: those only
 * matching may use, by the second. */
const struct attribute *parse_attribute(
    struct parse *parse, const struct tree_node *node, struct bytes name, const struct event_type *event);
const struct attribute *parse_attribute_sealed(
    struct parse *parse, const struct tree_node *node, struct bytes name, const struct event_type *event);
/* The filters of `where` or `ratio`, and how many. */
size_t parse_filters(struct parse *parse, const struct tree_node *node, const struct event_type *event,
    const struct filter **filters);

/* constants.c. What a filter compares with, written as the attribute's type wants it; false, and a mistake, if it is
 * not. */
bool parse_constant(
    struct parse *parse, const struct tree_node *node, const struct attribute *attribute, struct scalar *scalar);
/* An entry's value as the default of a feature of that type: money, doubles and whole numbers in decimals, bools as
 * true and false, texts as they are. Null and a mistake if it is not one; null where the type is 0, for that feature
 * has a mistake already. The two others are its parts: null without a mistake, and the mistake. */
const struct value *parse_default(struct parse *parse, const struct tree_node *node, enum value_type type);
const struct value *parse_default_if(struct parse *parse, const struct tree_node *node, enum value_type type);
void parse_default_mistake(struct parse *parse, const struct tree_node *node, enum value_type type);

/* For qsort, of bytes or of structs that begin with them. */
int bytes_sort_compare(const void *left, const void *right);

/* definitions_identifiers.c. The node is nullable: not given. */
void parse_identifiers(struct parse *parse, const struct tree_node *node, const struct tree_node *root);

/* definitions_events.c: the events of a file. The node is nullable: not given. */
void parse_events(struct parse *parse, const struct tree_node *node, const struct tree_node *root);
/* After them. The event type of that name; null and a mistake if there is none. */
const struct event_type *parse_event_type(struct parse *parse, const struct tree_node *at, struct bytes name);

/* definitions_matching.c. The event named there, before anything is checked; and, after the events, the whole. Nodes
 * are nullable: not given. */
struct bytes parse_matched_event(const struct tree_node *node);
void parse_matching(struct parse *parse, const struct tree_node *node);

/* definitions_identity.c. After the features and those derived. The node is nullable: not given. */
void parse_identity(struct parse *parse, const struct tree_node *node);

/* names.c. Adds a feature under its name; what is more than FEATURES_MAX is not entered but counted. A feature of type
 * 0 has a mistake, and whoever refers to it is not to blame. Whether the name is free is the caller's to check. */
void feature_enter(struct parse *parse, const struct feature *feature, struct bytes name);
/* A family and its members, which have their names. */
void family_enter(struct parse *parse, struct bytes name, const struct feature *members, size_t count);
/* Shows what was entered so far in `made`, by name and in the order it was entered. After parse_features, and once more
 * after parse_derived: from then on made->features and the selectables stay. `at` is blamed if they are too many. */
void features_finish(struct parse *parse, const struct tree_node *at);

/* Each reads a part of the file. Nodes are nullable: not given. Derived features are entered after all others, and each
 * after its operands; among those that could come next the first of the file. */
void parse_features(struct parse *parse, const struct tree_node *node);
void parse_derived(struct parse *parse, const struct tree_node *node);
void parse_services(struct parse *parse, const struct tree_node *node);
/* shared_costs.c. After the events. */
void parse_shared_costs(struct parse *parse, const struct tree_node *node);

/* definitions.c: sets what the selection needs, in the arena, if any of its features is derived. */
void selection_need(const struct definitions *definitions, struct arena *arena, struct selection *selection);
/* The selectable of a name, or null. */
const struct selectable *definitions_selectable(const struct definitions *definitions, struct bytes name);

#endif
