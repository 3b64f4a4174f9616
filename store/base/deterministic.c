#include "store/base/deterministic.h"

#include <sleef.h>

double deterministic_exp2(double x)
{
    return Sleef_cinz_exp2d1_u10purec(x);
}

double deterministic_log(double x)
{
    return Sleef_cinz_logd1_u10purec(x);
}

double deterministic_log2(double x)
{
    return Sleef_cinz_log2d1_u10purec(x);
}
