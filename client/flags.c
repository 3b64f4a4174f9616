#include "client/flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/arena.h"

void flag_list_add(struct flag_list *list, const char *value)
{
    list->values = memory_resize(list->values, (list->count + 1) * sizeof *list->values);
    list->values[list->count++] = value;
}

void flag_list_clear(struct flag_list *list)
{
    memory_free(list->values);
    *list = (struct flag_list){0};
}

/* Levenshtein distance by rows; words longer than the row are never near. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST || b_length > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < best ? change : best;
        }
    }
    return row[b_length];
}

const char *nearest_word(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best =
        strlen(word) / 3 + 2; /* a third of the letters wrong, and one: further off is another word */
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, candidates[i]);
        bool prefix = strlen(word) >= 2 && strncmp(word, candidates[i], strlen(word)) == 0;
        if (prefix)
            distance = 1;
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

static const struct flag *flag_find(const struct flag *flags, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        const char *names[] = {flags[i].name, flags[i].alias};
        for (size_t j = 0; j < 2; j++) {
            if (names[j] && strlen(names[j]) == length && memcmp(names[j], name, length) == 0)
                return &flags[i];
        }
    }
    return NULL;
}

static const struct flag *letter_find(const struct flag *flags, size_t count, char letter)
{
    for (size_t i = 0; i < count; i++) {
        if (flags[i].letter == letter)
            return &flags[i];
    }
    return NULL;
}

static enum patron_code flag_unknown(
    const struct flag *flags, size_t count, const char *argument, struct error *error)
{
    const char **names = memory_alloc((2 * count + 1) * sizeof *names);
    size_t name_count = 0;
    for (size_t i = 0; i < count; i++) {
        names[name_count++] = flags[i].name;
        if (flags[i].alias)
            names[name_count++] = flags[i].alias;
    }
    char word[80];
    size_t length = strcspn(argument, "=");
    length = length < sizeof word - 1 ? length : sizeof word - 1;
    memcpy(word, argument, length);
    word[length] = '\0';
    const char *near = nearest_word(word + strspn(word, "-"), names, name_count);
    memory_free(names);
    if (near)
        return error_set(error, PATRON_INVALID, "there is no flag %s; did you mean --%s?", word, near);
    return error_set(error, PATRON_INVALID, "there is no flag %s", word);
}

static enum patron_code flag_store(
    const struct flag *flag, const char *value, void *options, struct error *error)
{
    char *target = (char *)options + flag->offset;
    switch (flag->kind) {
    case FLAG_SWITCH:
        if (value)
            return error_set(error, PATRON_INVALID, "--%s takes no value", flag->name);
        memcpy(target, &(bool){true}, sizeof(bool));
        return PATRON_OK;
    case FLAG_TEXT: {
        const char *present;
        memcpy(&present, target, sizeof present);
        if (present)
            return error_set(error, PATRON_INVALID, "--%s is given twice", flag->name);
        memcpy(target, &value, sizeof value);
        return PATRON_OK;
    }
    case FLAG_LIST: {
        struct flag_list list;
        memcpy(&list, target, sizeof list);
        flag_list_add(&list, value);
        memcpy(target, &list, sizeof list);
        return PATRON_OK;
    }
    }
    IMPOSSIBLE("a kind of flag outside the list");
}

/* Take the flag at argv[*at], and its value if that is the next argument. */
static enum patron_code flag_take(const struct flag *flags, size_t flag_count, int argc, char **argv, int *at,
    void *options, struct error *error)
{
    const char *argument = argv[*at];
    const char *value = NULL;
    const struct flag *flag;
    if (argument[1] == '-') {
        size_t length = strcspn(argument + 2, "=");
        flag = flag_find(flags, flag_count, argument + 2, length);
        value = argument[2 + length] == '=' ? argument + 3 + length : NULL;
    } else {
        flag = letter_find(flags, flag_count, argument[1]);
        value = argument[2] != '\0' ? argument + 2 : NULL;
    }
    if (!flag)
        return flag_unknown(flags, flag_count, argument, error);
    if (!value && flag->kind != FLAG_SWITCH) {
        if (*at + 1 >= argc)
            return error_set(
                error, PATRON_INVALID, "--%s needs a value: --%s %s", flag->name, flag->name, flag->value);
        value = argv[++*at];
    }
    return flag_store(flag, value, options, error);
}

enum patron_code flags_parse(const struct flag *flags, size_t flag_count, int argc, char **argv,
    void *options, struct flag_list *rest, bool *help, struct error *error)
{
    bool only_rest = false;
    *help = false;
    for (int at = 0; at < argc; at++) {
        const char *argument = argv[at];
        if (only_rest || argument[0] != '-' || argument[1] == '\0') {
            flag_list_add(rest, argument);
        } else if (strcmp(argument, "--") == 0) {
            only_rest = true;
        } else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            *help = true;
            return PATRON_OK;
        } else {
            TRY(flag_take(flags, flag_count, argc, argv, &at, options, error));
        }
    }
    return PATRON_OK;
}

void flags_clear(const struct flag *flags, size_t flag_count, void *options)
{
    for (size_t i = 0; i < flag_count; i++) {
        if (flags[i].kind != FLAG_LIST)
            continue;
        struct flag_list list;
        memcpy(&list, (char *)options + flags[i].offset, sizeof list);
        flag_list_clear(&list);
        memcpy((char *)options + flags[i].offset, &list, sizeof list);
    }
}

enum patron_code split_pair(
    const char *text, char separator, char **left, const char **right, struct error *error)
{
    const char *at = strchr(text, separator);
    if (!at || at == text || at[1] == '\0')
        return error_set(error, PATRON_INVALID, "'%s' has not the form LEFT%cRIGHT", text, separator);
    size_t length = (size_t)(at - text);
    *left = memory_alloc(length + 1);
    memcpy(*left, text, length);
    *right = at + 1;
    return PATRON_OK;
}

enum patron_code parse_count(
    const char *text, long long min, long long max, long long *value, struct error *error)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || *value < min || *value > max)
        return error_set(
            error, PATRON_INVALID, "'%.100s' is not a whole number from %lld to %lld", text, min, max);
    return PATRON_OK;
}

enum patron_code parse_definitions_version(const char *text, uint32_t *version, struct error *error)
{
    *version = 0;
    if (!text)
        return PATRON_OK;
    long long number;
    enum patron_code code = parse_count(text, 1, UINT32_MAX, &number, error);
    if (code != PATRON_OK)
        return error_prefix(error, code, "--definitions-version: ");
    *version = (uint32_t)number;
    return PATRON_OK;
}
