/* view_at: views for questions about the past, which bind the store no more than they must.
 *
 * A view of now comes with a T, and once T is handed out no later entry may be known before it: history on its
 * source's clock can be loaded no more. A question about what the log holds already needs no such promise, so that
 * a store that is being filled with history can be asked of any moment of it in between.
 *
 * Threads: any. Failure: PATRON_OUT_OF_RANGE for a moment that is not known yet, or before all time. */
#ifndef PATRON_METHODS_VIEW_AT_H
#define PATRON_METHODS_VIEW_AT_H

#include "server/methods/port.h"

/* A view that answers for `moment_us`, and the latest moment that it answers for. It is the caller's to release. */
enum patron_code view_at(struct port *port, int64_t moment_us, const struct view **view, int64_t *latest_us,
    struct error *error) MUST_CHECK;

/* The same for moments that are not known yet when the view is needed. Where entries come in as they happen, as of
 * now: nothing is lost by a promise, for the log ends now anyway. Else of what the log holds. */
const struct view *view_at_some(struct port *port, int64_t *latest_us);
/* Later than `latest_us` is wanted after all: moves it, if nothing has come in since the view. */
void view_at_extend(struct port *port, const struct view *view, int64_t *latest_us);

/* Says that a moment is past the latest that can be asked for, or before the first. */
enum patron_code view_at_check(int64_t moment_us, int64_t latest_us, struct error *error) MUST_CHECK;

#endif
