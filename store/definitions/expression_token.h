/* expression_token: an expression's text as tokens, one after the other. Private to the room; pure. A token points into
 * the text. Keywords are names: the parser tells them apart. */
#ifndef PATRON_DEFINITIONS_EXPRESSION_TOKEN_H
#define PATRON_DEFINITIONS_EXPRESSION_TOKEN_H

#include "store/base/bytes.h"

enum token_kind {
    TOKEN_END = 1,
    TOKEN_NAME,   /* of a feature, a member of a family, a function; and, or, not, true, false */
    TOKEN_NUMBER, /* digits[.digits][e[+-]digits] */
    TOKEN_TEXT,   /* `text` is what stands between the quotes */
    TOKEN_SYMBOL, /* + - * / ( ) , == != < <= > >= */
    TOKEN_BAD,    /* none of these: `why` says it for the reader */
};

struct token {
    enum token_kind kind;
    size_t at;  /* where it begins, in bytes */
    size_t end; /* and where it is over */
    struct bytes text;
    const char *why;
};

/* The token that begins at `from` or after blanks there. */
struct token token_read(struct bytes text, size_t from);

#endif
