/* Runs programs of kernels (see program.py), by itself and as an operator of MXNet.
 *
 * A program is one array of 64-bit words that Python writes (library.py); the structs here lie over it. Its steps
 * run one after the other, the chunks of a step on OpenMP's threads, which are MXNet's own: both use one libgomp, so
 * OMP_NUM_THREADS and MXSetNumOMPThreads hold for both. Threads are woken once for nests that follow each other.
 * What a chunk computes does not depend on its thread.
 *
 * MXNet loads the library by its interface for operators from outside, `lib_api.h`, which is made of plain C
 * functions that it looks up by name. They are declared here as far as they are used, since MXNet need not be there
 * when this is compiled. `_minpy_program` is the one operator, with the address of a program as its attribute. */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <omp.h>

#include "gate.h"
#include "gemm.h"
#include "lift.h"

#define EXPORT __attribute__((visibility("default")))
#define MOST_DIMS 32

typedef struct {
    int64_t buffer, offset;
} Place;

typedef struct {
    int64_t type, ndim, dims[]; /* the type by MXNet's number */
} Aval;

enum { NEST, PRODUCT, CONDITION };

typedef struct {
    int64_t words, kind; /* how long it is, and which of the structs below it is */
} Step;

typedef struct {
    Step step;
    void (*run)(void **arguments, int64_t begin, int64_t end, int64_t chunk);
    int64_t size, chunk, width, factors[2]; /* bytes of a number, and numbers in the factors that may be lifted; or 0 */
    int64_t n_arguments;
    Place arguments[];
} Nest;

typedef struct {
    Step step;
    int64_t is_double, m, n, k, transposes_x, transposes_y, rows[3], batch, strides[3];
    double alpha, beta;
    Place arguments[3];
} Product;

typedef struct {
    Step step;
    Place arguments[1];
} Condition;

typedef struct {
    _Atomic(void *) spare; /* a block of scratch that no call uses */
    double *seconds;       /* that each step took, while steps are timed */
    int64_t n_inputs, n_outputs, scratch, avals, steps, end; /* the last three are indices of words */
    int64_t words[];
} Program;

/* Matrix products -------------------------------------------------------------------------------------------- */

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

