#include "server/settings.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/un.h>

#include "server/rpc/engine.h"
#include "store/base/bytes.h"

enum setting_type { SETTING_TEXT, SETTING_NUMBER, SETTING_SWITCH };

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;
    int64_t lowest;
    int64_t highest;
    const char *text_default; /* null: none */
    int64_t number_default;
    const char *value; /* what it is called in the help */
    const char *help;
};

#define TEXT(field, name, text, value, help)                                                                 \
    {                                                                                                        \
        name, SETTING_TEXT, offsetof(struct settings, field), 0, 0, text, 0, value, help                     \
    }
#define NUMBER(field, name, lowest, highest, number, value, help)                                            \
    {                                                                                                        \
        name, SETTING_NUMBER, offsetof(struct settings, field), lowest, highest, NULL, number, value, help   \
    }
#define SWITCH(field, name, number, help)                                                                    \
    {                                                                                                        \
        name, SETTING_SWITCH, offsetof(struct settings, field), 0, 1, NULL, number, "on|off", help           \
    }

static const struct setting table[] = {
    TEXT(data, "data", NULL, "DIR", "the data directory; made if missing"),
    TEXT(definitions, "definitions", NULL, "FILE",
        "what comes in and what is served; without it, what was used last. builtin:shop, builtin:subscription and "
        "builtin:bank come with the program"),
    TEXT(print_definitions, "print-definitions", NULL, "FILE",
        "prints a definitions file, such as builtin:shop to change it, and ends"),
    TEXT(check_definitions, "check-definitions", NULL, "FILE",
        "reads a definitions file (-: standard input), tells every mistake, and ends; nothing is served"),
    TEXT(key, "key", NULL, "FILE",
        "the secret that identifiers are hashed with; made if missing; default DIR.key"),
    TEXT(listen, "listen", "127.0.0.1:7070", "ADDR,...",
        "where gRPC is served: host:port (port 0: any), unix:/path"),
    TEXT(admin, "admin", "127.0.0.1:7071", "ADDR",
        "where /livez, /readyz and /metrics are served over HTTP: host:port, or off"),
    TEXT(
        ready_file, "ready-file", NULL, "FILE", "written with the chosen addresses once the server is ready"),
    TEXT(log_level, "log-level", "info", "LEVEL", "debug, info, warn or error"),
    NUMBER(grpc_threads, "grpc-threads", 0, 64, 0, "N",
        "threads that serve gRPC; 0: one on up to two cores, else half"),
    NUMBER(grpc_slots, "grpc-slots", 1, 1024, 8, "N", "requests armed for each method and thread"),
    NUMBER(calls_max, "calls-max", 1, 1000000, 4096, "N", "calls under way; what comes on top is refused"),
    NUMBER(
        request_mib_max, "request-mib-max", 1, 65536, 256, "MIB", "requests under way, in bytes; the same"),
    NUMBER(streams_max, "streams-max", 1, 100000, 1000, "N", "calls at once on one connection"),
    NUMBER(keepalive_s, "keepalive-s", 1, 86400, 60, "S",
        "after so long a silent peer is asked for a sign of life"),
    NUMBER(handshake_s, "handshake-s", 1, 600, 10, "S", "a connection that is not made by then is dropped"),
    NUMBER(connection_age_s, "connection-age-s", 0, 86400, 0, "S",
        "clients are asked to connect anew after so long; 0: never"),
    SWITCH(reflection, "reflection", 1, "tell tools such as grpcurl what is served"),
    NUMBER(drain_delay_ms, "drain-delay-ms", 0, 600000, 0, "MS",
        "at the end: how long to go on serving while not ready, for load balancers to see it"),
    NUMBER(grace_ms, "grace-ms", 0, 3600000, 10000, "MS", "at the end: how long calls under way may take"),
    NUMBER(workers, "workers", 1, 64, 2, "N", "threads for reads of the past, snapshots and verifications"),
    NUMBER(measure_minutes, "measure-minutes", 0, 525600, 60, "M",
        "how often customers are counted for the measures of identity; 0: only when asked"),
    NUMBER(profile_cache_mib, "profile-cache-mib", 1, 1048576, 128, "MIB", "memory for current profiles"),
    NUMBER(kv_cache_mib, "kv-cache-mib", 1, 1048576, 96, "MIB", "memory for blocks of the data on disk"),
    NUMBER(memtable_mib, "memtable-mib", 4, 65536, 64, "MIB", "memory for what is not in files yet"),
    NUMBER(group_events_max, "group-events-max", 1, 100000, 512, "N", "events that share one sync"),
    NUMBER(write_back_ms, "write-back-ms", 1, 3600000, 1000, "MS", "how often profiles are written back"),
    NUMBER(clock_jump_max_s, "clock-jump-max-s", 1, 31536000, 60, "S",
        "when the clock jumps by more, writes stop until an operator confirms it"),
    NUMBER(event_ahead_max_s, "event-ahead-max-s", 1, 31536000, 604800, "S",
        "events that are dated further ahead are refused"),
};

