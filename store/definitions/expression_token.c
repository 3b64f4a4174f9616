#include "store/definitions/expression_token.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The byte at a place; 0 past the end, which no token has. */
static uint8_t byte_at(struct bytes text, size_t at)
{
    return at < text.length ? text.data[at] : 0;
}

static size_t digits_end(struct bytes text, size_t at)
{
    while (is_digit(byte_at(text, at)))
        at++;
    return at;
}

static size_t word_end(struct bytes text, size_t at)
{
    while (is_letter(byte_at(text, at)) || is_digit(byte_at(text, at)))
        at++;
    return at;
}

static struct token token_of(enum token_kind kind, struct bytes text, size_t at, size_t end)
{
    return (struct token){.kind = kind, .at = at, .end = end, .text = bytes_of(text.data + at, end - at)};
}

static struct token token_bad(struct bytes text, size_t at, size_t end, const char *why)
{
    struct token token = token_of(TOKEN_BAD, text, at, end);
    token.why = why;
    return token;
}

static struct token name_read(struct bytes text, size_t at)
{
    size_t end = word_end(text, at);
    while (byte_at(text, end) == '.' && (is_letter(byte_at(text, end + 1)) || is_digit(byte_at(text, end + 1))))
        end = word_end(text, end + 1);
    return token_of(TOKEN_NAME, text, at, end);
}

static struct token number_read(struct bytes text, size_t at)
{
    size_t end = digits_end(text, at);
    if (byte_at(text, end) == '.' && is_digit(byte_at(text, end + 1)))
        end = digits_end(text, end + 1);
    if (byte_at(text, end) == 'e' || byte_at(text, end) == 'E') {
        bool sign = byte_at(text, end + 1) == '+' || byte_at(text, end + 1) == '-';
        if (is_digit(byte_at(text, end + 1 + sign)))
            end = digits_end(text, end + 1 + sign);
    }
    size_t stuck = end;
    while (byte_at(text, stuck) == '.' || is_letter(byte_at(text, stuck)) || is_digit(byte_at(text, stuck)))
        stuck++;
    if (stuck > end)
        return token_bad(text, at, stuck, "is neither a number, such as 0.5, nor a name, which begins with no digit");
    return token_of(TOKEN_NUMBER, text, at, end);
}

static struct token text_read(struct bytes text, size_t at)
{
    uint8_t quote = text.data[at];
    for (size_t end = at + 1; end < text.length; end++) {
        if (text.data[end] == 0)
            return token_bad(text, at, end, "holds a zero byte, which no text may");
        if (text.data[end] != quote)
            continue;
        struct token token = token_of(TOKEN_TEXT, text, at + 1, end);
        token.at = at;
        token.end = end + 1;
        return token;
    }
    return token_bad(text, at, text.length, "begins a text that has no end: close it with the same quote");
}

/* What other languages write, and what is meant by it here; a longer one before what it begins with. */
static const struct {
    const char *symbol;
    const char *why; /* null: a token */
} symbols[] = {
    {"===", "is written =="},
    {"==", NULL},
    {"!=", NULL},
    {"<>", "is written !="},
    {"<=", NULL},
    {">=", NULL},
    {"=", "is written =="},
    {"!", "is written not"},
    {"&&", "is written and"},
    {"&", "is written and"},
    {"||", "is written or"},
    {"|", "is written or"},
    {"**", "is no operator here: there are no powers, write a product"},
    {"^", "is no operator here: there are no powers, write a product"},
    {"%", "is no operator here: there is no remainder"},
    {"?", "is no operator here: write if(condition, a, b)"},
    {".", "begins no number and no name: write 0.5, and rfm.T without blanks"},
    {"+", NULL},
    {"-", NULL},
    {"*", NULL},
    {"/", NULL},
    {"(", NULL},
    {")", NULL},
    {",", NULL},
    {"<", NULL},
    {">", NULL},
};

static struct token symbol_read(struct bytes text, size_t at)
{
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        struct bytes symbol = bytes_from_string(symbols[i].symbol);
        if (!bytes_starts_with(bytes_of(text.data + at, text.length - at), symbol))
            continue;
        if (symbols[i].why)
            return token_bad(text, at, at + symbol.length, symbols[i].why);
        return token_of(TOKEN_SYMBOL, text, at, at + symbol.length);
    }
    size_t end = at + 1;
    while ((byte_at(text, end) & 0xc0) == 0x80) /* the whole character */
        end++;
    return token_bad(text, at, end, "means nothing in an expression");
}

struct token token_read(struct bytes text, size_t from)
{
    while (byte_at(text, from) == ' ' || (byte_at(text, from) >= '\t' && byte_at(text, from) <= '\r'))
        from++;
    if (from >= text.length)
        return (struct token){.kind = TOKEN_END, .at = text.length, .end = text.length};
    uint8_t first = text.data[from];
    if (is_letter(first))
        return name_read(text, from);
    if (is_digit(first))
        return number_read(text, from);
    if (first == '\'' || first == '"')
        return text_read(text, from);
    return symbol_read(text, from);
}
