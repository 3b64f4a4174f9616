/* figures: what the database keeps, as numbers on the metrics page. Threads: any. Nothing fails. */
#ifndef PATRON_SERVER_FIGURES_H
#define PATRON_SERVER_FIGURES_H

#include "server/work/database.h"
#include "store/base/encode.h"

void figures_write(struct database *database, struct encoder *page);

#endif
