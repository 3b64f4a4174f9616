/* The words of the command line, and what they share. A command is one table entry (main.c) with its flags, its help
 * and one function that does it and returns the exit code. Commands run on the main thread, one a process. */
#ifndef PATRON_CLIENT_COMMAND_H
#define PATRON_CLIENT_COMMAND_H

#include "client/flags.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;    /* of a part the whole: "definitions check" */
    const char *usage;   /* what follows `patron NAME`, one line a form */
    const char *summary; /* one line */
    const char *notes;   /* paragraphs and examples below the flags */
    const struct flag *flags;
    size_t flag_count;
    int (*run)(const struct command *command, int argc, char **argv);
    const struct command *const *parts; /* null: none. One with parts has no flags, and command_run_part runs it */
    size_t part_count;
};

extern const struct command command_import;
extern const struct command command_get;
extern const struct command command_snapshot;
extern const struct command command_verify;
extern const struct command command_schema;
extern const struct command command_status;
extern const struct command command_clock;
extern const struct command command_generate;
extern const struct command command_definitions;
extern const struct command command_identity;

/* Parse argv against the command's flags into `options` (zeroed by the caller) and `rest`. Returns -1 to go on, else
 * the exit code: help was asked for and printed, or the usage is wrong and was explained. */
int command_parse(
    const struct command *command, int argc, char **argv, void *options, struct flag_list *rest);

/* Runs the part that argv[0] names with the rest; EXIT_USAGE with words if there is none. */
int command_run_part(const struct command *command, int argc, char **argv);
/* The part of that name; null, with words on stderr, if there is none. */
const struct command *command_part(const struct command *command, const char *name);

/* "patron NAME: text", then where to read on. Returns EXIT_USAGE. */
int command_usage_error(const struct command *command, const char *format, ...) PRINTF_LIKE(2, 3);
/* "patron: text". Returns EXIT_FAILED. */
int command_failed(const struct error *error);

void command_help(const struct command *command);

#define SERVER_FLAG(options)                                                                                 \
    {                                                                                                        \
        .name = "server", .value = "ADDR", .offset = offsetof(options, server), .kind = FLAG_TEXT,           \
        .help = "the server's address (default $PATRON_SERVER, or 127.0.0.1:7070)"                           \
    }

#endif
