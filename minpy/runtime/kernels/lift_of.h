/* The same for one type, REAL, whose bits are a WORD; lift.h includes this for each type. */
typedef WORD NAMED(Words) __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));

/* The bits of a fraction, and the exponent of 1. */
#define FRACTION (sizeof(REAL) == 4 ? 23 : 52)
#define BIAS (sizeof(REAL) == 4 ? 127 : 1023)
/* All bits but the sign; from INFINITE on they are no number. */
#define SIZE ((WORD)(((uint64_t)1 << (8 * sizeof(REAL) - 1)) - 1))
#define INFINITE ((WORD)(2 * BIAS + 1) << FRACTION)
/* Numbers below FAINT are lifted, by 2^MOST at most, and none beyond 2^HIGHEST, so that no sum overflows. */
#define FAINT ((WORD)(BIAS / 5) << FRACTION)
#define MOST (BIAS / 2)
#define HIGHEST (BIAS * 2 / 5)

EVERYWHERE WORD NAMED(bits)(REAL x) {
    WORD found;
    memcpy(&found, &x, sizeof x);
    return found;
}

EVERYWHERE REAL NAMED(real)(WORD bits) {
    REAL found;
    memcpy(&found, &bits, sizeof bits);
    return found;
}

/* 2^exponent, from 2^(-2 MOST) on. */
EVERYWHERE REAL NAMED(power)(int exponent) { return NAMED(real)((WORD)(BIAS + exponent) << FRACTION); }

/* Whether there are faint numbers, but zeros, where it is looked. What fades does so in many elements. */
EVERYWHERE int NAMED(is_faint)(const Matrix *x) {
    const int has_gaps = x->stride != x->width;
    const int64_t lanes = 64 / sizeof(REAL), size = x->rows * x->width, width = has_gaps ? x->width : size;
    const int64_t more = size / lanes / MOST_LOOKS, step = lanes * (more < LOOK_EVERY ? LOOK_EVERY : more | 1);
    NAMED(Words) faint = {0};
    WORD found = 0;
    for (int64_t at = 0; at < size; at += step) {
        const int64_t row = has_gaps ? at / width : 0, column = at - row * width;
        if (column + lanes > width) continue;
        const NAMED(Words) word = *(const NAMED(Words) *)((const REAL *)x->data + row * x->stride + column) & SIZE;
        faint |= (word - FAINT) & ~(word - 1); /* negative where 0 < word < FAINT */
    }
    for (int64_t i = 0; i < lanes; i++) found |= faint[i];
    return found < 0;
}

/* By how much a factor can be lifted. */
EVERYWHERE int NAMED(room)(const Matrix *x) {
    WORD largest = 0;
    for (int64_t i = 0; i < x->rows; i++) {
        const REAL *row = (const REAL *)x->data + i * x->stride;
        for (int64_t j = 0; j < x->width; j++) {
            const WORD size = NAMED(bits)(row[j]) & SIZE, number = size < INFINITE ? size : 0;
            largest = largest < number ? number : largest;
        }
    }
    const int room = HIGHEST + BIAS - (int)(largest >> FRACTION);
    return room > MOST ? MOST : room;
}

EVERYWHERE int NAMED(shifts)(const Matrix *x, const Matrix *y, int shifts[2]) {
    const int is_faint[2] = {NAMED(is_faint)(x), NAMED(is_faint)(y)};
    if (!is_faint[0] && !is_faint[1]) return 0;
    const int room[2] = {NAMED(room)(x), NAMED(room)(y)};
    if (room[0] <= 0 || room[1] <= 0) return 0;
    for (int i = 0; i < 2; i++) shifts[i] = is_faint[i] ? room[i] : 0;
    return 1;
}

/* Some numbers times 2^shift, by their bits: it takes the processor no longer for denormal ones. */
EVERYWHERE void NAMED(lift)(const REAL *x, int64_t size, int shift, REAL *out) {
    const WORD one = (WORD)1 << FRACTION, up = (WORD)shift << FRACTION;
    for (int64_t i = 0; i < size; i++) {
        const WORD word = NAMED(bits)(x[i]), number = word & SIZE;
        const WORD denormal = NAMED(bits)(NAMED(real)((up + one) | number) - NAMED(real)(up + one));
        const WORD lifted = number < one ? denormal : number < INFINITE ? number + up : number;
        out[i] = NAMED(real)(lifted | (word & ~SIZE));
    }
}

#undef FRACTION
#undef BIAS
#undef SIZE
#undef INFINITE
#undef FAINT
#undef MOST
#undef HIGHEST