static void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
static void (*dgemm)(int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *, int);
static void (*sgemv)(int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
static void (*dgemv)(int, int, int, int, double, const double *, int, const double *, int, double, double *, int);

/* Where BLAS is. */
EXPORT void minpy_set_blas(void *s_gemm, void *d_gemm, void *s_gemv, void *d_gemv) {
    sgemm = s_gemm;
    dgemm = d_gemm;
    sgemv = s_gemv;
    dgemv = d_gemv;
}

/* Whether large products are faster here than by MXNet's operators. */
EXPORT int minpy_has_gemm(void) { return has_gemm(); }

static void multiply(const Product *p, const char *x, const char *y, char *out) {
    if (gemm(p->is_double, p->transposes_x, p->transposes_y, p->m, p->n, p->k, p->alpha, x, p->rows[0], y, p->rows[1],
             p->beta, out, p->rows[2]))
        return;
    int x_trans = p->transposes_x ? TRANSPOSED : PLAIN, y_trans = p->transposes_y ? TRANSPOSED : PLAIN;
    int m = p->m, n = p->n, k = p->k, ldx = p->rows[0], ldy = p->rows[1], ldo = p->rows[2];
    if (p->is_double)
        dgemm(ROW_MAJOR, x_trans, y_trans, m, n, k, p->alpha, (const double *)x, ldx, (const double *)y, ldy, p->beta,
              (double *)out, ldo);
    else
        sgemm(ROW_MAJOR, x_trans, y_trans, m, n, k, p->alpha, (const float *)x, ldx, (const float *)y, ldy, p->beta,
              (float *)out, ldo);
}

/* A matrix by a vector; `at` is which of the operands is the matrix. */
static void multiply_vector(const Product *p, int at, const char *matrix, const char *vector, char *out) {
    int transposes = at == 0 ? p->transposes_x : !p->transposes_y, length = at == 0 ? p->m : p->n;
    int rows = transposes ? p->k : length, columns = transposes ? length : p->k, ld = p->rows[at];
    int is_column = at == 0 ? !p->transposes_y : p->transposes_x; /* whether the vector goes from row to row */
    int step = is_column ? p->rows[!at] : 1, step_out = at == 0 ? p->rows[2] : 1;
    int trans = transposes ? TRANSPOSED : PLAIN;
    if (p->beta == 0) /* some releases of BLAS multiply what is there by 0, which may be nan */
        for (int i = 0; i < length; i++)
            memset(out + (size_t)i * step_out * (p->is_double ? 8 : 4), 0, p->is_double ? 8 : 4);
    if (p->is_double)
        dgemv(ROW_MAJOR, trans, rows, columns, p->alpha, (const double *)matrix, ld, (const double *)vector, step,
              p->beta, (double *)out, step_out);
    else
        sgemv(ROW_MAJOR, trans, rows, columns, p->alpha, (const float *)matrix, ld, (const float *)vector, step,
              p->beta, (float *)out, step_out);
}

static void run_product(const Product *p, void **arguments) {
    const int64_t width = p->is_double ? 8 : 4;
    for (int64_t i = 0; i < p->batch; i++) {
        const char *x = (const char *)arguments[0] + i * p->strides[0] * width;
        const char *y = (const char *)arguments[1] + i * p->strides[1] * width;
        char *out = (char *)arguments[2] + i * p->strides[2] * width;
        if (p->n == 1)
            multiply_vector(p, 0, x, y, out);
        else if (p->m == 1)
            multiply_vector(p, 1, y, x, out);
        else
            multiply(p, x, y, out);
    }
}

/* Nests that need no compiler: they add up what chunks have added up. Arguments are the numbers and the sum. --------- */

EXPORT void minpy_add_floats(void **arguments, int64_t begin, int64_t end, int64_t chunk) {
    const float *x = arguments[0];
    double sum = -0.0;
    for (int64_t i = begin; i < end; i++) sum += x[i];
    *(float *)arguments[1] = sum;
}

/* In halves, which is as exact as NumPy's pairwise sums. */
static double sum_of(const double *x, int64_t n) {
    if (n > 8) return sum_of(x, n / 2) + sum_of(x + n / 2, n - n / 2);
    double sum = -0.0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

EXPORT void minpy_add_doubles(void **arguments, int64_t begin, int64_t end, int64_t chunk) {
    *(double *)arguments[1] = sum_of((const double *)arguments[0] + begin, end - begin);
}

/* Running a program ------------------------------------------------------------------------------------------ */

static const Step *step_at(const Program *program, int64_t at) { return (const Step *)&program->words[at]; }

static int64_t chunks_of(const Nest *nest) { return (nest->size + nest->chunk - 1) / nest->chunk; }

static void run_chunks(const Nest *nest, void **arguments, int64_t from, int64_t to) {
    for (int64_t c = from; c < to; c++) {
        const int64_t end = (c + 1) * nest->chunk;
        nest->run(arguments, c * nest->chunk, end < nest->size ? end : nest->size, c);
    }
}

/* The part of one thread of what is done ahead of a nest; whether others wait for it. */
static int lift_factors(const Nest *nest, void **arguments, Number *lower, int64_t me, int64_t threads) {
    return nest->width && lift(nest->width == 8, arguments + nest->n_arguments - LAST, nest->factors, lower, me, threads);
}

/* Where the pointers that a call brings are. */
typedef struct {
    void **inputs, **outputs;
    char *scratch;
} Memory;

static void find(const Program *program, const Memory *memory, const Place *places, int64_t n, void **arguments) {
    const int64_t n_inputs = program->n_inputs, n_buffers = n_inputs + program->n_outputs;
    for (int64_t i = 0; i < n; i++) {
        const int64_t buffer = places[i].buffer;
        char *base = buffer < n_inputs    ? memory->inputs[buffer]
                     : buffer < n_buffers ? memory->outputs[buffer - n_inputs]
                                          : memory->scratch;
        arguments[i] = base + places[i].offset;
    }
}

/* The part of one thread of some nests. What has a single chunk is done by the first. */
static void run_part(const Program *program, const Memory *memory, int64_t at, int64_t end, Gate *gate) {
    const int me = omp_get_thread_num(), threads = omp_get_num_threads();
    int others_wait = 0; /* for what the first thread has done alone */
    for (; at < end; at += step_at(program, at)->words) {
        const Nest *nest = (const Nest *)step_at(program, at);
        const int64_t chunks = chunks_of(nest);
        void *arguments[nest->n_arguments > 0 ? nest->n_arguments : 1];
        find(program, memory, nest->arguments, nest->n_arguments, arguments);
        Number lower;
        if (chunks == 1) {
            if (me == 0) {
                lift_factors(nest, arguments, &lower, 0, 1);
                run_chunks(nest, arguments, 0, 1);
            }
            others_wait = 1;
            continue;
        }
        if (others_wait) pass(gate, threads);
        if (lift_factors(nest, arguments, &lower, me, threads)) pass(gate, threads);
        run_chunks(nest, arguments, chunks * me / threads, chunks * (me + 1) / threads);
        pass(gate, threads);
        others_wait = 0;
    }
}

/* Nests of fewer chunks are done before another thread has woken up. */
enum { LEAST_CHUNKS = 12 };

static void run_nests(const Program *program, const Memory *memory, int64_t at, int64_t end, int64_t shared) {
    if (shared >= LEAST_CHUNKS && omp_get_max_threads() > 1) {
        Gate gate = {0};
#pragma omp parallel
        run_part(program, memory, at, end, &gate);
        return;
    }
    for (; at < end; at += step_at(program, at)->words) {
        const Nest *nest = (const Nest *)step_at(program, at);
        void *arguments[nest->n_arguments > 0 ? nest->n_arguments : 1];
        Number lower;
        find(program, memory, nest->arguments, nest->n_arguments, arguments);
        lift_factors(nest, arguments, &lower, 0, 1);
        run_chunks(nest, arguments, 0, chunks_of(nest));
    }
}

static atomic_int is_timed;

/* From now on, or no more: each step runs by itself, and its time is added up. */
EXPORT void minpy_time_steps(int is_on) { atomic_store(&is_timed, is_on); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Whether all conditions hold. */
static int run_steps(const Program *program, const Memory *memory) {
    const int times = atomic_load(&is_timed);
    double started = times ? now() : 0, *seconds = program->seconds;
    for (int64_t at = program->steps, end = at; at < program->end; at = end) {
        int64_t shared = 0; /* chunks that several threads may do */
        for (; end < program->end && step_at(program, end)->kind == NEST; end += step_at(program, end)->words) {
            if (times && end > at) break;
            const int64_t chunks = chunks_of((const Nest *)step_at(program, end));
            shared += chunks > 1 ? chunks : 0;
        }
        const Step *step = step_at(program, at);
        if (end > at) {
            run_nests(program, memory, at, end, shared);
        } else if (step->kind == CONDITION) {
            void *argument;
            find(program, memory, ((const Condition *)step)->arguments, 1, &argument);
            if (!*(const unsigned char *)argument) return 0;
            end = at + step->words;
        } else {
            const Product *p = (const Product *)step;
            void *arguments[3];
            find(program, memory, p->arguments, 3, arguments);
            run_product(p, arguments);
            end = at + step->words;
        }
        if (times) {
            const double ended = now();
            *seconds++ += ended - started; /* threads may add at the same time, which loses some */
            started = ended;
        }
    }
    return 1;
}

/* Give what was added up for each step, and start at zero again. */
EXPORT void minpy_take_seconds(Program *program, double *out) {
    double *seconds = program->seconds;
    for (int64_t at = program->steps; at < program->end; at += step_at(program, at)->words, seconds++, out++) {
        *out = *seconds;
        *seconds = 0;
    }
}

/* Run on arrays; 0 where there is no memory, -1 where a condition does not hold. Any number of threads may run a program at the same time. */
EXPORT int minpy_run(Program *program, void **inputs, void **outputs) {
    void *scratch = NULL;
    if (program->scratch > 0) {
        scratch = atomic_exchange(&program->spare, NULL);
        if (scratch == NULL) scratch = aligned_alloc(ALIGNMENT, (program->scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        if (scratch == NULL) return 0;
    }
    const Memory memory = {inputs, outputs, scratch};
    const int held = run_steps(program, &memory);
    if (scratch != NULL) free(atomic_exchange(&program->spare, scratch));
    return held ? 1 : -1;
}

/* A program of these words, or NULL where there is no memory. The machine code has to stay as long as it does. */
EXPORT Program *minpy_open(const int64_t *words, int64_t size) {
    Program *program = malloc(sizeof(Program) + size * sizeof(int64_t));
    if (program == NULL) return NULL;
    memcpy((char *)program + offsetof(Program, n_inputs), words, size * sizeof(int64_t));
    atomic_init(&program->spare, NULL);
    int64_t steps = 0;
    for (int64_t at = program->steps; at < program->end; at += step_at(program, at)->words) steps++;
    program->seconds = calloc(steps + 1, sizeof(double));
    if (program->seconds == NULL) {
        free(program);
        return NULL;
    }
    return program;
}

EXPORT void minpy_close(Program *program) {
    free(atomic_exchange(&program->spare, NULL));
    free(program->seconds);
    free(program);
}

EXPORT unsigned minpy_fingerprint(void) { return FINGERPRINT; }

/* The operator of MXNet -------------------------------------------------------------------------------------- */

enum { FAILURE, SUCCESS };
enum { INTERFACE = 11 }; /* of MXNet 1.9 */

static Program *program_of(const char *const *keys, const char *const *values, int n) {
    for (int i = 0; i < n; i++)
        if (strcmp(keys[i], "program") == 0) return (Program *)(uintptr_t)strtoull(values[i], NULL, 10);
    return NULL;
}

EXPORT int initialize(int version) { return version >= 10900 && version < 20000; }
EXPORT int _opVersion(void) { return INTERFACE; }
EXPORT int _msgSize(void) { return 0; }
EXPORT void _msgGet(int at, const char **message) { *message = ""; }
EXPORT int _opRegSize(void) { return 1; }
EXPORT void _opCallFree(void *memory) { free(memory); }

/* MXNet derives a gradient for what stands in a cached graph, and never runs it. The functions are told to it only to
 * be given back to the ones below, which do not need them. */
EXPORT void _opRegGet(int at, const char **name, int *is_subgraph, const char ***forward_on, void ***forward,
                      int *n_forward, const char ***backward_on, void ***backward, int *n_backward,
                      const char ***state_on, void ***state, int *n_state, void **parse, void **type, void **storage,
                      void **shape, void **mutate) {
    static const char *cpu[] = {"cpu"};
    static void *some[] = {&minpy_run};
    *name = "_minpy_program";
    *is_subgraph = 0;
    *forward_on = *backward_on = *state_on = cpu;
    *forward = *backward = *state = some;
    *n_forward = *n_backward = 1;
    *n_state = 0;
    *parse = *type = *shape = some[0];
    *storage = *mutate = NULL;
}

EXPORT int _opCallParseAttrs(void *given, const char *const *keys, const char *const *values, int n, int *n_in,
                             int *n_out) {
    const Program *program = program_of(keys, values, n);
    if (program == NULL) return FAILURE;
    *n_in = program->n_inputs;
    *n_out = program->n_outputs;
    return SUCCESS;
}

/* The dimensions of some buffers, as MXNet wants them: it frees what is allocated here. */
static const Aval *tell_shapes(const Aval *aval, int n, unsigned ***shapes, int **ndims) {
    *shapes = malloc((n + 1) * sizeof **shapes);
    *ndims = malloc((n + 1) * sizeof **ndims);
    for (int i = 0; i < n; i++) {
        (*ndims)[i] = aval->ndim;
        (*shapes)[i] = malloc((aval->ndim + 1) * sizeof(unsigned));
        for (int64_t j = 0; j < aval->ndim; j++) (*shapes)[i][j] = aval->dims[j];
        aval = (const Aval *)&aval->dims[aval->ndim];
    }
    return aval;
}

EXPORT int _opCallInferShape(void *given, const char *const *keys, const char *const *values, int n, unsigned **shapes,
                             int *ndims, int n_in, unsigned ***in_shapes, int **in_ndims, unsigned ***out_shapes,
                             int **out_ndims, int n_out) {
    const Program *program = program_of(keys, values, n);
    if (program == NULL || n_in != program->n_inputs || n_out != program->n_outputs) return FAILURE;
    const Aval *aval = tell_shapes((const Aval *)&program->words[program->avals], n_in, in_shapes, in_ndims);
    tell_shapes(aval, n_out, out_shapes, out_ndims);
    return SUCCESS;
}

EXPORT int _opCallInferType(void *given, const char *const *keys, const char *const *values, int n, int *in_types,
                            int n_in, int *out_types, int n_out) {
    const Program *program = program_of(keys, values, n);
    if (program == NULL || n_in != program->n_inputs || n_out != program->n_outputs) return FAILURE;
    const Aval *aval = (const Aval *)&program->words[program->avals];
    for (int i = 0; i < n_in + n_out; i++) {
        *(i < n_in ? &in_types[i] : &out_types[i - n_in]) = aval->type;
        aval = (const Aval *)&aval->dims[aval->ndim];
    }
    return SUCCESS;
}

EXPORT int _opCallFCompute(void *given, const char *const *keys, const char *const *values, int n,
                           const int64_t **in_shapes, int *in_ndims, void **in_data, int *in_types, size_t *in_ids,
                           const char **in_devices, int *in_numbers, int n_in, const int64_t **out_shapes,
                           int *out_ndims, void **out_data) {
    Program *program = program_of(keys, values, n);
    return program != NULL && n_in == program->n_inputs && minpy_run(program, in_data, out_data) > 0;
}

/* What MXNet looks up, too, and has no use for. */
EXPORT int _opCallInferSType(void) { return FAILURE; }
EXPORT int _opCallMutateInputs(void) { return FAILURE; }
EXPORT int _opCallCreateOpState(void) { return FAILURE; }
EXPORT void _opCallDestroyOpState(void) {}
EXPORT int _opCallFStatefulCompute(void) { return FAILURE; }
EXPORT int _partRegSize(void) { return 0; }
EXPORT int _partRegGetCount(void) { return 0; }
EXPORT void _partRegGet(void) {}
EXPORT int _partCallSupportedOps(void) { return FAILURE; }
EXPORT int _partCallCreateSelector(void) { return FAILURE; }
EXPORT void _partCallSelect(void) {}
EXPORT void _partCallSelectInput(void) {}
EXPORT void _partCallSelectOutput(void) {}
EXPORT void _partCallFilter(void) {}
EXPORT void _partCallReset(void) {}
EXPORT int _partCallReviewSubgraph(void) { return FAILURE; }
EXPORT int _passRegSize(void) { return 0; }
EXPORT void _passRegGet(void) {}
EXPORT int _passCallGraphPass(void) { return FAILURE; }
