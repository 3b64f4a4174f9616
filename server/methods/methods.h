/* methods: one of each, in the file of its name. Threads and failure: method.h. */
#ifndef PATRON_METHODS_METHODS_H
#define PATRON_METHODS_METHODS_H

#include "server/methods/method.h"

extern const struct method method_get_features;
extern const struct method method_get_vectors;
extern const struct method method_ingest;
extern const struct method method_snapshot;
extern const struct method method_verify;
extern const struct method method_get_status;
extern const struct method method_describe_definitions;
extern const struct method method_check_definitions;
extern const struct method method_apply_definitions;
extern const struct method method_list_definitions_versions;
extern const struct method method_drop_definitions_version;
extern const struct method method_get_definitions_schema;
extern const struct method method_get_schema;
extern const struct method method_get_measures;
extern const struct method method_train;
extern const struct method method_preview_matches;
extern const struct method method_list_models;
extern const struct method method_get_model;
extern const struct method method_get_matching_status;
extern const struct method method_list_reviews;
extern const struct method method_get_review;
extern const struct method method_decide_review;
extern const struct method method_confirm_clock;
extern const struct method method_show_identity;
extern const struct method method_identity_history;
extern const struct method method_link_identity;
extern const struct method method_unlink_identity;
extern const struct method method_block_identity;
extern const struct method method_unblock_identity;
extern const struct method method_health_check;
extern const struct method method_health_watch;
extern const struct method method_reflection;
extern const struct method method_reflection_alpha;

#endif
