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
    } else {
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

/* --- matching ----------------------------------------------------------------------------------------------------- */

struct steps {
    size_t left;
    size_t position; /* in the value, of the last one */
};

static int step(pcre2_callout_block *block, void *data)
{
    struct steps *steps = data;
    size_t position = block->current_position;
    size_t run = position > steps->position ? position - steps->position : 0;
    size_t cost = 1 + run + (block->subject_length - position) / LEFT_SHARE;
    steps->position = position;
    if (cost > steps->left)
        return PCRE2_ERROR_CALLOUT;
    steps->left -= cost;
    return 0;
}

/* The memory of a match is malloc's, not the code's: that one's is gone (pcre2_match_data_create_from_pattern would ask
 * for it). */
bool pattern_any_matches(const struct pattern *const *patterns, size_t count, struct bytes value)
{
    if (count == 0)
        return false;
    struct steps steps = {.left = STEPS_MAX};
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    CHECK(context && match);
    pcre2_set_callout(context, step, &steps);
    pcre2_set_match_limit(context, BACKTRACKS_MAX);
    pcre2_set_depth_limit(context, BACKTRACKS_MAX);
    pcre2_set_heap_limit(context, HEAP_KIB_MAX);
    bool matches = false;
    for (size_t i = 0; i < count && !matches; i++) {
        steps.position = 0;
        /* 0: it is found, with more groups than `match` has room for. Every error counts as found. */
        matches = pcre2_match(patterns[i]->code, value.data ? value.data : (const uint8_t *)"", value.length, 0, 0,
                      match, context) != PCRE2_ERROR_NOMATCH;
    }
    pcre2_match_data_free(match);
    pcre2_match_context_free(context);
    return matches;
}
