#include "store/definitions/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "store/base/check.h"
#include "store/base/encode.h"

/* What a value may cost. PCRE2's own match limit starts anew at each place of the value that a match could begin at, so
 * the steps are counted in callouts, which are compiled in before each item of a pattern (PCRE2_AUTO_CALLOUT). A step
 * costs one, and what it may have run over: the characters since the last one, and a part of those that are left, which
 * an item that asks for many at once reads before it fails. */
enum {
    STEPS_MAX = 100000,
    LEFT_SHARE = 32,
    /* Behind the steps, in case that PCRE2 backtracks without an item between; and for its memory. */
    BACKTRACKS_MAX = 100000,
    HEAP_KIB_MAX = 2048,
};

struct pattern {
    struct bytes text;
    const pcre2_code *code;
};

/* --- matching ----------------------------------------------------------------------------------------------------- */

/* One value, tried with one pattern after the other. Its memory is malloc's, not the code's: that one's is gone
 * (pcre2_match_data_create_from_pattern would ask for it). */
struct trial {
    pcre2_match_context *context;
    pcre2_match_data *match;
    size_t steps_left;
    size_t position; /* in the value, of the last step */
};

static int step(pcre2_callout_block *block, void *data)
{
    struct trial *trial = data;
    size_t position = block->current_position;
    size_t run = position > trial->position ? position - trial->position : 0;
    size_t cost = 1 + run + (block->subject_length - position) / LEFT_SHARE;
    trial->position = position;
    if (cost > trial->steps_left)
        return PCRE2_ERROR_CALLOUT;
    trial->steps_left -= cost;
    return 0;
}

static void trial_begin(struct trial *trial)
{
    trial->steps_left = STEPS_MAX;
    trial->context = pcre2_match_context_create(NULL);
    trial->match = pcre2_match_data_create(1, NULL);
    CHECK(trial->context && trial->match);
    pcre2_set_callout(trial->context, step, trial);
    pcre2_set_match_limit(trial->context, BACKTRACKS_MAX);
    pcre2_set_depth_limit(trial->context, BACKTRACKS_MAX);
    pcre2_set_heap_limit(trial->context, HEAP_KIB_MAX);
}

/* 0 or more: it is found (0: with more groups than there is room for). PCRE2_ERROR_NOMATCH: it is not. Other errors:
 * nobody knows. */
static int trial_match(struct trial *trial, const pcre2_code *code, struct bytes value)
{
    trial->position = 0;
    return pcre2_match(code, value.data ? value.data : (const uint8_t *)"", value.length, 0, 0, trial->match,
        trial->context);
}

static void trial_end(struct trial *trial)
{
    pcre2_match_data_free(trial->match);
    pcre2_match_context_free(trial->context);
}

bool pattern_any_matches(const struct pattern *const *patterns, size_t count, struct bytes value)
{
    if (count == 0)
        return false;
    struct trial trial;
    trial_begin(&trial);
    bool matches = false;
    for (size_t i = 0; i < count && !matches; i++)
        matches = trial_match(&trial, patterns[i]->code, value) != PCRE2_ERROR_NOMATCH;
    trial_end(&trial);
    return matches;
}

/* --- compiling ---------------------------------------------------------------------------------------------------- */

/* Where PCRE2 takes memory from: nothing is given back before the arena is. */
struct source {
    struct arena *arena;
};

static void *take(size_t size, void *data)
{
    const struct source *source = data;
    return arena_alloc(source->arena, size);
}

static void give(void *memory, void *data)
{
    (void)memory;
    (void)data;
}

static enum patron_code compile_error(int number, size_t offset, struct error *error)
{
    PCRE2_UCHAR words[200];
    if (pcre2_get_error_message(number, words, sizeof words) < 0)
        return error_set(error, PATRON_INVALID, "is no regular expression");
    return error_set(error, PATRON_INVALID, "%s, after %zu byte%s of it", (const char *)words, offset,
        offset == 1 ? "" : "s");
}

/* What has no answer on short and plain values has none on any, and would block them all. */
static enum patron_code check_is_answered(const pcre2_code *code, struct error *error)
{
    static const char *const values[] = {"", "a", "1042", "ada@example.org"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct trial trial;
        trial_begin(&trial);
        int found = trial_match(&trial, code, bytes_from_string(values[i]));
        trial_end(&trial);
        if (found < 0 && found != PCRE2_ERROR_NOMATCH)
            return error_set(error, PATRON_INVALID,
                "gives up on a value as plain as '%s', and so would match every value: it recurses or repeats without "
                "end, write it without that",
                values[i]);
    }
    return PATRON_OK;
}

enum patron_code pattern_compile(
    struct bytes text, struct arena *arena, const struct pattern **pattern, struct error *error)
{
    if (text.length == 0)
        return error_set(error, PATRON_INVALID, "is empty, and would match every value: leave it out");
    if (text.length > PATTERN_BYTES_MAX)
        return error_set(error, PATRON_INVALID, "is too long: %zu bytes (at most %d)", text.length, PATTERN_BYTES_MAX);
    /* Compiled in a scratch arena, for PCRE2 needs more memory meanwhile than for what is made, then copied. */
    struct arena scratch = {0};
    struct source source = {&scratch};
    pcre2_general_context *general = pcre2_general_context_create(take, give, &source);
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    static const uint32_t options =
        PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    int number;
    PCRE2_SIZE offset, size = 0;
    const pcre2_code *code = pcre2_compile(text.data, text.length, options, &number, &offset, context);
    enum patron_code result = PATRON_OK;
    if (!code) {
        result = compile_error(number, offset, error);
    } else if (pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size) != 0 || size > PATTERN_COMPILED_BYTES_MAX) {
        result = error_set(
            error, PATRON_INVALID, "is too large once compiled: it repeats too much, write several");
    } else if ((result = check_is_answered(code, error)) == PATRON_OK) {
        source.arena = arena;
        struct pattern *made = arena_alloc(arena, sizeof *made);
        made->text = arena_copy(arena, text);
        made->code = pcre2_code_copy(code);
        CHECK(made->code);
        *pattern = made;
    }
    arena_clear(&scratch);
    return result;
}

struct bytes pattern_text(const struct pattern *pattern)
{
    return pattern->text;
}
