/* models: what matching goes by, each an entry of the log.
 *
 * A model is learned from all records of a view (model_train: long, on a worker), and put into use by an entry of its
 * own (group_model_add): from that known_at on it writes links, and never before. All models are kept. A model is of
 * use under definitions whose matching columns are those that it was trained under.
 *
 * Threads: group_model_add is the writer's, within an open group; the rest reads any view on any thread.
 * Failure: as stated, or of the engine. */
#ifndef PATRON_STORE_MODELS_H
#define PATRON_STORE_MODELS_H

#include "store/records/records.h"

struct model_entry {
    uint32_t number; /* from 1 */
    int64_t known_at_us;
    uint32_t definitions_version; /* that it was trained under */
};

/* PATRON_NOT_FOUND: none; number 0: the newest. */
enum patron_code model_find(
    const struct view *view, uint32_t number, struct model_entry *entry, struct error *error) MUST_CHECK;
/* Oldest first; all of them, in the arena. */
enum patron_code models_list(const struct view *view, struct arena *arena, struct model_entry **entries, size_t *count,
    struct error *error) MUST_CHECK;
/* PATRON_PRECONDITION: it is of no use under these definitions, the words say why. match_model_free is the caller's. */
enum patron_code model_load(const struct view *view, const struct model_entry *entry, const struct matching *matching,
    struct match_model **model, struct error *error) MUST_CHECK;

/* How far a training has come, on its thread; false: stop. */
struct model_progress {
    bool (*go_on)(void *context, bool reading, double done);
    void *context;
};

/* Learns from the records of the view that are made already (pairing.h). PATRON_PRECONDITION: the definitions match
 * nothing, or there are too few records; PATRON_CANCELLED: go_on said so. */
enum patron_code model_train(const struct view *view, const struct model_progress *progress, struct match_model **model,
    struct error *error) MUST_CHECK;

/* Puts a model that was trained under a version of the definitions into use. PATRON_PRECONDITION: meanwhile others
 * serve, which match by other columns; nothing is written. */
enum patron_code group_model_add(struct store *store, const struct match_model *model, uint32_t definitions_version,
    struct model_entry *entry, struct error *error) MUST_CHECK;

#endif
