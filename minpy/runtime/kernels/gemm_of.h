/* Products of matrices of one type, REAL, by vectors of 64 bytes; gemm.h includes this for each type.
 *
 * As in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): parts of both factors are
 * laid in the order in which they are read, and a tile of the result is added up in registers. */
typedef REAL NAMED(Vector) __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));
typedef REAL NAMED(Four) __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
typedef WORD NAMED(Mask) __attribute__((vector_size(4 * sizeof(REAL))));

enum { NAMED(LANES) = 64 / sizeof(REAL), NAMED(WIDE) = VECTORS * NAMED(LANES) };

/* A factor whose rows go along what is summed, or columns: element (i, l) is at i * across + l * along. It is multiplied
 * by 2^shift. */
typedef struct {
    const REAL *data;
    int64_t across, along;
    int shift;
} NAMED(Factor);

/* Four rows of four as their columns. */
AVX512 static inline void NAMED(turn)(const REAL *x, int64_t row, REAL *out, int64_t row_out) {
    const NAMED(Four) a = *(const NAMED(Four) *)x, b = *(const NAMED(Four) *)(x + row);
    const NAMED(Four) c = *(const NAMED(Four) *)(x + 2 * row), d = *(const NAMED(Four) *)(x + 3 * row);
    const NAMED(Four) ab = PICK(NAMED(Mask), a, b, 0, 4, 1, 5), cd = PICK(NAMED(Mask), c, d, 0, 4, 1, 5);
    const NAMED(Four) ab_end = PICK(NAMED(Mask), a, b, 2, 6, 3, 7), cd_end = PICK(NAMED(Mask), c, d, 2, 6, 3, 7);
    *(NAMED(Four) *)out = PICK(NAMED(Mask), ab, cd, 0, 1, 4, 5);
    *(NAMED(Four) *)(out + row_out) = PICK(NAMED(Mask), ab, cd, 2, 3, 6, 7);
    *(NAMED(Four) *)(out + 2 * row_out) = PICK(NAMED(Mask), ab_end, cd_end, 0, 1, 4, 5);
    *(NAMED(Four) *)(out + 3 * row_out) = PICK(NAMED(Mask), ab_end, cd_end, 2, 3, 6, 7);
}

/* A few rows of a factor in the order of the sum: those of one step side by side, zeros where there are no more. */
AVX512 static inline __attribute__((always_inline)) void NAMED(lay)(const NAMED(Factor) * x, int64_t first, int64_t rows,
                                                                    int64_t from, int64_t sums, int64_t wide,
                                                                    REAL *restrict out) {
    const REAL *data = x->data + first * x->across + from * x->along;
    int64_t done = 0;
    if (rows < wide) memset(out, 0, (size_t)(wide * sums) * sizeof(REAL));
    if (x->across == 1 && rows == wide) {
        for (int64_t l = 0; l < sums; l++) {
            __builtin_prefetch(data + (l + AHEAD) * x->along);
            memcpy(out + l * wide, data + l * x->along, (size_t)wide * sizeof(REAL));
        }
        return;
    }
    if (x->along == 1)
        for (; done + 4 <= sums; done += 4)
            for (int64_t i = 0; i + 4 <= rows; i += 4)
                NAMED(turn)(data + i * x->across + done, x->across, out + done * wide + i, wide);
    for (int64_t l = 0; l < sums; l++)
        for (int64_t i = l < done ? rows / 4 * 4 : 0; i < rows; i++)
            out[l * wide + i] = data[i * x->across + l * x->along];
}

AVX512 static void NAMED(lay_left)(const NAMED(Factor) * x, int64_t first, int64_t rows, int64_t from, int64_t sums,
                                   int in_place, REAL *out) {
    for (int64_t i = in_place ? rows / TALL * TALL : 0; i < rows; i += TALL) {
        NAMED(lay)(x, first + i, least(TALL, rows - i), from, sums, TALL, out + i * sums);
        if (x->shift) NAMED(lift)(out + i * sums, TALL * sums, x->shift, out + i * sums);
    }
}

