/* identity_change: what the methods that change identity share. Any thread. */
#ifndef PATRON_METHODS_IDENTITY_CHANGE_H
#define PATRON_METHODS_IDENTITY_CHANGE_H

#include "server/methods/errand.h"
#include "store/explain/effect.h"

/* Who and why: PATRON_INVALID says what is wrong with it. Before the writer is asked. */
enum patron_code identity_signature_check(const char *actor, const char *reason, struct error *error) MUST_CHECK;
/* About the features of a service, or all, in the errand's view. */
enum patron_code identity_effect_question(struct errand *errand, const char *service,
    struct effect_question *question, struct error *error) MUST_CHECK;

#endif
