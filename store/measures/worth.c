#include "store/measures/worth.h"

#include "store/read.h"

bool profile_worth(struct profile *profile, int64_t as_of_us, struct arena *arena, double *worth)
{
    const struct definitions *definitions = profile->layout->definitions;
    int32_t feature = definitions->identity.value_feature;
    if (feature < 0)
        return false;
    struct selection selection;
    struct error error;
    enum patron_code code = definitions_select(
        definitions, (struct bytes){0}, &definitions->features[feature].name, 1, arena, &selection, &error);
    CHECK(code == PATRON_OK); /* it is in the definitions */
    struct value value;
    struct row row = {.values = &value};
    struct row_question question = {&selection, 0, as_of_us, arena};
    profile_advance(profile, as_of_us - 1);
    row_evaluate(profile, &question, &row);
    if (value.status != STATUS_PRESENT && value.status != STATUS_DEFAULT)
        return false;
    *worth = value.type == VALUE_INT64 ? (double)value.integer : value.real;
    return true;
}
