/* profile_fixture: definitions and their layout, for tests of profiles. Include it after cmocka.h. */
#ifndef PATRON_TESTS_PROFILE_FIXTURE_H
#define PATRON_TESTS_PROFILE_FIXTURE_H

#include <stdio.h>

#include "store/base/time_text.h"
#include "store/features/profile.h"

#define MINUTE MICROSECONDS_PER_MINUTE
#define HOUR MICROSECONDS_PER_HOUR
#define DAY MICROSECONDS_PER_DAY

struct fixture {
    const struct definitions *definitions;
    struct layout *layout;
    struct arena arena;
};

static inline void fixture_open(struct fixture *fixture, const char *zone, const char *text)
{
    char whole[8192];
    snprintf(whole, sizeof whole, "time_zone: %s\n%s", zone, text);
    struct error error;
    if (definitions_parse(bytes_from_string(whole), NULL, 3, false, &fixture->definitions, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    fixture->layout = layout_new(fixture->definitions);
}

static inline void fixture_close(struct fixture *fixture)
{
    layout_free(fixture->layout);
    definitions_release(fixture->definitions);
    arena_clear(&fixture->arena);
}

static inline int64_t moment(const char *text)
{
    int64_t time_us;
    struct error error;
    if (time_from_text(bytes_from_string(text), &time_us, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return time_us;
}

static inline uint32_t feature_of(const struct fixture *fixture, const char *name)
{
    for (size_t i = 0; i < fixture->definitions->feature_count; i++)
        if (bytes_is(fixture->definitions->features[i].name, name))
            return (uint32_t)i;
    fail_msg("there is no feature %s", name);
    return 0;
}

#endif
