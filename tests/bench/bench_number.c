/* SPDX-License-Identifier: MIT
 *
 * Numbers to text and back, in nanoseconds and as ratios to what libc and a memcpy() of the same
 * text take in the same run. A line a kind of number, the median of five rounds each. No arguments.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/number.h"

#define NUMBERS 4096
#define REPEATS 50
#define ROUNDS 5
#define TEXT_SIZE 40

static uint64_t seed = UINT64_C(88172645463325252);

/* Xorshift of Marsaglia: the same numbers in every run. */
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double count_to_1000(void)
{
    return (double)(next_random() % 1000);
}

static double count_of_1_to_15_digits(void)
{
    uint64_t end = 1;
    for (uint64_t digits = next_random() % 15; digits > 0; digits--) {
        end *= 10;
    }
    return (double)(next_random() % (end * 9) + end);
}

static double thousandths(void)
{
    return (double)(next_random() % 10000000) / 1000;
}

static double one_to_six_places(void)
{
    static const double powers[] = {1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    return (double)(next_random() % 100000000) / powers[next_random() % 6];
}

static double fraction_of_one(void)
{
    return (double)(next_random() >> 11) * 0x1p-53;
}

static double mean_of_three(void)
{
    return (double)(next_random() % 1000000) / 3;
}

static double any_bits(void)
{
    uint64_t bits = next_random();
    bits = (bits >> 52 & 2047) == 2047 ? bits ^ UINT64_C(1) << 62 : bits;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct numbers {
    double values[NUMBERS];
    char texts[NUMBERS][TEXT_SIZE];
    size_t lengths[NUMBERS];
};

/* Keeps results alive; its value means nothing. */
static volatile uint64_t sink;

static uint64_t format_all(const struct numbers *numbers)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        char out[NUMBER_TEXT_MAX];
        sum += number_format(out, numbers->values[i]);
        sum += (uint64_t)out[0];
    }
    return sum;
}

static uint64_t print_all(const struct numbers *numbers)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        char out[TEXT_SIZE];
        sum += (uint64_t)snprintf(out, sizeof out, "%.17g", numbers->values[i]);
        sum += (uint64_t)out[0];
    }
    return sum;
}

static uint64_t copy_all(const struct numbers *numbers)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        char out[TEXT_SIZE];
        memcpy(out, numbers->texts[i], numbers->lengths[i]);
        __asm__ volatile("" : : "r"(out) : "memory");
        sum += numbers->lengths[i] + (uint64_t)out[0];
    }
    return sum;
}

static uint64_t parse_all(const struct numbers *numbers)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        double value = 0;
        sum += number_parse(numbers->texts[i], numbers->lengths[i], &value);
        sum += value > 1;
    }
    return sum;
}

static uint64_t strtod_all(const struct numbers *numbers)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        sum += strtod(numbers->texts[i], NULL) > 1;
    }
    return sum;
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Nanoseconds a number. */
static double measure(uint64_t (*run)(const struct numbers *), const struct numbers *numbers)
{
    double rounds[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            sink = run(numbers);
        }
        rounds[round] = (now_ns() - start) / (double)NUMBERS / REPEATS;
    }
    qsort(rounds, ROUNDS, sizeof rounds[0], compare_doubles);
    return rounds[ROUNDS / 2];
}

static void report(const char *kind, double (*next)(void))
{
    static struct numbers numbers;
    for (size_t i = 0; i < NUMBERS; i++) {
        numbers.values[i] = next();
        numbers.lengths[i] = number_format(numbers.texts[i], numbers.values[i]);
    }
    double format = measure(format_all, &numbers);
    double print = measure(print_all, &numbers);
    double copy = measure(copy_all, &numbers);
    double parse = measure(parse_all, &numbers);
    double library = measure(strtod_all, &numbers);
    printf("%-24s %7.1f %8.1f %7.1f %8.3f %7.1f %7.1f %7.1f %7.2f\n", kind, format, print, copy,
           format / print, format / copy, parse, library, parse / library);
}

int main(void)
{
    printf("%-24s %7s %8s %7s %8s %7s %7s %7s %7s\n", "ns a number", "format", "%.17g", "memcpy",
           "/%.17g", "/memcpy", "parse", "strtod", "/strtod");
    report("0 to 999", count_to_1000);
    report("1 to 15 digits", count_of_1_to_15_digits);
    report("thousandths", thousandths);
    report("1 to 6 places", one_to_six_places);
    report("thirds", mean_of_three);
    report("[0, 1), 53 bits", fraction_of_one);
    report("any bits", any_bits);
    return 0;
}
