/* effect: what a change of identity does to customers: their features before it and after.
 *
 * A side is a customer as it is in the view, or as it would be: two that became one, or a part of one that was split.
 * All are as of one T after the view's position, by the computation that every read runs.
 *
 * Threads: any, on a view. Memory: the arena's; texts are copied to it. */
#ifndef PATRON_STORE_EFFECT_H
#define PATRON_STORE_EFFECT_H

#include "store/explain/explain.h"
#include "store/changes/splitting.h"

struct effect_question {
    const struct view *view;
    struct selection selection; /* effect_select */
    int64_t as_of_us;           /* the T that the view was handed out with */
    struct arena *arena;
};

struct effect_side {
    uint64_t customer;
    const struct explained_node *nodes; /* as they are in the view, wherever they go */
    size_t node_count;
    uint64_t events;
    struct row row; /* its values are the selection's */
};

/* The features of a service; empty: all there are, the first READ_FEATURES_MAX of them. */
enum patron_code effect_select(const struct definitions *definitions, struct bytes service, struct arena *arena,
    struct selection *selection, struct error *error) MUST_CHECK;

enum patron_code effect_of_customer(const struct effect_question *question, uint64_t customer,
    struct effect_side *side, struct error *error) MUST_CHECK;
/* What the two of them would be as one, after they were asked for by themselves. */
enum patron_code effect_of_merged(const struct effect_question *question, const struct effect_side *a,
    const struct effect_side *b, struct effect_side *side, struct error *error) MUST_CHECK;
/* A part of a plan made on the same view, of a customer that falls apart (`whole`). */
enum patron_code effect_of_part(const struct effect_question *question, const struct effect_side *whole,
    const struct split_part *part, struct effect_side *side, struct error *error) MUST_CHECK;

/* What a split that was done came of and came to, by its plan, on any view that has it, whatever happened since: as of
 * the moment after its entry, with the layout of the plan's profiles. `as_of_us` of the question is known_at + 1. */
enum patron_code effect_before_split(const struct effect_question *question, const struct split_plan *plan,
    struct effect_side *side, struct error *error) MUST_CHECK;
enum patron_code effect_after_split(const struct effect_question *question, const struct split_part *part,
    struct effect_side *side, struct error *error) MUST_CHECK;

#endif
