#include "client/faults.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

void fault_reason_text(const char *what, char text[FAULT_REASON_TEXT_MAX])
{
    static const char blank[] = "…";
    size_t length = 0;
    while (*what != '\0' && length + sizeof blank < FAULT_REASON_TEXT_MAX) {
        const char *close = *what == '\'' || *what == '"' ? strchr(what + 1, *what) : NULL;
        if (!close && !is_digit(*what)) {
            text[length++] = *what++;
            continue;
        }
        memcpy(text + length, blank, sizeof blank - 1);
        length += sizeof blank - 1;
        if (close)
            what = close + 1;
        while (is_digit(*what))
            what++;
    }
    /* Cut before a character that does not fit whole. */
    while (length > 0 && (text[length - 1] & 0xc0) == 0x80 && *what != '\0')
        length--;
    text[length] = '\0';
}

static void reason_count(struct faults *faults, const char *what)
{
    char text[FAULT_REASON_TEXT_MAX];
    fault_reason_text(what, text);
    for (size_t i = 0; i < faults->reason_count; i++) {
        if (strcmp(faults->reasons[i].text, text) == 0) {
            faults->reasons[i].count++;
            return;
        }
    }
    if (faults->reason_count == FAULT_REASONS_MAX) {
        struct fault_reason *last = &faults->reasons[FAULT_REASONS_MAX - 1];
        snprintf(last->text, sizeof last->text, "other reasons");
        last->count++;
        return;
    }
    struct fault_reason *reason = &faults->reasons[faults->reason_count++];
    memcpy(reason->text, text, sizeof text);
    reason->count = 1;
}

void faults_add(
    struct faults *faults, struct progress *progress, const char *file, uint64_t line, const char *what)
{
    faults->count++;
    reason_count(faults, what);
    if (faults->count > FAULTS_SHOWN_MAX)
        return;
    progress_finish(progress);
    fprintf(stderr, "%s:%llu: %s\n", file, (unsigned long long)line, what);
    if (faults->count == FAULTS_SHOWN_MAX)
        fputs("(further rows are counted by reason)\n", stderr);
}

void faults_print(const struct faults *faults)
{
    if (faults->count <= FAULTS_SHOWN_MAX)
        return;
    fputs("Rows that did not go in, by reason:\n", stderr);
    for (size_t i = 0; i < faults->reason_count; i++)
        fprintf(
            stderr, "%10llu  %s\n", (unsigned long long)faults->reasons[i].count, faults->reasons[i].text);
}

struct json_object *faults_to_json(const struct faults *faults)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < faults->reason_count; i++) {
        struct json_object *reason = json_object_new_object();
        json_object_object_add(reason, "reason", json_object_new_string(faults->reasons[i].text));
        json_object_object_add(reason, "count", json_object_new_uint64(faults->reasons[i].count));
        json_object_array_add(list, reason);
    }
    return list;
}
