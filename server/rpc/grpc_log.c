#include "server/rpc/grpc_log.h"

#include <grpc/support/log.h>
#include <stdio.h>

#include "server/log.h"

static _Thread_local bool keeping;
static _Thread_local char kept[2048];

static void take_line(gpr_log_func_args *line)
{
    if (keeping && line->severity == GPR_LOG_SEVERITY_ERROR) {
        snprintf(kept, sizeof kept, "%s", line->message);
        return;
    }
    static const enum log_level levels[] = {
        [GPR_LOG_SEVERITY_DEBUG] = LEVEL_DEBUG,
        [GPR_LOG_SEVERITY_INFO] = LEVEL_INFO,
        [GPR_LOG_SEVERITY_ERROR] = LEVEL_ERROR,
    };
    log_write(levels[line->severity], "gRPC", "says", line->message, NULL);
}

void grpc_log_route(void)
{
    gpr_set_log_function(take_line);
}

void grpc_log_keep(void)
{
    keeping = true;
    kept[0] = 0;
}

const char *grpc_log_kept(void)
{
    keeping = false;
    return kept;
}