enum { SETTING_COUNT = sizeof table / sizeof table[0], NAME_LENGTH_MAX = 40 };

static void set_text(struct settings *settings, const struct setting *setting, const char *text)
{
    *(const char **)(void *)((char *)settings + setting->offset) = text;
}

static void set_number(struct settings *settings, const struct setting *setting, int64_t number)
{
    *(int64_t *)(void *)((char *)settings + setting->offset) = number;
}

static bool switch_value(const char *text, int64_t *value)
{
    static const char *const words[] = {"off", "on", "false", "true", "0", "1"};
    for (int i = 0; i < 6; i++)
        if (strcmp(text, words[i]) == 0) {
            *value = i % 2;
            return true;
        }
    return false;
}

/* `origin` is how the setting was given: "--grace-ms" or "PATRON_GRACE_MS". */
static enum patron_code apply(struct settings *settings, const struct setting *setting, const char *origin,
    const char *text, struct error *error)
{
    int64_t number = 0;
    char *end;
    switch (setting->type) {
    case SETTING_TEXT:
        if (!text[0])
            return error_set(error, PATRON_INVALID, "%s is empty; it wants %s", origin, setting->value);
        set_text(settings, setting, text);
        return PATRON_OK;
    case SETTING_SWITCH:
        if (!switch_value(text, &number))
            return error_set(error, PATRON_INVALID, "%s is '%.100s'; it is on or off", origin, text);
        set_number(settings, setting, number);
        return PATRON_OK;
    case SETTING_NUMBER:
        errno = 0;
        number = strtoll(text, &end, 10);
        if (!text[0] || *end || errno || number < setting->lowest || number > setting->highest)
            return error_set(error, PATRON_INVALID, "%s is '%.100s'; it is a number from %lld to %lld",
                origin, text, (long long)setting->lowest, (long long)setting->highest);
        set_number(settings, setting, number);
        return PATRON_OK;
    }
    IMPOSSIBLE("a setting type outside the list");
}

/* --- the nearest name -------------------------------------------------------------------------------------
 */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Single-character edits from one name to the other (V. Levenshtein, 1966), by rows of the table. */
static int distance(const char *from, const char *to)
{
    int row[NAME_LENGTH_MAX + 1];
    int to_length = (int)strnlen(to, NAME_LENGTH_MAX);
    for (int j = 0; j <= to_length; j++)
        row[j] = j;
    for (int i = 1; *from && i <= NAME_LENGTH_MAX; i++, from++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= to_length; j++) {
            int above = row[j];
            row[j] = least(least(row[j - 1], above) + 1, diagonal + (*from != to[j - 1]));
            diagonal = above;
        }
    }
    return row[to_length];
}

static enum patron_code unknown_flag(const char *name, struct error *error)
{
    const struct setting *nearest = &table[0];
    for (int i = 1; i < SETTING_COUNT; i++)
        if (distance(name, table[i].name) < distance(name, nearest->name))
            nearest = &table[i];
    return error_set(error, PATRON_INVALID, "there is no --%.60s; did you mean --%s? --help lists all", name,
        nearest->name);
}

