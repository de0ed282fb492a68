/* Products of matrices on processors with vectors of 64 bytes, which the BLAS that MXNet brings does not use. Types and
 * threads are those of library.c. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "gate.h"
#include "lift.h"

#if defined(__x86_64__)
/* Rows and vectors of a tile; rows of a strip and columns of a block, whose parts of the factors stay in a core's cache; how
 * much of a sum is added up at once, and how many rows ahead memory is fetched. */
enum { TALL = 12, VECTORS = 2, STRIP = 8 * TALL, BLOCK = 512, SUMS = 256, AHEAD = 16 };
/* What it costs to read one number of a factor where it is, or to lay it in order, in multiplications; rows so many bytes
 * apart share lines of the nearest cache. */
enum { READ = 8, LAID = 40, SAME_LINES = 4096, LEAST_FOR_THREADS = 1 << 20 };

/* Memory for what is laid in order. */
typedef struct {
    int64_t bytes;
    _Alignas(ALIGNMENT) char room[];
} Packed;

static _Atomic(Packed *) spare_packed;

/* Some that no call uses, or NULL. */
static Packed *take_packed(int64_t bytes) {
    Packed *packed = atomic_exchange(&spare_packed, NULL);
    if (packed && packed->bytes >= bytes) return packed;
    free(packed);
    packed = aligned_alloc(ALIGNMENT, sizeof(Packed) + bytes);
    if (packed) packed->bytes = bytes;
    return packed;
}

static int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }

#if defined(__clang__)
#define PICK(Mask, x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define PICK(Mask, x, y, ...) __builtin_shuffle(x, y, (Mask){__VA_ARGS__})
#endif

#define REAL float
#define WORD int32_t
#define NAMED(name) float_##name
#include "gemm_of.h"
#undef REAL
#undef WORD
#undef NAMED
#define WORD int64_t
#define REAL double
#define NAMED(name) double_##name
#include "gemm_of.h"

static int has_gemm(void) { return __builtin_cpu_supports("avx512f"); }

/* By which powers of two factors are multiplied; 0 where both stay as they are. */
AVX512 static int shifts_of(int is_double, const Matrix *x, const Matrix *y, int shifts[2]) {
    return is_double ? double_shifts(x, y, shifts) : float_shifts(x, y, shifts);
}

/* As BLAS has it; 0 where that should do it. */
static int gemm(int is_double, int x_trans, int y_trans, int64_t m, int64_t n, int64_t k, double alpha, const void *x,
                int64_t ldx, const void *y, int64_t ldy, double beta, void *out, int64_t ldo) {
    if (!has_gemm() || m < 4 || n < 8 || k < 8) return 0;
    const int threads = m * n * k < LEAST_FOR_THREADS ? 1 : omp_get_max_threads();
    const Matrix left = {x, x_trans ? k : m, x_trans ? m : k, ldx}, right = {y, y_trans ? n : k, y_trans ? k : n, ldy};
    int shifts[2] = {0, 0};
    double lowered = alpha;
    if (is_slow_for_small() && shifts_of(is_double, &left, &right, shifts)) {
        const double down = double_power(-shifts[0] - shifts[1]);
        lowered = is_double ? alpha * down : (float)(alpha * down);
        if (lowered / down != alpha) lowered = alpha, shifts[0] = shifts[1] = 0; /* it would lose digits */
    }
    if (is_double) {
        const double_Factor rows = {x, x_trans ? 1 : ldx, x_trans ? ldx : 1, shifts[0]};
        const double_Factor columns = {y, y_trans ? ldy : 1, y_trans ? 1 : ldy, shifts[1]};
        return double_multiply(&rows, &columns, m, n, k, lowered, beta, out, ldo, threads);
    }
    const float_Factor rows = {x, x_trans ? 1 : ldx, x_trans ? ldx : 1, shifts[0]};
    const float_Factor columns = {y, y_trans ? ldy : 1, y_trans ? 1 : ldy, shifts[1]};
    return float_multiply(&rows, &columns, m, n, k, (float)lowered, (float)beta, out, ldo, threads);
}
#else
static int has_gemm(void) { return 0; }
static int gemm(int is_double, int x_trans, int y_trans, int64_t m, int64_t n, int64_t k, double alpha, const void *x,
                int64_t ldx, const void *y, int64_t ldy, double beta, void *out, int64_t ldo) {
    return 0;
}
#endif
