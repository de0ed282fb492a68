/* The short way through eager mode: an op that NumPy runs, on arrays in the CPU's memory.
 *
 * These files hold the memory layout of `Value` and `Array` (runtime/array.py) and do in one step what
 * `run_op` (runtime/dispatch.py) does in Python for the most frequent case. Whatever is unusual about a
 * call (another policy, a GPU, MXNet's memory, a stale view, an error) makes them step aside: then the
 * Python code runs, which is the reference. MinPy works the same without them, only slower.
 *
 *   values.c     the memory layout of values
 *   arrays.c     the memory layout of arrays
 *   loops.c      the loops of NumPy's ufuncs, without what NumPy does around them
 *   kernels.c    other ops that are worth a way of their own
 *   numbers.c    arithmetic on two numbers, without arrays
 *   run.c        one op: operands, result, tape, statistics
 *   calls.c      the functions and methods that come down to one op, which is remembered
 *   methods.c    short ways of methods such as x.reshape(2, -1)
 *   numpys.c     functions that NumPy has as they are
 *   constants.c  functions that make an array of numbers alone
 *   operators.c  what Python calls for x + y, x += y, float(x), len(x), and buffers
 *   indexing.c   what Python calls for x[i] and x[i] = y
 *   bound.c      a compiled graph on memory of its own
 *   routes.c     the short way from a call to a compiled graph
 *   steps.c      what a route looks at
 *   forms.c      what a call gives, made of the results of the graph
 *   module.c     what Python tells these files when it starts
 */
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL minpy_numpy_api
#ifndef IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *x) { Py_INCREF(x); return x; }
static inline PyObject *Py_XNewRef(PyObject *x) { Py_XINCREF(x); return x; }
#endif

#define MAX_OPERANDS 8

typedef struct {
    PyObject_HEAD
    PyObject *numpy, *mxnet, *aval, *context, *tape, *owner;
    char recorded;
} Value;

/* A number of one of NumPy's types. */
typedef union {
    double as_double;
    float as_float;
    long as_long;
    npy_bool as_bool;
} Number;

/* What an array has: its value; or, until somebody asks for that (see value_of), the value of its base, or a number. */
enum { HOLDS_VALUE, HOLDS_BASE, HOLDS_NUMBER };

typedef struct {
    PyObject_HEAD
    PyObject *value, *base, *made_by, *weakrefs;
    Py_ssize_t version, seen;
    char holds, is_writeable; /* of a view whose value is not made yet, as its base was then */
    int number_type; /* NumPy's number of its dtype */
    Number number;
} Array;

static inline int is_set(PyObject *x) { return x != NULL && x != Py_None; }
static inline int is_ndarray(PyObject *x) { return Py_TYPE(x) == &PyArray_Type; }
static inline PyArrayObject *ndarray(PyObject *x) { return (PyArrayObject *)x; }

/* Forget an exception, for Python does the same again, and says more about an error. An interrupt would not come again by
 * itself, so it is put off. */
static inline void forget_error(void) {
    if (!PyErr_Occurred()) return;
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();
    PyErr_Clear();
}

/* What is dead is kept for the next one: most live as short as the expression that they are a part of. */
#define MOST_KEPT 64

/* values.c */
extern PyTypeObject ValueSlots;
extern PyTypeObject *value_type; /* the Python class */
extern PyObject *aval_type, *cpu;
void value_dealloc(Value *self);
Value *new_value(PyObject *numpy); /* takes over the reference */
PyObject *value_aval(Value *self, void *closure);
PyObject *new_pair(PyObject *type, PyObject *first, PyObject *second);
void set_recorded(Value *value, char flag);
void follow(Value *value, Value *source);
PyObject *protect(PyObject *module, PyObject *args);

/* arrays.c */
extern PyTypeObject ArraySlots;
extern PyTypeObject *array_type, *scalar_type; /* the Python classes */
extern PyTypeObject *made_by_type;
extern PyObject *as_value;
void array_dealloc(Array *self);
int own_attributes(PyTypeObject *type);
Array *new_array(Value *value, int is_scalar);    /* takes over the reference */
Array *new_slice(PyObject *base, Value *of_base, PyObject *key);
Array *new_number(int type, const void *data, size_t size);
int is_key(PyObject *made_by);
Value *value_of(Array *array);
Value *readable(PyObject *array);
Value *readable_base(const Array *view);
PyObject *new_made_by(PyObject *op, PyObject *params);
void become_view(Array *view, PyObject *base, PyObject *made_by); /* takes over the reference to made_by */
int is_view_of(PyObject *result, PyObject *source);
static inline int is_array(PyObject *x) { return Py_TYPE(x) == array_type || Py_TYPE(x) == scalar_type; }

/* What `register_op` was told of an op. */
typedef struct {
    PyObject *op, *function, *reduce;
    PyObject *ufunc; /* whose loops do the work, or NULL */
    signed char loops[NPY_NTYPES]; /* that for operands of a type, or -1 */
    char has_identity, is_test;    /* whether a reduction starts with a number, not with the first element; a truth value */
    long identity;
    int kernel, gives_view, gives_its_operand, is_constant;
    long operands, number; /* -1 for any; under which runs are counted */
} KnownOp;

