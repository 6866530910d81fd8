/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_decimal.h"

const double sketch_powers_of_ten[SKETCH_PLACES_MAX + 1] = {1e0, 1e1, 1e2, 1e3, 1e4,
                                                            1e5, 1e6, 1e7, 1e8, 1e9};

/* The most places at which the magnitude is within 32 bits tell whether there are units at any;
 * each zero that ends them is a place less. */
void sketch_places_narrow(struct sketch_places *places, double value)
{
    int most = places->most;
    while (most > 0 && fabs(value) * sketch_powers_of_ten[most] >= INT32_MAX + 0.5) {
        most--;
    }
    places->most = most;
    int32_t units;
    if (most < places->least || !sketch_decimal_units(value, (unsigned)most, &units)) {
        places->most = -1;
        return;
    }
    int least = most;
    while (least > places->least && units % 10 == 0) {
        units /= 10;
        least--;
    }
    places->least = least;
}
