/* grpc_log: gRPC's own log lines as lines of ours, and the last error of a thread kept for whoever asks: core
 * says why an address cannot be listened on only there. Threads: any. Nothing fails. */
#ifndef PATRON_RPC_GRPC_LOG_H
#define PATRON_RPC_GRPC_LOG_H

#include <stdbool.h>

/* Before grpc_init. */
void grpc_log_route(void);
/* From here on this thread's errors are kept instead of written; then the last of them, "" for none. */
void grpc_log_keep(void);
const char *grpc_log_kept(void);

#endif
