/* Invariants that stay on in release builds.
 *
 * CHECK(fact) states one fact that can only be false if this program is wrong; it prints where and aborts.
 * IMPOSSIBLE("why") marks a branch no input can reach. Neither is for bad input: that is an error (error.h).
 * TRY is the one macro that returns: it hands a failure code of a call on to the caller. */
#ifndef PATRON_BASE_CHECK_H
#define PATRON_BASE_CHECK_H

_Noreturn void check_failed(const char *fact, const char *file, int line);

#define CHECK(fact)                                                                                          \
    do {                                                                                                     \
        if (__builtin_expect(!(fact), 0))                                                                    \
            check_failed(#fact, __FILE__, __LINE__);                                                         \
    } while (0)

#define IMPOSSIBLE(why) check_failed("impossible: " why, __FILE__, __LINE__)

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        enum patron_code try_code_ = (call);                                                                 \
        if (try_code_ != PATRON_OK)                                                                          \
            return try_code_;                                                                                \
    } while (0)

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_index, first_index) __attribute__((__format__(__printf__, text_index, first_index)))

#endif
