/* schema_page: what the sources send and what of it has changed, as numbers on the metrics page. Reads the counters'
 * rows in one view, at the time of asking. Threads: any that may wait for the disk. Nothing fails: what cannot be read
 * is left out of the page, and patron_schema_readable says so. */
#ifndef PATRON_METHODS_SCHEMA_PAGE_H
#define PATRON_METHODS_SCHEMA_PAGE_H

#include "server/methods/port.h"

/* Findings on the page; their names come from outside, so past this they are counted by kind only. */
enum { SCHEMA_PAGE_FINDINGS_MAX = 200 };

void schema_page_write(struct port *port, struct encoder *page);

#endif
