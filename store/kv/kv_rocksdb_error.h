/* RocksDB's errors reach C as text only. This is the one place that reads that text. Pure; any thread. */
#ifndef PATRON_KV_ROCKSDB_ERROR_H
#define PATRON_KV_ROCKSDB_ERROR_H

#include "store/base/error.h"

struct kv_rocksdb_failure {
    const char *begins; /* how RocksDB's text begins */
    enum patron_code code;
    const char *advice; /* what the operator can do */
};

/* Never null: text that is in no row is PATRON_INTERNAL. */
const struct kv_rocksdb_failure *kv_rocksdb_failure_of(const char *text);

#endif
