/* settings: everything an operator may choose, in one table of name, type, range, default and help. The same
 * table feeds the flags (--name VALUE or --name=VALUE), the environment (PATRON_NAME) and --help. A flag goes
 * before the environment, the environment before the default.
 *
 * Threads: read once at start, immutable afterwards. Texts are borrowed from the arguments and the
 * environment. Failure: PATRON_INVALID, with the nearest name of an unknown flag, or the range of a bad
 * value. */
#ifndef PATRON_SERVER_SETTINGS_H
#define PATRON_SERVER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "store/base/error.h"

struct settings {
    const char *data;
    const char *definitions;
    const char *check_definitions; /* the rest does not matter then */
    const char *print_definitions; /* only this is to be done */
    const char *key;
    const char *listen;
    const char *admin;
    const char *ready_file;
    const char *log_level;
    int64_t grpc_threads;
    int64_t grpc_slots;
    int64_t calls_max;
    int64_t request_mib_max;
    int64_t streams_max;
    int64_t keepalive_s;
    int64_t handshake_s;
    int64_t connection_age_s;
    int64_t reflection;
    int64_t drain_delay_ms;
    int64_t grace_ms;
    int64_t workers;
    int64_t measure_minutes;
    int64_t profile_cache_mib;
    int64_t kv_cache_mib;
    int64_t memtable_mib;
    int64_t group_events_max;
    int64_t write_back_ms;
    int64_t clock_jump_max_s;
    int64_t event_ahead_max_s;
    bool help;    /* --help was asked for; nothing else was looked at */
    bool version; /* --version */
    bool definitions_schema;
};

/* `arguments` without the program's name. `environment` is as in environ(7). */
enum patron_code settings_read(struct settings *settings, int argument_count, char *const *arguments,
    char *const *environment, struct error *error) MUST_CHECK;

/* The page that --help shows. */
void settings_print_help(FILE *to);

#endif
