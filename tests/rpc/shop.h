/* shop: the whole server in the test's own process: the database (in memory, or in a directory), every
 * method, and the engine; with a small shop's definitions, and words to fill it. Threads: the test's.
 * Failure: aborts. */
#ifndef PATRON_TESTS_RPC_SHOP_H
#define PATRON_TESTS_RPC_SHOP_H

#include "patron/v1/features.pb-c.h"
#include "patron/v1/ingestion.pb-c.h"
#include "patron/v1/operations.pb-c.h"
#include "patron/v1/snapshots.pb-c.h"
#include "server/work/database.h"
#include "tests/rpc/client.h"
#include "tests/rpc/serving.h"

struct shop {
    struct kv *kv; /* null: in a directory */
    struct database *database;
    struct serving serving;
    struct client client;
    int64_t known_at_us; /* of the events sent from here on; 0: known from now on */
    struct arena arena;
    struct answer answer;
};

void shop_open(struct shop *shop, const char *directory); /* null: in memory */
/* With a service more, `more`: a second version of the definitions. */
void shop_open_changed(struct shop *shop, const char *directory);
void shop_close(struct shop *shop);

/* An order of `micros` of money at `time_us`, in channel `channel`, by email `who`@shop. */
struct order {
    uint64_t id;
    uint64_t who;
    int64_t time_us;
    int64_t micros;
    const char *channel;
};
/* An IngestRequest of these orders, packed into the shop's arena. */
struct bytes shop_batch(struct shop *shop, uint64_t batch, const struct order *orders, size_t count);
/* Sends them as one batch and waits; all must be applied. Returns known_at of the newest. */
int64_t shop_ingest(struct shop *shop, const struct order *orders, size_t count);

/* A unary call with a protobuf-c message; the reply is in shop->answer. */
void shop_call(struct shop *shop, const char *path, const void *request);
/* Identifiers email `first`@shop and on, for requests. */
Patron__V1__Identifier **shop_identifiers(struct shop *shop, uint64_t first, size_t count);

#endif
