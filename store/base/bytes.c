#include "store/base/bytes.h"

#include <unicode/utf8.h>

bool bytes_are_utf8(struct bytes b)
{
    if (b.length > INT32_MAX)
        return false;
    int32_t length = (int32_t)b.length;
    int32_t at = 0;
    while (at < length) {
        UChar32 c;
        U8_NEXT(b.data, at, length, c);
        if (c < 0)
            return false;
    }
    return true;
}
