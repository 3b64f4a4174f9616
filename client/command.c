#include "client/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
    fprintf(stderr, "patron: %s\n", error->text);
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
    printf("\n%s\n\nFlags:\n", command->summary);
    for (size_t i = 0; i < command->flag_count; i++)
        flag_print(&command->flags[i]);
    printf("\n%s", command->notes);
}
