/* `patron generate shop`: a made-up shop to try things with. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/command.h"
#include "client/interrupt.h"
#include "client/moments.h"
#include "client/progress.h"
#include "client/shop.h"

struct generate_options {
    const char *customers, *events, *seed, *from, *to, *output, *split;
    bool definitions;
};

#define OPTION(member) offsetof(struct generate_options, member)

static const struct flag generate_flags[] = {
    {"customers", NULL, 0, FLAG_TEXT, "N", "how many people (default 1000)", OPTION(customers)},
    {"events", NULL, 0, FLAG_TEXT, "M", "how many events in all (default ten a person)", OPTION(events)},
    {"seed", NULL, 0, FLAG_TEXT, "S", "a number; the same one gives the same shop everywhere (default 1)",
        OPTION(seed)},
    {"from", NULL, 0, FLAG_TEXT, "TIME", "when the shop opens (default 2023-01-01)", OPTION(from)},
    {"to", NULL, 0, FLAG_TEXT, "TIME", "when the events end (default 2025-01-01)", OPTION(to)},
    {"output", "out", 'o', FLAG_TEXT, "FILE", "write there instead of to standard output", OPTION(output)},
    {"split", NULL, 0, FLAG_TEXT, "FOLDER", "write a file for each event type: FOLDER/order.jsonl …",
        OPTION(split)},
    {"definitions", NULL, 0, FLAG_SWITCH, NULL, "print the definitions that fit the shop, and no events",
        OPTION(definitions)},
};

static enum patron_code moment_default(
    const char *text, const char *standard, int64_t *time_us, struct error *error)
{
    return moment_parse(bytes_from_string(text ? text : standard), time_us, error);
}

static enum patron_code options_read(const struct generate_options *options, const struct flag_list *rest,
    struct shop_options *shop, struct error *error)
{
    long long customers = 1000, events, seed = 1;
    if (rest->count != 1 || strcmp(rest->values[0], "shop") != 0)
        return error_set(error, PATRON_INVALID, "write `patron generate shop`");
    if (options->output && options->split)
        return error_set(error, PATRON_INVALID, "either --output FILE or --split FOLDER");
    if (options->customers)
        TRY(parse_count(options->customers, 1, SHOP_CUSTOMERS_MAX, &customers, error));
    events = 10 * customers;
    if (options->events)
        TRY(parse_count(options->events, 1, INT64_C(10000000000), &events, error));
    if (options->seed)
        TRY(parse_count(options->seed, 0, INT64_MAX, &seed, error));
    TRY(moment_default(options->from, "2023-01-01", &shop->from_us, error));
    TRY(moment_default(options->to, "2025-01-01", &shop->to_us, error));
    if (shop->to_us - shop->from_us < INT64_C(86400000000))
        return error_set(
            error, PATRON_INVALID, "the shop must be open for a day at least: --from lies before --to");
    shop->customers = (uint32_t)customers;
    shop->events = (uint64_t)events;
    shop->seed = (uint64_t)seed;
    return PATRON_OK;
}

struct outputs {
    FILE *files[SHOP_EVENT_KINDS];
    bool split;
};

static enum patron_code file_create(const char *path, FILE **file, struct error *error)
{
    *file = fopen(path, "wb");
    return *file ? PATRON_OK : error_set(error, PATRON_IO, "cannot write %s: %s", path, strerror(errno));
}

static enum patron_code outputs_open(
    struct outputs *outputs, const struct generate_options *options, struct error *error)
{
    if (!options->split) {
        FILE *file = stdout;
        if (options->output)
            TRY(file_create(options->output, &file, error));
        for (int kind = 0; kind < SHOP_EVENT_KINDS; kind++)
            outputs->files[kind] = file;
        return PATRON_OK;
    }
    outputs->split = true;
    if (mkdir(options->split, 0777) != 0 && errno != EEXIST)
        return error_set(error, PATRON_IO, "cannot make %s: %s", options->split, strerror(errno));
    for (int kind = 0; kind < SHOP_EVENT_KINDS; kind++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.jsonl", options->split, shop_event_names[kind]);
        TRY(file_create(path, &outputs->files[kind], error));
    }
    return PATRON_OK;
}

static enum patron_code outputs_close(struct outputs *outputs, struct error *error)
{
    enum patron_code code = PATRON_OK;
    for (int kind = 0; kind < (outputs->split ? SHOP_EVENT_KINDS : 1); kind++) {
        FILE *file = outputs->files[kind];
        if (!file)
            continue;
        bool failed = ferror(file) != 0 || fflush(file) != 0;
        if (file != stdout)
            failed = fclose(file) != 0 || failed;
        if (failed)
            code = error_set(error, PATRON_IO, "cannot write the events: %s", strerror(errno));
    }
    return code;
}

static enum patron_code events_write(
    const struct shop_options *options, struct outputs *outputs, struct error *error)
{
    struct shop *shop = shop_new(options);
    struct progress progress;
    char line[SHOP_LINE_MAX];
    size_t length;
    enum shop_event kind;
    uint64_t count = 0;
    enum patron_code code = PATRON_OK;
    progress_start(&progress, "generating", "events");
    while (code == PATRON_OK && shop_next(shop, &kind, line, &length)) {
        if (fwrite(line, length, 1, outputs->files[kind]) != 1)
            code = error_set(error, PATRON_IO, "cannot write the events: %s", strerror(errno));
        else if (interrupted())
            code = error_set(error, PATRON_CANCELLED, "interrupted");
        count++;
        progress_update(&progress, count, count, options->events);
    }
    progress_finish(&progress);
    shop_free(shop);
    return code;
}

static enum patron_code generate_work(
    const struct generate_options *options, const struct shop_options *shop, struct error *error)
{
    struct outputs outputs = {0};
    enum patron_code code = outputs_open(&outputs, options, error);
    if (code == PATRON_OK)
        code = events_write(shop, &outputs, error);
    enum patron_code closed = outputs_close(&outputs, code == PATRON_OK ? error : NULL);
    return code == PATRON_OK ? closed : code;
}

static int generate_run(const struct command *command, int argc, char **argv)
{
    struct generate_options options = {0};
    struct shop_options shop = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    if (exit_code < 0 && options_read(&options, &rest, &shop, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0 && options.definitions) {
        fputs(shop_definitions, stdout);
        exit_code = EXIT_DONE;
    }
    if (exit_code < 0)
        exit_code = generate_work(&options, &shop, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    flag_list_clear(&rest);
    return exit_code;
}

static const char generate_notes[] =
    "People first come by a device, order by email as guests or with an account, ask for help, send things "
    "back; so\n"
    "each shows up under several identifiers that turn out to be one customer over time. The events are JSON "
    "lines in\n"
    "order of time; the same options give the same bytes everywhere.\n\n"
    "email:" SHOP_UNTIED_EMAIL " and device:" SHOP_UNTIED_DEVICE
    " are one person too, but no event says so: an event\n"
    "with both merges them.\n\n"
    "Examples:\n"
    "  patron generate shop --definitions > shop.yaml\n"
    "  patron generate shop --customers 20000 --events 200000 --seed 7 -o shop.jsonl\n"
    "  patron import shop.jsonl --clock source\n";

const struct command command_generate = {
    .name = "generate",
    .usage = "shop [--customers N] [--events M] [--seed S] [-o FILE | --split FOLDER]\nshop --definitions",
    .summary = "make up a shop: events to try things with, and definitions that fit",
    .notes = generate_notes,
    .flags = generate_flags,
    .flag_count = sizeof generate_flags / sizeof *generate_flags,
    .run = generate_run,
};
