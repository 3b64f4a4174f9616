/* worth: what a customer is worth, by the feature that the definitions name for it (identity.value): what rules of
 * identity and measures go by. */
#ifndef PATRON_STORE_WORTH_H
#define PATRON_STORE_WORTH_H

#include "store/features/profile.h"

/* Of a profile as of T, in units of money or as the number is; false if it has no value, or the definitions name no
 * feature. Advances the profile to T - 1: give a copy of one that must stay as it is. */
bool profile_worth(struct profile *profile, int64_t as_of_us, struct arena *arena, double *worth);

#endif
