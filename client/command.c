#include "client/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/visible.h"

enum { COMMAND_PARTS_MAX = 16 };

int command_usage_error(const struct command *command, const char *format, ...)
{
    fprintf(stderr, "patron %s: ", command->name);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nRead `patron help %s`.\n", command->name);
    return EXIT_USAGE;
}

int command_failed(const struct error *error)
{
    /* It may quote what others wrote. */
    fputs("patron: ", stderr);
    visible_lines_print(error->text, stderr);
    putc('\n', stderr);
    return EXIT_FAILED;
}

int command_parse(const struct command *command, int argc, char **argv, void *options, struct flag_list *rest)
{
    bool help;
    struct error error;
    if (flags_parse(command->flags, command->flag_count, argc, argv, options, rest, &help, &error) !=
        PATRON_OK)
        return command_usage_error(command, "%s", error.text);
    if (!help)
        return -1;
    command_help(command);
    return EXIT_DONE;
}

static void flag_print(const struct flag *flag)
{
    char left[80];
    int length = 0;
    if (flag->letter)
        length += snprintf(left, sizeof left, "-%c, ", flag->letter);
    length += snprintf(left + length, sizeof left - (size_t)length, "--%s", flag->name);
    if (flag->kind != FLAG_SWITCH)
        snprintf(left + length, sizeof left - (size_t)length, " %s", flag->value);
    if (strlen(left) > 30)
        printf("  %s\n  %-30s  %s\n", left, "", flag->help);
    else
        printf("  %-30s  %s\n", left, flag->help);
}

static const char *part_name(const struct command *part)
{
    return strrchr(part->name, ' ') + 1;
}

const struct command *command_part(const struct command *command, const char *name)
{
    const char *names[COMMAND_PARTS_MAX];
    CHECK(command->part_count <= COMMAND_PARTS_MAX);
    for (size_t i = 0; i < command->part_count; i++) {
        names[i] = part_name(command->parts[i]);
        if (strcmp(names[i], name) == 0)
            return command->parts[i];
    }
    const char *near = nearest_word(name, names, command->part_count);
    fprintf(stderr, "patron: there is no command '%s %.100s'", command->name, name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, "\n`patron help %s` lists them.\n", command->name);
    return NULL;
}

int command_run_part(const struct command *command, int argc, char **argv)
{
    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        command_help(command);
        return EXIT_DONE;
    }
    if (argc == 0 || argv[0][0] == '-')
        return command_usage_error(command, "say what to do, such as `patron %s`", command->parts[0]->name);
    const struct command *part = command_part(command, argv[0]);
    return part ? part->run(part, argc - 1, argv + 1) : EXIT_USAGE;
}

static void parts_print(const struct command *command)
{
    puts("Commands:");
    for (size_t i = 0; i < command->part_count; i++)
        printf("  %-10s  %s\n", part_name(command->parts[i]), command->parts[i]->summary);
    printf("\n`patron help %s COMMAND` says the rest.\n", command->name);
}

void command_help(const struct command *command)
{
    const char *line = command->usage;
    const char *lead = "Usage: ";
    for (;;) {
        size_t length = strcspn(line, "\n");
        printf("%spatron %s %.*s\n", lead, command->name, (int)length, line);
        if (line[length] == '\0')
            break;
        line += length + 1;
        lead = "       ";
    }
    printf("\n%s\n\n", command->summary);
    if (command->parts)
        parts_print(command);
    else
        puts("Flags:");
    for (size_t i = 0; i < command->flag_count; i++)
        flag_print(&command->flags[i]);
    printf("\n%s", command->notes);
}
