/* What Python calls for x + y, float(x), len(x), and buffers. */
#include "fast.h"

enum { ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, REMAINDER, POWER, MATMUL, AND, OR, XOR, LEFT_SHIFT, RIGHT_SHIFT, BINARY };
enum { LESS = BINARY, LESS_EQUAL, EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, NEGATIVE, POSITIVE, ABSOLUTE, INVERT, OPS };
enum { FLOAT = OPS, INT, BOOL, INDEX, LENGTH, ITERATOR, IS_CONTIGUOUS, ALL };

static const char *const operator_names[ALL] = {
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or",  "xor", "lshift", "rshift",
    "lt",  "le",  "eq",  "ne",      "gt",       "ge",  "neg", "pos",    "abs", "invert",
    "float", "int", "bool", "index", "len", "iter", "is_contiguous",
};
static PyObject *operator_functions[ALL]; /* (x, y) or (x,) in Python, for what is not run here */
static PyObject *operator_ops[OPS];
static const KnownOp *known_ops[OPS];    /* NULL where it is none of the table, but several */

/* What an operator makes of numbers. */
static PyObject *apply_to_numbers(int which, PyObject *const *args, Py_ssize_t n) {
    const KnownOp *known = known_ops[which];
    if (known == NULL || !runs_by_numpy(0)) return NULL;
    PyObject *result = number_of_numbers(known->kernel, args[0], args[1]);
    if (result == NULL) return NULL;
    count_run(known->number);
    saw(operator_ops[which], args, n, no_params, result);
    return result;
}

static PyObject *apply(int which, PyObject *x, PyObject *y) {
    PyObject *args[2] = {x, y}, *result = NULL;
    Py_ssize_t n = y == NULL ? 1 : 2;
    if (Py_TYPE(x) == scalar_type || (n == 2 && Py_TYPE(y) == scalar_type)) result = apply_to_numbers(which, args, n);
    if (result == NULL && !PyErr_Occurred()) result = run_here(operator_ops[which], args, n, NULL);
    if (result != NULL || PyErr_Occurred()) return result;
    return PyObject_Vectorcall(operator_functions[which], args, n, NULL);
}

#define BINARY_SLOT(name, which) \
    static PyObject *name(PyObject *x, PyObject *y) { return apply(which, x, y); }
#define UNARY_SLOT(name, which) \
    static PyObject *name(PyObject *x) { return apply(which, x, NULL); }

BINARY_SLOT(array_add, ADD)
BINARY_SLOT(array_subtract, SUBTRACT)
BINARY_SLOT(array_multiply, MULTIPLY)
BINARY_SLOT(array_divide, DIVIDE)
BINARY_SLOT(array_floor_divide, FLOOR_DIVIDE)
BINARY_SLOT(array_remainder, REMAINDER)
BINARY_SLOT(array_matmul, MATMUL)
BINARY_SLOT(array_and, AND)
BINARY_SLOT(array_or, OR)
BINARY_SLOT(array_xor, XOR)
BINARY_SLOT(array_left_shift, LEFT_SHIFT)
BINARY_SLOT(array_right_shift, RIGHT_SHIFT)
UNARY_SLOT(array_negative, NEGATIVE)
UNARY_SLOT(array_positive, POSITIVE)
UNARY_SLOT(array_absolute, ABSOLUTE)
UNARY_SLOT(array_invert, INVERT)

static PyObject *array_power(PyObject *x, PyObject *y, PyObject *modulus) {
    if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
    return apply(POWER, x, y);
}

PyObject *array_compare(PyObject *x, PyObject *y, int how) {
    return apply(LESS + how, x, y); /* Py_LT, Py_LE, Py_EQ, Py_NE, Py_GT, Py_GE */
}

static PyObject *without_gradient(Value *value) {
    PyObject *tape = NULL;
    if (value != NULL && live_tape(value, &tape) == 0) return value->numpy;
    forget_error();
    return NULL;
}

/* NumPy's array, borrowed, where no gradient depends on it; NULL without an exception where Python has to look. */
PyObject *at_hand(PyObject *self) { return without_gradient(readable(self)); }

/* The same of the base of a view whose own was not made yet. */
PyObject *base_at_hand(const Array *view) { return without_gradient(readable_base(view)); }

static PyObject *in_python(int which, PyObject *self) { return PyObject_CallOneArg(operator_functions[which], self); }

