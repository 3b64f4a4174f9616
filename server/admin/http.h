/* http: the port for operators and their machines: /livez, /readyz and /metrics, on libmicrohttpd, plain
 * HTTP.
 *
 * Owns one thread, with every signal blocked. Threads: start and stop from the owner's; the page callbacks
 * run on the thread of http. Failure: PATRON_BUSY for an address in use, PATRON_INVALID for one that is none.
 */
#ifndef PATRON_ADMIN_HTTP_H
#define PATRON_ADMIN_HTTP_H

#include "store/base/encode.h"
#include "store/base/error.h"

struct http_options {
    const char *listen; /* host:port; port 0 takes any */
    bool (*ready)(void *context);
    void (*write_metrics)(void *context, struct encoder *page);
    void *context;
};

struct http;

enum patron_code http_start(
    const struct http_options *options, struct http **http, struct error *error) MUST_CHECK;
const char *http_address(const struct http *http); /* with the port as chosen; borrowed */
void http_stop(struct http *take_http);            /* null is fine */

#endif
