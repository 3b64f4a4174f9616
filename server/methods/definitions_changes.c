#include "server/methods/definitions_changes.h"

Patron__V1__DefinitionsChange **definitions_changes_messages(const struct changes *changes, struct arena *arena)
{
    Patron__V1__DefinitionsChange **list = arena_array(arena, changes->count, sizeof list[0]);
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        Patron__V1__DefinitionsChange *message = arena_alloc(arena, sizeof *message);
        patron__v1__definitions_change__init(message);
        message->kind = (Patron__V1__ChangeKind)change->kind;
        message->what = (char *)(uintptr_t)change_what_name(change->what);
        message->name = arena_string(arena, change->name);
        message->words = (char *)(uintptr_t)change->words;
        message->breaking = change->breaking;
        message->refill = change->refill;
        list[i] = message;
    }
    return list;
}
