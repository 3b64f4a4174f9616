/* history_identity: what happens to identity in a history, and what must hold of it.
 *
 * Part of history.h: the same history, the same manner of failing. */
#ifndef PATRON_TESTS_PROPERTY_HISTORY_IDENTITY_H
#define PATRON_TESTS_PROPERTY_HISTORY_IDENTITY_H

#include "store/identity/identity.h"
#include "store/changes/linking.h"
#include "store/changes/review.h"
#include "store/changes/splitting.h"
#include "tests/property/history.h"
#include "tests/property/oracle_identity.h"

/* history_changes.c: one entry of each kind, made on both sides and compared. */
struct oracle_link_outcome history_link(struct history *history, const struct oracle_link_request *request);
/* `meanwhile` (nullable) happens between the plan and the entry, once. */
struct oracle_split_outcome history_split(struct history *history, const struct oracle_split_request *request,
    void (*meanwhile)(struct history *history, const struct oracle_split_request *request));
/* As the two above, but the commit fails: the oracle hears nothing of it. Only in memory. */
void history_failing_link(struct history *history, const struct oracle_link_request *request);
void history_failing_split(struct history *history, const struct oracle_split_request *request);
void history_unblock(struct history *history, uint64_t node);

/* history_review.c */
void history_look_at_review(struct history *history);
void history_decide(struct history *history);
void history_happen_expiry(struct history *history);
void history_approve_in_turn(struct history *history);
/* Every item, as it is and as it was at some T. */
void history_check_reviews(struct history *history);
/* Forgets what reviewers saw. */
void history_reviews_clear(struct history *history);

/* history_refusals.c: what events were not allowed to join, by node; and how often, into the figures. */
void history_check_refusals(struct history *history);
void history_count_refusals(struct history *history);

/* history_components.c: who is one, at some T, by the rows of membership, by a walk over the rows of links, and by the
 * oracle; links and separations row for row; what must hold of every customer at every T. */
void history_check_components(struct history *history);
/* The definitions that serve from here on bound what is joined. */
void history_bounds_widen(struct history *history);

/* history_happenings.c: what can happen. */
void history_happen_link(struct history *history);
void history_happen_split(struct history *history);
/* Without a restart, which a commit that fails needs. */
void history_happen_sure_link(struct history *history);
void history_happen_sure_split(struct history *history);
void history_happen_window(struct history *history);
void history_happen_undo(struct history *history);
void history_happen_relink(struct history *history);
void history_happen_unblock(struct history *history);
void history_happen_drain(struct history *history);
/* Everybody's features now, by both sides. */
void history_compare_everyone(struct history *history);

/* history_define.c: other definitions while the store serves. */
void history_happen_define(struct history *history);

/* history_replay.c: what the store was given, to be given to another, which must come to the same bytes. */
void history_record_definitions(struct history *history);
void history_record_define(struct history *history, const char *text, int64_t known_at_us);
void history_record_serves(struct history *history);
void history_record_group(
    struct history *history, const struct oracle_event *const *events, size_t count, bool source_clock);
void history_record_link(struct history *history, const struct link_request *request);
/* `nodes` are those that were split off in the end. */
void history_record_split(
    struct history *history, const struct split_request *request, const uint64_t *nodes, size_t node_count);
void history_record_unblock(struct history *history, uint64_t node);
void history_record_verdict(struct history *history, const struct review_request *request);
/* Everything must have been written back. */
void history_replay(struct history *history);

/* history_exports.c: exports that are kept, and made again. */
void history_export(struct history *history);
void history_export_again(struct history *history);
void history_exports_clear(struct history *history);

/* history_questions.c: all features of one now, by both sides; what the store says, kept; all features selected. */
void history_ask_all_of(struct history *history, const struct oracle_identifier *identifier);
struct answer *history_answer_now(struct history *history, const struct view *view,
    const struct oracle_identifier *identifier, int64_t as_of_us);
struct selection history_select_all(struct history *history);

/* history_store.c: the world's definitions serve from here on. */
void history_definitions_serve(struct history *history);
/* A restart without other definitions. */
void history_restart_as_it_is(struct history *history);

/* Begins a group and says which known_at it begins with, as the oracle expects (history_store.c). */
void history_begin_group(struct history *history, bool source_clock);
void history_commit_group(struct history *history);
/* Only in memory; nothing of the group may be left after the restart that follows. */
void history_commit_failing(struct history *history, bool writes);

/* An identifier of the node, in the world's memory. */
struct oracle_identifier history_identifier_of(struct history *history, uint64_t node);
/* A node from 1 on; 0: there is none. */
uint64_t history_any_node(struct history *history);

#endif
