/* matching_messages: what the methods of matching tell in the same words. Messages lie in the arena and borrow from
 * what they are made of. Any thread. */
#ifndef PATRON_METHODS_MATCHING_MESSAGES_H
#define PATRON_METHODS_MATCHING_MESSAGES_H

#include "patron/v1/matching.pb-c.h"
#include "store/records/models.h"

/* With its parameters if they are wanted, where the definitions of the view can use it; else with the words why not. */
enum patron_code matching_model_message(const struct view *view, const struct model_entry *entry, bool parameters,
    struct arena *arena, Patron__V1__Model **message, struct error *error) MUST_CHECK;

#endif