/* The number that stands in an array without axes. A call in which this happens depends on data. */
static PyObject *number_in(PyObject *self, int which, PyObject *(*pythons)(PyObject *)) {
    saw_something_else();
    PyObject *number = which == INDEX ? NULL : python_number((Array *)self);
    if (number != NULL) {
        Py_SETREF(number, pythons(number));
        return number;
    }
    PyObject *array = at_hand(self);
    int is_here = array != NULL && PyArray_NDIM(ndarray(array)) == 0 &&
                  (PyArray_ISINTEGER(ndarray(array)) || (PyArray_ISFLOAT(ndarray(array)) && which != INDEX));
    return is_here ? pythons(array) : in_python(which, self);
}

static PyObject *array_float(PyObject *self) { return number_in(self, FLOAT, PyNumber_Float); }
static PyObject *array_int(PyObject *self) { return number_in(self, INT, PyNumber_Long); }
static PyObject *array_index(PyObject *self) { return number_in(self, INDEX, PyNumber_Index); }

static int array_bool(PyObject *self) {
    saw_something_else();
    Array *number = (Array *)self;
    if (number->holds == HOLDS_NUMBER && number->number_type == NPY_BOOL) return number->number.as_bool;
    PyObject *array = at_hand(self);
    if (array != NULL && PyArray_NDIM(ndarray(array)) == 0) return PyObject_IsTrue(array);
    PyObject *answer = in_python(BOOL, self);
    int is_true = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return is_true;
}

Py_ssize_t array_length(PyObject *self) {
    Value *value = is_array(self) ? readable(self) : NULL;
    if (value != NULL && PyArray_NDIM(ndarray(value->numpy)) > 0) return PyArray_DIM(ndarray(value->numpy), 0);
    PyObject *length = in_python(LENGTH, self);
    Py_ssize_t found = length == NULL ? -1 : PyLong_AsSsize_t(length);
    Py_XDECREF(length);
    return found;
}

PyObject *array_iterator(PyObject *self) {
    Value *value = readable(self);
    return value != NULL && PyArray_NDIM(ndarray(value->numpy)) > 0 ? PySeqIter_New(self) : in_python(ITERATOR, self);
}

/* Whether the elements stand in memory in C order. */
PyObject *array_is_contiguous(PyObject *self, void *closure) {
    Value *value = readable(self);
    return value == NULL ? in_python(IS_CONTIGUOUS, self)
                         : PyBool_FromLong(PyArray_IS_C_CONTIGUOUS(ndarray(value->numpy)));
}

/* x += y: NumPy's function writes to the memory, as in `_update` of runtime/array.py. */
static binaryfunc update_slowly[BINARY]; /* in Python */

/* The same for small arrays: whether that was done. */
static int update_here(int which, PyArrayObject *array, PyObject *other) {
    PyObject *raw[2] = {(PyObject *)array, Py_TYPE(other) == array_type ? at_hand(other) : other};
    PyObject *fresh = raw[1] == NULL || !PyArray_ISBEHAVED(array) ? NULL : run_kernel(known_ops[which], raw, 2, NULL);
    if (fresh == NULL) return 0;
    PyArrayObject *result = ndarray(fresh);
    int fits = PyArray_TYPE(result) == PyArray_TYPE(array) && PyArray_SAMESHAPE(result, array) && PyArray_IS_C_CONTIGUOUS(array);
    if (fits) memcpy(PyArray_DATA(array), PyArray_DATA(result), PyArray_NBYTES(array));
    Py_DECREF(fresh);
    return fits;
}

static PyObject *update(int which, PyObject *self, PyObject *other) {
    int is_usual = is_array(other) || is_ndarray(other) || PyFloat_CheckExact(other) || PyLong_CheckExact(other);
    PyArrayObject *array = is_paused || !is_usual ? NULL : written_in_place(self);
    if (array != NULL && update_here(which, array, other)) {
        saw_something_else();
        count_run(known_ops[which]->number);
        return Py_NewRef(self);
    }
    PyObject *operand = array == NULL ? NULL : written_operand(other), *written = NULL;
    if (operand == NULL) return PyErr_Occurred() ? NULL : update_slowly[which](self, other);
    PyObject *args[3] = {Py_NewRef((PyObject *)array), operand, (PyObject *)array};
    saw_something_else();
    written = PyObject_Vectorcall(known_ops[which]->function, args, 3, NULL);
    Py_DECREF(array);
    Py_DECREF(operand);
    if (written == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) return NULL;
        forget_error(); /* Python does it again and says more about the error */
        return update_slowly[which](self, other);
    }
    Py_DECREF(written);
    count_run(known_ops[which]->number);
    return Py_NewRef(self);
}