/* --- addresses --------------------------------------------------------------------------------------------
 */

enum { HOST_BYTES_MAX = 253, PORT_DIGITS_MAX = 5 };

static bool is_port(struct bytes text)
{
    uint32_t port = 0;
    if (text.length == 0 || text.length > PORT_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (!isdigit(text.data[i]))
            return false;
        port = port * 10 + (uint32_t)(text.data[i] - '0');
    }
    return port <= UINT16_MAX;
}

static bool is_ip(int family, struct bytes text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr parsed; /* room for either */
    if (text.length >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = 0;
    return inet_pton(family, copy, &parsed) == 1;
}

/* A name, 127.0.0.1 or [::1]. Whether a name leads anywhere is only known once it is looked up. */
static bool is_host(struct bytes text)
{
    if (text.length == 0 || text.length > HOST_BYTES_MAX)
        return false;
    if (text.data[0] == '[') {
        const uint8_t *zone = memchr(text.data, '%', text.length);
        const uint8_t *end = zone ? zone : text.data + text.length - 1;
        bool closed = text.length > 2 && text.data[text.length - 1] == ']';
        return closed && is_ip(AF_INET6, bytes_of(text.data + 1, (size_t)(end - text.data - 1)));
    }
    bool named = false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (!isalnum(c) && c != '.' && c != '-' && c != '_')
            return false;
        named |= !isdigit(c) && c != '.';
    }
    return named || is_ip(AF_INET, text);
}

static bool is_host_and_port(struct bytes text)
{
    size_t colon = text.length;
    while (colon > 0 && text.data[colon - 1] != ':')
        colon--;
    return colon > 0 && is_host(bytes_of(text.data, colon - 1)) &&
        is_port(bytes_of(text.data + colon, text.length - colon));
}

static bool is_socket_path(struct bytes text)
{
    static const char scheme[] = "unix:/";
    size_t prefix = sizeof scheme - 1;
    return text.length > prefix && memcmp(text.data, scheme, prefix) == 0 &&
        text.length - (prefix - 1) < sizeof((struct sockaddr_un *)0)->sun_path;
}

/* Before anything is made on disk; and gRPC would take a port modulo 65,536. */
static enum patron_code check_listen(const char *listen, struct error *error)
{
    size_t count = 0;
    for (const char *rest = listen;; rest++, count++) {
        struct bytes address = bytes_of(rest, strcspn(rest, ","));
        if (!is_host_and_port(address) && !is_socket_path(address))
            return error_set(error, PATRON_INVALID,
                "--listen has '%.*s', which is no address: say host:port with a port from 0 to 65535, such as "
                "127.0.0.1:7070 or [::1]:7070, or unix:/path",
                (int)(address.length < 100 ? address.length : 100), rest);
        rest += address.length;
        if (!*rest)
            break;
    }
    if (count >= ENGINE_ADDRESSES_MAX)
        return error_set(error, PATRON_INVALID, "--listen has %zu addresses; at most %d are taken", count + 1,
            ENGINE_ADDRESSES_MAX);
    return PATRON_OK;
}

static enum patron_code check_admin(const char *admin, struct error *error)
{
    if (strcmp(admin, "off") == 0 || is_host_and_port(bytes_from_string(admin)))
        return PATRON_OK;
    return error_set(error, PATRON_INVALID,
        "--admin is '%.100s', which is no address: say host:port with a port from 0 to 65535, such as "
        "127.0.0.1:7071 or [::1]:7071, or off",
        admin);
}

/* --- reading ----------------------------------------------------------------------------------------------
 */

static const struct setting *find(const char *name, size_t length)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
}

static void variable_name(const struct setting *setting, char *name)
{
    size_t at = (size_t)snprintf(name, NAME_LENGTH_MAX, "PATRON_");
    for (const char *c = setting->name; *c; c++)
        name[at++] = (char)(*c == '-' ? '_' : *c - 'a' + 'A');
    name[at] = 0;
}

