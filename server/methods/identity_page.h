/* identity_page: what rules and people have done to identities, and how well identity works, as numbers on the metrics
 * page. Threads: any. Nothing fails. */
#ifndef PATRON_METHODS_IDENTITY_PAGE_H
#define PATRON_METHODS_IDENTITY_PAGE_H

#include "store/base/encode.h"
#include "store/measures/census.h"

/* `census` null: none was taken yet, and what it would say is left out. */
void identity_page_write(const struct store_figures *figures, const struct census *census, struct encoder *page);

#endif