/* loops.c */
int prepare_loops(void);
int find_ufunc(KnownOp *op);
int has_raised(void);
int is_plain(PyObject *x);
PyObject *run_loop(const KnownOp *op, PyObject *const *raw, Py_ssize_t n);
int reduce_all(const KnownOp *op, PyArrayObject *array, Number *total);
PyObject *run_product(const KnownOp *op, PyObject *const *raw);

/* kernels.c */
enum { NO_KERNEL, ADD_KERNEL, SUBTRACT_KERNEL, MULTIPLY_KERNEL, DIVIDE_KERNEL, NEGATIVE_KERNEL, LESS_KERNEL,
       LESS_EQUAL_KERNEL, EQUAL_KERNEL, NOT_EQUAL_KERNEL, GREATER_KERNEL, GREATER_EQUAL_KERNEL, RESHAPE_KERNEL,
       TRANSPOSE_KERNEL, BROADCAST_KERNEL, CONCATENATE_KERNEL, PRODUCT_KERNEL, COPY_KERNEL, CAST_KERNEL, ARGMAX_KERNEL, ARGMIN_KERNEL,
       MEAN_KERNEL, VARIANCE_KERNEL, ROOT_KERNEL, SUM_KERNEL, PROD_KERNEL, MAX_KERNEL, MIN_KERNEL, ANY_KERNEL,
       ALL_KERNEL, KERNELS };
int prepare_kernels(void);
int kernel_of(PyObject *name);
PyObject *copy_of(PyArrayObject *array);
PyObject *flat_copy_of(PyArrayObject *array);
PyObject *cast(PyArrayObject *array, PyArray_Descr *dtype);
int place_of_extreme(int kernel, PyArrayObject *array, npy_intp *place);
int variance(PyArrayObject *array, long ddof, Number *found);
int mean_of_all(PyArrayObject *array, Number *found);
PyObject *run_kernel(const KnownOp *op, PyObject *const *raw, Py_ssize_t n, PyObject *params);

/* numbers.c */
PyObject *python_number(Array *x);
PyObject *list_of_floats(PyArrayObject *array);
int read_integer(PyObject *x, npy_intp *number);
int read_number(PyObject *x, int type, Number *number);
PyObject *number_of_numbers(int kernel, PyObject *one, PyObject *other);

/* run.c */
extern PyObject *no_params, *run_op, *asarray;
extern int is_paused;
extern const KnownOp *of_kernel[KERNELS]; /* the op of that name */
extern PyTypeObject *ufunc_type;
int prepare_running(void);
const KnownOp *known_op(PyObject *op);
int live_tape(Value *value, PyObject **tape);
void count_index(void);
void count_run(long number);
long number_of(PyObject *name);
int runs_by_numpy(int is_decided);
int policy_compiles(void);
PyObject *flush_counts(PyObject *module, PyObject *nothing);
PyObject *run_here(PyObject *op, PyObject *const *args, Py_ssize_t n, PyObject *params);
PyObject *bind_op(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *register_op(PyObject *module, PyObject *args);
PyObject *set_thread_policy(PyObject *module, PyObject *policy);
PyObject *set_process_policy(PyObject *module, PyObject *policy);
PyObject *set_paused(PyObject *module, PyObject *flag);

/* calls.c */

/* What a call of a function comes down to, as far as it has been seen. */
typedef struct Seen {
    struct Seen *outer;
    int ops;          /* how many ops ran; what cannot be remembered counts for two */
    int by_python;    /* whether Python ran one, perhaps by MXNet */
    PyObject *op, *params, *operands[MAX_OPERANDS], *result;
    Py_ssize_t n;
} Seen;

extern _Thread_local Seen *seen; /* NULL: nobody wants to know */
extern PyTypeObject MethodType;
int prepare_calls(void);
int prepare_numpys(void);
int prepare_constants(void);
extern PyObject *default_dtype; /* a list with the dtype of new floats */
PyObject *register_settings(PyObject *module, PyObject *args);
void saw(PyObject *op, PyObject *const *args, Py_ssize_t n, PyObject *params, PyObject *result);
static inline void saw_something_else(void) { if (seen != NULL) seen->ops += 2; }
PyObject *accelerate_calls(PyObject *module, PyObject *class);
PyObject *accelerated(PyObject *module, PyObject *original);
PyObject *remembered(PyObject *module, PyObject *original);
PyObject *shortened(PyObject *module, PyObject *args);

/* methods.c */
typedef struct {
    const char *name;
    PyObject *(*run)(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel);
    int kernel; /* the op that it runs */
} Shortcut;

const Shortcut *shortcut_of(const char *name);

/* operators.c */
extern PyNumberMethods array_as_number;
extern PyBufferProcs array_as_buffer;
PyObject *at_hand(PyObject *self);
PyObject *base_at_hand(const Array *view);
PyObject *array_compare(PyObject *x, PyObject *y, int how);
Py_ssize_t array_length(PyObject *self);
PyObject *array_iterator(PyObject *self);
PyObject *array_is_contiguous(PyObject *self, void *closure);
PyObject *register_operator(PyObject *module, PyObject *args);
void accelerate_updates(PyTypeObject *arrays, PyTypeObject *scalars);

/* indexing.c */
extern PyMappingMethods array_as_mapping;
extern PyObject *getitem;
PyArrayObject *written_in_place(PyObject *x);
PyObject *written_operand(PyObject *x);
void accelerate_indexing(PyTypeObject *type);
