/* identity_page: what rules and people have done to identities, and how well identity works, as numbers on the metrics
 * page. Reads what waits for review in one view. Threads: any that may wait for the disk. Nothing fails: what cannot be
 * read is left out. */
#ifndef PATRON_METHODS_IDENTITY_PAGE_H
#define PATRON_METHODS_IDENTITY_PAGE_H

#include "server/methods/port.h"
#include "store/base/encode.h"

/* `census` null: none was taken yet, and what it would say is left out. */
void identity_page_write(
    struct port *port, const struct server_status *status, const struct census *census, struct encoder *page);

#endif
