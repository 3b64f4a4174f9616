#include "server/work/identity.h"

#include "server/work/disk.h"

struct identity_work {
    struct identity_options options;
};

/* --- a group of its own, on the writer's thread ------------------------------------------------------------------- */

struct changing {
    struct identity_work *identity;
    enum patron_code (*work)(struct store *store, void *context, struct error *error);
    void *context;
};

static enum patron_code change_in_group(void *context, struct error *error)
{
    struct changing *changing = context;
    const struct identity_options *options = &changing->identity->options;
    TRY(clock_check(options->clock, error));
    if (options->directory)
        TRY(disk_check(options->directory, options->disk_reserve_bytes, error));
    views_group_begin(options->views, false);
    enum patron_code code = changing->work(options->store, changing->context, error);
    if (store_has_failed(options->store))
        return code;
    struct error failure;
    enum patron_code committed = store_group_commit(options->store, &failure);
    if (committed != PATRON_OK)
        return error_set(error, committed, "%s", failure.text);
    views_publish(options->views); /* also of a group that is empty: it is open no longer */
    return code;
}

enum patron_code identity_change(struct identity_work *identity,
    enum patron_code (*work)(struct store *store, void *context, struct error *error), void *context,
    struct error *error)
{
    struct changing changing = {identity, work, context};
    return writer_run(identity->options.writer, change_in_group, &changing, error);
}

/* --- from outside ------------------------------------------------------------------------------------------------- */

enum patron_code identity_work_new(
    const struct identity_options *options, struct identity_work **identity, struct error *error)
{
    (void)error;
    *identity = memory_alloc(sizeof **identity);
    (*identity)->options = *options;
    return PATRON_OK;
}

void identity_work_stop(struct identity_work *identity)
{
    memory_free(identity);
}
