/* definitions_changes: what is different between two versions of the definitions, as CheckDefinitions and
 * ApplyDefinitions tell it. Any thread; nothing fails. */
#ifndef PATRON_METHODS_DEFINITIONS_CHANGES_H
#define PATRON_METHODS_DEFINITIONS_CHANGES_H

#include "patron/v1/definitions.pb-c.h"
#include "store/definitions/compare.h"

/* changes->count messages in the arena; they point into the changes. */
Patron__V1__DefinitionsChange **definitions_changes_messages(const struct changes *changes, struct arena *arena);

#endif
