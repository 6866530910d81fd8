/* SPDX-License-Identifier: MIT
 *
 * HyperLogLog with 2^14 registers of a byte over 64-bit hashes, in the caller's storage. A hash's
 * upper 14 bits choose the register, which keeps the largest rank, the place of the first one bit,
 * of the 50 bits below. Pure functions; private to set.c.
 */
#ifndef SERVER_METRICS_HYPERLOGLOG_H
#define SERVER_METRICS_HYPERLOGLOG_H

#include <stdint.h>

#define HYPERLOGLOG_PRECISION 14
#define HYPERLOGLOG_REGISTERS (1 << HYPERLOGLOG_PRECISION)

/* All three take HYPERLOGLOG_REGISTERS bytes; all zero is the empty sketch. */
void hyperloglog_add(uint8_t *registers, uint64_t hash);

/* The union, into `registers`. */
void hyperloglog_merge(uint8_t *registers, const uint8_t *from);

/* The number of distinct hashes: the improved raw estimator, algorithm 6 of O. Ertl, "New
 * cardinality estimation algorithms for HyperLogLog sketches", 2017 (arXiv:1702.01284). */
double hyperloglog_estimate(const uint8_t *registers);

#endif
