/* Factors of products that hold numbers so small that the processor takes a hundred times as long for them: denormal
 * ones, or such whose products are. They are multiplied by a power of two, and the sums by its inverse, which is exact
 * but where a sum itself is denormal. What is lifted depends on the factors alone, so results have the same bits on any
 * number of threads. */
#ifndef LIFT_H
#define LIFT_H
#include <stdint.h>
#include <string.h>

/* A matrix, row by row; its rows are so many elements apart. */
typedef struct {
    const void *data;
    int64_t rows, width, stride;
} Matrix;

/* A number of the type of a product. */
typedef union {
    float single;
    double twice;
} Number;

/* What the last arguments of a nest with a product are: where the power of two is by which sums are multiplied, the
 * factors, and memory for those that are lifted. */
enum { LOWER, FACTORS, LIFTED = FACTORS + 2, LAST = LIFTED + 2 };

#if defined(__x86_64__)
#define AVX512 __attribute__((target("avx512f,fma")))
#define EVERYWHERE static inline __attribute__((always_inline))

/* Which vectors are looked at: one of so many, but not more than MOST_LOOKS or so. */
enum { LOOK_EVERY = 17, MOST_LOOKS = 512 };

#define REAL float
#define WORD int32_t
#define NAMED(name) float_##name
#include "lift_of.h"
#undef REAL
#undef WORD
#undef NAMED
#define REAL double
#define WORD int64_t
#define NAMED(name) double_##name
#include "lift_of.h"
#undef REAL
#undef WORD
#undef NAMED

/* Whether it is worth it: processors of others take no longer for such numbers. */
static int is_slow_for_small(void) { return __builtin_cpu_is("intel"); }

EVERYWHERE int lift_part(int is_double, void **last, const int64_t sizes[2], Number *lower, int64_t me, int64_t threads) {
    const Matrix x = {last[FACTORS], 1, sizes[0], sizes[0]}, y = {last[FACTORS + 1], 1, sizes[1], sizes[1]};
    int shifts[2];
    if (!(is_double ? double_shifts(&x, &y, shifts) : float_shifts(&x, &y, shifts))) return 0;
    for (int i = 0; i < 2; i++) {
        const int64_t from = sizes[i] * me / threads, size = sizes[i] * (me + 1) / threads - from;
        if (shifts[i] == 0) continue;
        if (is_double)
            double_lift((double *)last[FACTORS + i] + from, size, shifts[i], (double *)last[LIFTED + i] + from);
        else
            float_lift((float *)last[FACTORS + i] + from, size, shifts[i], (float *)last[LIFTED + i] + from);
        last[FACTORS + i] = last[LIFTED + i];
    }
    if (is_double) lower->twice = double_power(-shifts[0] - shifts[1]);
    else lower->single = float_power(-shifts[0] - shifts[1]);
    return 1;
}

AVX512 static int lift_wide(int is_double, void **last, const int64_t sizes[2], Number *lower, int64_t me, int64_t threads) {
    return lift_part(is_double, last, sizes, lower, me, threads);
}

static int lift_narrow(int is_double, void **last, const int64_t sizes[2], Number *lower, int64_t me, int64_t threads) {
    return lift_part(is_double, last, sizes, lower, me, threads);
}

/* Lift the part of one thread where factors are to be lifted, and say whether they are. */
static int lift(int is_double, void **last, const int64_t sizes[2], Number *lower, int64_t me, int64_t threads) {
    last[LOWER] = lower;
    if (is_double) lower->twice = 1;
    else lower->single = 1;
    if (!is_slow_for_small()) return 0;
    return (__builtin_cpu_supports("avx512f") ? lift_wide : lift_narrow)(is_double, last, sizes, lower, me, threads);
}
#else
static int lift(int is_double, void **last, const int64_t sizes[2], Number *lower, int64_t me, int64_t threads) {
    last[LOWER] = lower;
    if (is_double) lower->twice = 1;
    else lower->single = 1;
    return 0;
}
#endif
#endif
