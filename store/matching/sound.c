/* The code's rules, in Taft's order ("Name Search Techniques", 1970). A word is rewritten in place, then read once from
 * its second letter on, each letter by what stands around it; one that repeats the last of the code is left out. */
#include "store/matching/strings.h"

struct word {
    char letters[MATCH_VALUE_BYTES_MAX + 1]; /* capitals, NUL-terminated */
    size_t length;
};

static bool is_vowel(char c)
{
    return c == 'A' || c == 'E' || c == 'I' || c == 'O' || c == 'U';
}

static bool has_at(const struct word *word, size_t at, const char *part)
{
    return strncmp(word->letters + at, part, strlen(part)) == 0;
}

static void beginning_rewrite(struct word *word)
{
    if (has_at(word, 0, "MAC"))
        memcpy(word->letters, "MCC", 3);
    else if (has_at(word, 0, "KN"))
        memcpy(word->letters, "NN", 2);
    else if (word->letters[0] == 'K')
        word->letters[0] = 'C';
    else if (has_at(word, 0, "PH") || has_at(word, 0, "PF"))
        memcpy(word->letters, "FF", 2);
    else if (has_at(word, 0, "SCH"))
        memcpy(word->letters, "SSS", 3);
}

static void ending_rewrite(struct word *word)
{
    static const struct {
        const char *ending;
        char becomes;
    } endings[] = {{"EE", 'Y'}, {"IE", 'Y'}, {"DT", 'D'}, {"RT", 'D'}, {"RD", 'D'}, {"NT", 'D'}, {"ND", 'D'}};
    for (size_t i = 0; word->length > 2 && i < sizeof endings / sizeof *endings; i++)
        if (has_at(word, word->length - 2, endings[i].ending)) {
            word->letters[word->length - 2] = endings[i].becomes;
            word->letters[--word->length] = 0;
            return;
        }
}

/* Rewrites what stands at `at`, and after it where one rule covers several letters. */
static void letter_rewrite(struct word *word, size_t at)
{
    char *here = word->letters + at;
    char before = here[-1], after = here[1];
    if (has_at(word, at, "EV"))
        memcpy(here, "AF", 2);
    else if (is_vowel(*here))
        *here = 'A';
    else if (*here == 'Q')
        *here = 'G';
    else if (*here == 'Z')
        *here = 'S';
    else if (*here == 'M')
        *here = 'N';
    else if (*here == 'K')
        *here = after == 'N' ? 'N' : 'C';
    else if (has_at(word, at, "SCH"))
        memcpy(here, "SSS", 3);
    else if (has_at(word, at, "PH"))
        memcpy(here, "FF", 2);
    else if (*here == 'H' && (!is_vowel(before) || !is_vowel(after)))
        *here = before;
    else if (*here == 'W' && is_vowel(before))
        *here = before;
}

static size_t ending_drop(char *code, size_t length)
{
    if (length > 1 && code[length - 1] == 'S')
        length--;
    if (length > 2 && code[length - 2] == 'A' && code[length - 1] == 'Y')
        code[--length - 1] = 'Y';
    if (length > 1 && code[length - 1] == 'A')
        length--;
    return length;
}

size_t match_sound(struct bytes value, char *code, size_t size)
{
    struct word word = {.length = 0};
    char whole[MATCH_VALUE_BYTES_MAX];
    size_t length = 0;
    for (size_t i = 0; i < value.length && word.length < MATCH_VALUE_BYTES_MAX; i++)
        if (value.data[i] >= 'a' && value.data[i] <= 'z')
            word.letters[word.length++] = (char)(value.data[i] - 'a' + 'A');
    if (word.length == 0) {
        length = value.length < size ? value.length : size;
        if (length > 0)
            memcpy(code, value.data, length);
        return length;
    }
    beginning_rewrite(&word);
    ending_rewrite(&word);
    whole[length++] = word.letters[0];
    for (size_t at = 1; at < word.length; at++) {
        letter_rewrite(&word, at);
        if (word.letters[at] != whole[length - 1])
            whole[length++] = word.letters[at];
    }
    length = ending_drop(whole, length);
    length = length < size ? length : size;
    memcpy(code, whole, length);
    return length;
}