AVX512 static void NAMED(lay_right)(const NAMED(Factor) * y, int64_t first, int64_t columns, int64_t from, int64_t sums,
                                    REAL *out) {
    NAMED(lay)(y, first, columns, from, sums, NAMED(WIDE), out);
    if (y->shift) NAMED(lift)(out, NAMED(WIDE) * sums, y->shift, out);
}

/* A tile of the result: alpha times the products of a few rows and columns, and beta times what is there. Its memory is
 * fetched ahead: a tile is done before what it stores has come from beyond the nearest caches. Element (i, l) of the rows
 * is at i * across + l * along, row l of the columns at l * down; there is a place where columns are kept in order. */
AVX512 static inline __attribute__((always_inline)) void NAMED(tile)(const REAL *restrict x, int64_t across, int64_t along,
                                                                     const REAL *restrict y, int64_t down,
                                                                     REAL *restrict kept, int64_t sums, REAL alpha,
                                                                     REAL beta, REAL *out, int64_t row) {
    NAMED(Vector) total[TALL][VECTORS] = {0};
    for (int i = 0; i < TALL; i++)
        for (int v = 0; v < VECTORS; v++) __builtin_prefetch(out + i * row + v * NAMED(LANES));
    for (int64_t l = 0; l < sums; l++, x += along, y += down) {
        NAMED(Vector) right[VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) {
            right[v] = *(const NAMED(Vector) *)(y + v * NAMED(LANES));
            if (!kept) continue;
            __builtin_prefetch(y + AHEAD * down + v * NAMED(LANES));
            *(NAMED(Vector) *)(kept + l * NAMED(WIDE) + v * NAMED(LANES)) = right[v];
        }
#pragma GCC unroll 16
        for (int i = 0; i < TALL; i++)
#pragma GCC unroll 8
            for (int v = 0; v < VECTORS; v++) total[i][v] += x[i * across] * right[v];
    }
#pragma GCC unroll 16
    for (int i = 0; i < TALL; i++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) {
            NAMED(Vector) *to = (NAMED(Vector) *)(out + i * row + v * NAMED(LANES));
            *to = beta == 0 ? alpha * total[i][v] : alpha * total[i][v] + beta * *to;
        }
}

/* One whose rows lie in order or, with a distance across, as they are. */
AVX512 static void NAMED(whole)(const REAL *x, int64_t across, const REAL *y, int64_t down, REAL *kept, int64_t sums,
                                REAL alpha, REAL beta, REAL *out, int64_t row) {
    if (across == 1 && !kept)
        NAMED(tile)(x, 1, TALL, y, NAMED(WIDE), NULL, sums, alpha, beta, out, row);
    else if (across == 1)
        NAMED(tile)(x, 1, TALL, y, down, kept, sums, alpha, beta, out, row);
    else if (!kept)
        NAMED(tile)(x, across, 1, y, NAMED(WIDE), NULL, sums, alpha, beta, out, row);
    else
        NAMED(tile)(x, across, 1, y, down, kept, sums, alpha, beta, out, row);
}

/* One across the edge. */
AVX512 static void NAMED(part)(const REAL *x, int64_t across, const REAL *y, int64_t sums, REAL alpha, REAL beta,
                               REAL *out, int64_t row, int64_t rows, int64_t columns) {
    REAL found[TALL * NAMED(WIDE)];
    NAMED(whole)(x, across, y, 0, NULL, sums, alpha, 0, found, NAMED(WIDE));
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            const REAL before = beta == 0 ? 0 : beta * out[i * row + j];
            out[i * row + j] = before + found[i * NAMED(WIDE) + j];
        }
}

/* Whether rows of the left factor are read where they are: those that caches hold well. */
AVX512 static int NAMED(is_read_in_place)(const NAMED(Factor) * x) {
    return x->along == 1 && x->across > 1 && x->across * sizeof(REAL) % SAME_LINES && !x->shift;
}

/* The rows from top to bottom of the columns from first to last of out = alpha * x @ y + beta * out. A strip of rows is
 * laid in order after the other, and panels of columns when they are first read. */