#define UPDATE_SLOT(name, which) \
    static PyObject *name(PyObject *self, PyObject *other) { return update(which, self, other); }

UPDATE_SLOT(array_inplace_add, ADD)
UPDATE_SLOT(array_inplace_subtract, SUBTRACT)
UPDATE_SLOT(array_inplace_multiply, MULTIPLY)
UPDATE_SLOT(array_inplace_divide, DIVIDE)
UPDATE_SLOT(array_inplace_floor_divide, FLOOR_DIVIDE)
UPDATE_SLOT(array_inplace_remainder, REMAINDER)

/* Take the place of `__iadd__` and its kin of the class in Python, for what is done here. Scalars have none. */
void accelerate_updates(PyTypeObject *arrays, PyTypeObject *scalars) {
    PyNumberMethods *slots = arrays->tp_as_number, *of_scalars = scalars->tp_as_number;
    struct { int which; binaryfunc *slot, *of_scalars, update; } known[] = {
        {ADD, &slots->nb_inplace_add, &of_scalars->nb_inplace_add, array_inplace_add},
        {SUBTRACT, &slots->nb_inplace_subtract, &of_scalars->nb_inplace_subtract, array_inplace_subtract},
        {MULTIPLY, &slots->nb_inplace_multiply, &of_scalars->nb_inplace_multiply, array_inplace_multiply},
        {DIVIDE, &slots->nb_inplace_true_divide, &of_scalars->nb_inplace_true_divide, array_inplace_divide},
        {FLOOR_DIVIDE, &slots->nb_inplace_floor_divide, &of_scalars->nb_inplace_floor_divide, array_inplace_floor_divide},
        {REMAINDER, &slots->nb_inplace_remainder, &of_scalars->nb_inplace_remainder, array_inplace_remainder},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        update_slowly[known[i].which] = *known[i].slot;
        *known[i].slot = known[i].update;
        *known[i].of_scalars = NULL;
    }
}

PyNumberMethods array_as_number = {
    .nb_add = array_add,
    .nb_subtract = array_subtract,
    .nb_multiply = array_multiply,
    .nb_true_divide = array_divide,
    .nb_floor_divide = array_floor_divide,
    .nb_remainder = array_remainder,
    .nb_power = array_power,
    .nb_matrix_multiply = array_matmul,
    .nb_and = array_and,
    .nb_or = array_or,
    .nb_xor = array_xor,
    .nb_lshift = array_left_shift,
    .nb_rshift = array_right_shift,
    .nb_negative = array_negative,
    .nb_positive = array_positive,
    .nb_absolute = array_absolute,
    .nb_invert = array_invert,
    .nb_float = array_float,
    .nb_int = array_int,
    .nb_index = array_index,
    .nb_bool = array_bool,
};

/* The buffer protocol: the request goes to the NumPy array that `__array__` gives. */
static int array_getbuffer(PyObject *self, Py_buffer *view, int flags) {
    view->obj = NULL;
    PyObject *array = PyObject_CallMethod(self, "__array__", NULL);
    if (array == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) return -1;
        forget_error(); /* NumPy forgets what is raised here */
        PyErr_SetString(PyExc_BufferError, "interrupted");
        return -1;
    }
    int failed = PyObject_GetBuffer(array, view, flags);
    Py_DECREF(array);
    return failed;
}

PyBufferProcs array_as_buffer = {.bf_getbuffer = array_getbuffer};

PyObject *register_operator(PyObject *module, PyObject *args) {
    const char *name;
    PyObject *op, *function;
    if (!PyArg_ParseTuple(args, "sOO", &name, &op, &function)) return NULL;
    for (int i = 0; i < ALL; i++)
        if (strcmp(operator_names[i], name) == 0) {
            if (i < OPS) {
                known_ops[i] = known_op(op);
                Py_XSETREF(operator_ops[i], Py_NewRef(op));
            }
            Py_XSETREF(operator_functions[i], Py_NewRef(function));
            Py_RETURN_NONE;
        }
    return PyErr_Format(PyExc_ValueError, "there is no operator %s", name);
}

