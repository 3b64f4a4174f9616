/* patron: the command line. Finds the command, hands it the rest, returns its exit code: 0 done, 1 failed, 2 wrong
 * usage. */
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/interrupt.h"

static const struct command *const commands[] = {
    &command_import,
    &command_get,
    &command_snapshot,
    &command_schema,
    &command_status,
    &command_verify,
    &command_clock,
    &command_definitions,
    &command_identity,
    &command_generate,
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void usage_print(FILE *to)
{
    fputs("patron talks to a Patron server: it brings events in, reads features, takes snapshots.\n\n"
          "Usage: patron COMMAND [FLAGS]\n\nCommands:\n",
        to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
    fputs(
        "  help        explain a command\n"
        "  version     say which version this is\n\n"
        "Examples:\n"
        "  patron import orders.csv --event order --time date --identifier email=email --attribute "
        "amount=total\n"
        "  patron get --service churn --id email:ada@example.org\n"
        "  patron snapshot --service churn --every 1mo --from 2024-01-01 --to 2025-01-01 -o train.parquet\n\n"
        "The server is at $PATRON_SERVER or 127.0.0.1:7070; each command takes --server ADDR.\n"
        "`patron help COMMAND` says the rest. Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
        to);
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    const char *names[COMMAND_COUNT + 2];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->name;
    names[COMMAND_COUNT] = "help";
    names[COMMAND_COUNT + 1] = "version";
    const char *near = nearest_word(name, names, COMMAND_COUNT + 2);
    fprintf(stderr, "patron: there is no command '%.100s'", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fputs("\n`patron help` lists them.\n", stderr);
    return NULL;
}

static int help_run(int argc, char **argv)
{
    if (argc == 0) {
        usage_print(stdout);
        return EXIT_DONE;
    }
    const struct command *command = command_find(argv[0]);
    for (int i = 1; i < argc && command && command->parts; i++)
        command = command_part(command, argv[i]);
    if (!command)
        return EXIT_USAGE;
    command_help(command);
    return EXIT_DONE;
}

static int command_main(int argc, char **argv)
{
    if (argc < 2) {
        usage_print(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help_run(argc - 2, argv + 2);
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        puts("patron " PATRON_VERSION);
        return EXIT_DONE;
    }
    const struct command *command = command_find(name);
    if (!command)
        return EXIT_USAGE;
    interrupt_watch();
    return command->run(command, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    int code = command_main(argc, argv);
    /* A full disk behind stdout is found at the last flush, and must not pass for success. */
    if (fflush(stdout) != 0 && code == EXIT_DONE) {
        perror("patron: cannot write the output");
        code = EXIT_FAILED;
    }
    return code;
}