AVX512 static void NAMED(multiply_part)(const NAMED(Factor) * x, const NAMED(Factor) * y, int64_t top, int64_t bottom,
                                        int64_t first, int64_t last, int64_t k, REAL alpha, REAL beta, REAL *out,
                                        int64_t row, REAL *packed) {
    const int in_place = NAMED(is_read_in_place)(x);
    const int stays_lifted = (x->shift || y->shift) && beta == 0; /* until all is added up */
    REAL *left = packed, *right = packed + STRIP * SUMS;
    for (int64_t column = first; column < last; column += BLOCK)
        for (int64_t from = 0; from < k; from += SUMS) {
            const int64_t columns = least(BLOCK, last - column), sums = least(SUMS, k - from);
            const int is_end = from + sums == k || !stays_lifted;
            const REAL scale = is_end ? alpha : 1, rest = from == 0 ? beta : stays_lifted ? scale : 1;
            for (int64_t strip = top; strip < bottom; strip += STRIP) {
                const int64_t rows = least(STRIP, bottom - strip);
                NAMED(lay_left)(x, strip, rows, from, sums, in_place, left);
                for (int64_t j = 0; j < columns; j += NAMED(WIDE)) {
                    const int64_t wide = least(NAMED(WIDE), columns - j);
                    REAL *panel = right + j * sums;
                    int is_new = strip == top;
                    if (is_new && (y->across != 1 || y->shift || wide < NAMED(WIDE) || rows < TALL)) {
                        NAMED(lay_right)(y, column + j, wide, from, sums, panel);
                        is_new = 0;
                    }
                    for (int64_t i = 0; i < rows; i += TALL, is_new = 0) {
                        const int64_t tall = least(TALL, rows - i), across = in_place && tall == TALL ? x->across : 1;
                        const REAL *there = across > 1 ? x->data + (strip + i) * across + from : left + i * sums;
                        REAL *to = out + (strip + i) * row + column + j;
                        if (tall < TALL || wide < NAMED(WIDE))
                            NAMED(part)(there, across, panel, sums, scale, rest, to, row, tall, wide);
                        else if (is_new)
                            NAMED(whole)(there, across, y->data + from * y->along + column + j, y->along, panel, sums, scale,
                                         rest, to, row);
                        else
                            NAMED(whole)(there, across, panel, 0, NULL, sums, scale, rest, to, row);
                    }
                }
            }
        }
}

/* out = alpha * x @ y + beta * out; 0 where there is no memory. Each thread computes a part of the result by itself: to
 * wait for others, and to read what they laid in order, takes longer than to lay it again. The result is cut where a thread
 * has least to do, its own laying included. What is added up in which order does not depend on that. */
static int NAMED(multiply)(const NAMED(Factor) * x, const NAMED(Factor) * y, int64_t m, int64_t n, int64_t k, REAL alpha,
                           REAL beta, REAL *out, int64_t row, int threads) {
    const int64_t tiles = (m + TALL - 1) / TALL, panels = (n + NAMED(WIDE) - 1) / NAMED(WIDE);
    const int64_t each_row = NAMED(is_read_in_place)(x) ? READ : LAID, each_column = y->across == 1 ? READ : LAID;
    int64_t down = 1, across = 1, fewest = INT64_MAX; /* parts of rows, of columns, and what one costs */
    for (int64_t some = 1; some <= least(threads, tiles); some++) {
        const int64_t others = least(threads / some, panels);
        const int64_t rows = (tiles + some - 1) / some * TALL, columns = (panels + others - 1) / others * NAMED(WIDE);
        const int64_t cost = rows * columns + rows * each_row + columns * each_column;
        if (cost < fewest) fewest = cost, down = some, across = others;
    }
    const int64_t parts = down * across, room = (STRIP + BLOCK) * SUMS;
    Packed *packed = take_packed(parts * room * sizeof(REAL));
    if (!packed) return 0;
#pragma omp parallel for num_threads(parts) if (parts > 1) schedule(static)
    for (int64_t part = 0; part < parts; part++) {
        const int64_t i = part / across, j = part % across;
        NAMED(multiply_part)(x, y, tiles * i / down * TALL, least(m, tiles * (i + 1) / down * TALL),
                             panels * j / across * NAMED(WIDE), least(n, panels * (j + 1) / across * NAMED(WIDE)), k, alpha,
                             beta, out, row, (REAL *)packed->room + part * room);
    }
    free(atomic_exchange(&spare_packed, packed));
    return 1;
}
