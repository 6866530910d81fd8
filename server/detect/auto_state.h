/* SPDX-License-Identifier: MIT
 *
 * What the method `auto` keeps of a statistic. All zero has seen nothing, so that states may live
 * in memory that comes zeroed. Values are kept as floats relative to the first one, so that a
 * series that moves little around a large figure loses nothing; a copy of the struct is a copy of
 * the state.
 */
#ifndef SERVER_DETECT_AUTO_STATE_H
#define SERVER_DETECT_AUTO_STATE_H

#include <stdint.h>

#include "server/detect/auto_extremes.h"
#include "server/detect/auto_level.h"
#include "server/detect/auto_range.h"
#include "server/detect/auto_season.h"
#include "server/detect/auto_shape.h"
#include "server/detect/auto_zero.h"

#define AUTO_STATE_BYTES_MAX 1228 /* 1.2 KiB */

struct auto_state {
    double origin;        /* the first value */
    double start_s;       /* and its timestamp */
    uint32_t windows;     /* seen; stops at UINT32_MAX */
    float last;           /* value */
    uint16_t notice_hold; /* windows until the next notice, and alarm, may come */
    uint16_t alarm_hold;
    float restless;           /* notices and alarms of late: what the threshold grows with */
    float peak;               /* the largest figure that came with one, of late */
    struct auto_range range;  /* of the value */
    struct auto_range unrest; /* of its steps without sign */
    struct auto_level level;
    struct auto_zero zero;
    struct auto_season season;
    struct auto_shape shape;
    struct auto_extremes extremes;
};

_Static_assert(sizeof(struct auto_state) <= AUTO_STATE_BYTES_MAX, "more than 1.2 KiB a series");

#endif
