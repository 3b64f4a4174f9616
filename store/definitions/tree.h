/* tree: a YAML text as a tree of scalars, lists and maps with places, for the checks to walk.
 *
 * It takes what a file of definitions needs and refuses the rest of YAML with a place: anchors, aliases (a few lines of
 * them can stand for gigabytes), tags, keys that are not scalars, a key given twice, several documents, deep nesting.
 * After an anchor, an alias or a tag it reads on, so that what else is wrong is told too: nothing is written where an
 * alias stands, and a merge of one ("<<: *base") or an entry under one is left out.
 * The tree lives in the arena, whole; nothing of libyaml is seen outside tree.c. */
#ifndef PATRON_DEFINITIONS_TREE_H
#define PATRON_DEFINITIONS_TREE_H

#include "store/base/bytes.h"
#include "store/definitions/mistakes.h"

enum tree_kind { TREE_SCALAR = 1, TREE_LIST, TREE_MAP };

struct tree_node {
    enum tree_kind kind;
    bool plain; /* a scalar without quotes */
    bool alias; /* a scalar of no text: it has its mistake, and no other is told of it */
    size_t line;
    size_t column;
    size_t begin, end;      /* its bytes in the text as given; a value not written has none */
    struct bytes text;      /* of a scalar */
    struct tree_node *key;  /* of an entry of a map: a scalar */
    struct tree_node *first; /* of a list or map: in the order of the file */
    struct tree_node *next;  /* in the list or map this one is in */
    size_t count;
};

/* The tree, or null: of an empty text, or because of a mistake after which the rest cannot be read. */
const struct tree_node *tree_load(struct bytes text, struct arena *arena, struct mistakes *mistakes);

/* Nothing was written there: "device:" or "device: ~". */
bool tree_is_nothing(const struct tree_node *node);

#endif
