/* refiller: the thread that fills the profiles of a new version of the definitions beside the serving
 * (store/versions/refill.h), and sweeps away what is not needed any more.
 *
 * It begins by itself where the last process left off, and anew with refiller_begin. What it makes is written by the
 * writer, in pieces of about a millisecond; in the end the writer switches, and the next view is of the new version.
 * Where events come in so fast that following them would not end, the writer takes them in slower until the switch
 * (pace.h), which a notice tells. While the disk has no room but its reserve, it waits. What it cannot do (events that
 * cannot be read) is told to who watches and in a notice, and tried again with the next refiller_begin or start.
 *
 * Watchers are told when something has changed, a few times a second at most, and at each end.
 *
 * Threads: refiller_begin, refiller_progress, refiller_watch and refiller_unwatch from any; new and stop from the
 * owner's, who stops it before the writer. Only refiller_new can fail. */
#ifndef PATRON_WORK_REFILLER_H
#define PATRON_WORK_REFILLER_H

#include "server/methods/port.h"
#include "server/work/views.h"
#include "server/work/writer.h"

struct refiller_options {
    struct store *store; /* all outlive the refiller */
    struct views *views;
    struct writer *writer;
    const char *directory; /* as in writer.h, as the next */
    uint64_t disk_reserve_bytes;
    void (*notice)(void *context, const char *words); /* nullable */
    void *context;
};

struct refiller;

enum patron_code refiller_new(
    const struct refiller_options *options, struct refiller **refiller, struct error *error) MUST_CHECK;
/* Ends at the next step; what was written is where the next start goes on. No watcher is left. Null is fine. */
void refiller_stop(struct refiller *take_refiller);

void refiller_begin(struct refiller *refiller);
void refiller_progress(struct refiller *refiller, struct refill_progress *progress);
void refiller_watch(struct refiller *refiller, struct refill_watcher *watcher);
bool refiller_unwatch(struct refiller *refiller, struct refill_watcher *watcher);

#endif