static enum patron_code read_environment(
    struct settings *settings, char *const *environment, struct error *error)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        char name[2 * NAME_LENGTH_MAX];
        variable_name(&table[i], name);
        size_t length = strlen(name);
        for (char *const *variable = environment; *variable; variable++)
            if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
                TRY(apply(settings, &table[i], name, *variable + length + 1, error));
    }
    return PATRON_OK;
}

static enum patron_code read_flags(
    struct settings *settings, int argument_count, char *const *arguments, struct error *error)
{
    for (int i = 0; i < argument_count; i++) {
        const char *argument = arguments[i];
        if (strncmp(argument, "--", 2) != 0 || !argument[2])
            return error_set(
                error, PATRON_INVALID, "'%.100s' is no flag; all settings are --name VALUE", argument);
        const char *name = argument + 2;
        size_t length = strcspn(name, "=");
        const struct setting *setting = find(name, length);
        if (!setting) {
            char alone[NAME_LENGTH_MAX];
            snprintf(
                alone, sizeof alone, "%.*s", (int)(length < sizeof alone ? length : sizeof alone - 1), name);
            return unknown_flag(alone, error);
        }
        const char *value = name[length] == '='      ? name + length + 1
                            : i + 1 < argument_count ? arguments[++i]
                                                     : NULL;
        if (!value)
            return error_set(error, PATRON_INVALID, "--%s wants a value: %s", setting->name, setting->value);
        char origin[NAME_LENGTH_MAX + 2];
        snprintf(origin, sizeof origin, "--%s", setting->name);
        TRY(apply(settings, setting, origin, value, error));
    }
    return PATRON_OK;
}

enum patron_code settings_read(struct settings *settings, int argument_count, char *const *arguments,
    char *const *environment, struct error *error)
{
    *settings = (struct settings){0};
    for (int i = 0; i < argument_count; i++) {
        settings->help |= strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0;
        settings->version |= strcmp(arguments[i], "--version") == 0;
        settings->definitions_schema |= strcmp(arguments[i], "--definitions-schema") == 0;
    }
    if (settings->help || settings->version || settings->definitions_schema)
        return PATRON_OK;
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (table[i].type == SETTING_TEXT)
            set_text(settings, &table[i], table[i].text_default);
        else
            set_number(settings, &table[i], table[i].number_default);
    }
    TRY(read_environment(settings, environment, error));
    TRY(read_flags(settings, argument_count, arguments, error));
    if (settings->print_definitions)
        return PATRON_OK;
    if (settings->check_definitions)
        return PATRON_OK;
    if (!settings->data)
        return error_set(error, PATRON_INVALID, "--data DIR is missing; --help lists all settings");
    TRY(check_listen(settings->listen, error));
    return check_admin(settings->admin, error);
}

void settings_print_help(FILE *to)
{
    fputs("patrond: the Patron server, a feature store for customer lifetime value.\n\n"
          "usage: patrond --data DIR [--definitions FILE] [--name VALUE ...]\n\n"
          "Every setting may be given as a flag or in the environment: --grace-ms is PATRON_GRACE_MS.\n\n",
        to);
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &table[i];
        char flag[2 * NAME_LENGTH_MAX];
        snprintf(flag, sizeof flag, "--%s %s", setting->name, setting->value);
        fprintf(to, "  %-26s %s", flag, setting->help);
        if (setting->type == SETTING_TEXT && setting->text_default)
            fprintf(to, " (default %s)", setting->text_default);
        else if (setting->type == SETTING_NUMBER)
            fprintf(to, " (%lld to %lld, default %lld)", (long long)setting->lowest,
                (long long)setting->highest, (long long)setting->number_default);
        else if (setting->type == SETTING_SWITCH)
            fprintf(to, " (default %s)", setting->number_default ? "on" : "off");
        fputc('\n', to);
    }
    fputs("  --help                     this page\n"
          "  --version                  the version\n"
          "  --definitions-schema       the JSON Schema of definitions files, for editors\n\n"
          "Exit codes: 0 ended in order, 1 failed, 2 wrong usage.\n",
        to);
}
