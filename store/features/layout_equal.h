/* layout_equal: whether one version of the definitions may go on with the profiles of another. Any thread; it cannot
 * fail. */
#ifndef PATRON_FEATURES_LAYOUT_EQUAL_H
#define PATRON_FEATURES_LAYOUT_EQUAL_H

#include "store/features/layout.h"

/* Do profiles hold the same under both, byte for byte, whatever their events? */
bool layout_equal(const struct layout *a, const struct layout *b);

#endif
