/* matcher: the thread that follows the log with the records of people, compares them and has them linked
 * (store/records/pairing.h), and the training of its models (store/records/models.h).
 *
 * It looks a few times a second whether there is something to do. What it finds is written by the writer in small
 * groups, each on disk together with how far the matcher has come, so that a kill at any moment loses nothing and does
 * nothing twice. While the disk has no room but its reserve, or the clock has jumped, it waits. What it cannot do is
 * told in a notice, once, and tried again.
 *
 * A training runs on the thread that asks for it, a worker's; one at a time.
 *
 * Threads: matcher_train and matcher_status from any; the rest from the owner's, who calls matcher_call_off before it
 * stops the workers, and matcher_stop before the writer. Only matcher_new and matcher_train can fail. */
#ifndef PATRON_WORK_MATCHER_H
#define PATRON_WORK_MATCHER_H

#include "server/methods/port.h"
#include "server/work/identity.h"
#include "server/work/views.h"
#include "server/work/writer.h"

struct matcher_options {
    struct store *store; /* all outlive the matcher */
    struct views *views;
    struct writer *writer;
    struct identity_work *identity;
    const char *directory; /* as in writer.h, as the next */
    uint64_t disk_reserve_bytes;
    void (*notice)(void *context, const char *words); /* nullable */
    void *context;
};

struct matcher;

enum patron_code matcher_new(
    const struct matcher_options *options, struct matcher **matcher, struct error *error) MUST_CHECK;
/* A training that is under way ends without a model. Null is fine. */
void matcher_call_off(struct matcher *matcher);
/* Ends at the next step. Null is fine. */
void matcher_stop(struct matcher *take_matcher);

/* As struct port_functions' `train` and `matching_status` say. */
enum patron_code matcher_train(struct matcher *matcher, const struct train_watch *watch, struct model_entry *entry,
    struct error *error) MUST_CHECK;
void matcher_status(struct matcher *matcher, struct matching_status *status);

#endif
