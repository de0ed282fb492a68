/* What Python calls for x + y, x[i], float(x), len(x), and buffers. */
#include "fast.h"

PyObject *getitem; /* (array, key) in Python */

enum { ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, REMAINDER, POWER, MATMUL, AND, OR, XOR, BINARY };
enum { LESS = BINARY, LESS_EQUAL, EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, NEGATIVE, POSITIVE, ABSOLUTE, INVERT, OPS };
enum { FLOAT = OPS, INT, BOOL, INDEX, LENGTH, IS_CONTIGUOUS, ALL };

static const char *const operator_names[ALL] = {
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or",  "xor",
    "lt",  "le",  "eq",  "ne",      "gt",       "ge",  "neg", "pos",    "abs", "invert",
    "float", "int", "bool", "index", "len", "is_contiguous",
};
static PyObject *operator_ops[OPS];       /* the op of the table */
static PyObject *operator_functions[ALL]; /* (x, y) or (x,) in Python, for what is not run here */

static PyObject *apply(int which, PyObject *x, PyObject *y) {
    PyObject *args[2] = {x, y};
    Py_ssize_t n = y == NULL ? 1 : 2;
    PyObject *result = run_here(operator_ops[which], args, n, NULL);
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

/* NumPy's array, borrowed, where no gradient depends on it; NULL without an exception where Python has to look. */
static PyObject *at_hand(PyObject *self) {
    PyObject *tape = NULL;
    Value *value = readable(self);
    if (value != NULL && live_tape(value, &tape) == 0) return value->numpy;
    PyErr_Clear();
    return NULL;
}

static PyObject *in_python(int which, PyObject *self) { return PyObject_CallOneArg(operator_functions[which], self); }

static int is_real(PyArrayObject *array) { return PyArray_ISFLOAT(array) || PyArray_ISINTEGER(array); }

/* The number that stands in an array without axes. A call in which this happens depends on data. */
static PyObject *number_in(PyObject *self, int which, PyObject *(*numpys)(PyObject *)) {
    PyObject *array = at_hand(self);
    saw_something_else();
    return array != NULL && PyArray_NDIM(ndarray(array)) == 0 && is_real(ndarray(array)) ? numpys(array)
                                                                                         : in_python(which, self);
}

static PyObject *array_float(PyObject *self) { return number_in(self, FLOAT, PyNumber_Float); }
static PyObject *array_int(PyObject *self) { return number_in(self, INT, PyNumber_Long); }
static PyObject *array_index(PyObject *self) { return number_in(self, INDEX, PyNumber_Index); }

static int array_bool(PyObject *self) {
    PyObject *array = at_hand(self);
    saw_something_else();
    if (array != NULL && PyArray_NDIM(ndarray(array)) == 0) return PyObject_IsTrue(array);
    PyObject *answer = in_python(BOOL, self);
    int is_true = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return is_true;
}

static Py_ssize_t array_length(PyObject *self) {
    Value *value = is_array(self) ? readable(self) : NULL;
    if (value != NULL && PyArray_NDIM(ndarray(value->numpy)) > 0) return PyArray_DIM(ndarray(value->numpy), 0);
    PyObject *length = in_python(LENGTH, self);
    Py_ssize_t found = length == NULL ? -1 : PyLong_AsSsize_t(length);
    Py_XDECREF(length);
    return found;
}

/* Whether the elements stand in memory in C order. */
PyObject *array_is_contiguous(PyObject *self, void *closure) {
    Value *value = readable(self);
    return value == NULL ? in_python(IS_CONTIGUOUS, self)
                         : PyBool_FromLong(PyArray_IS_C_CONTIGUOUS(ndarray(value->numpy)));
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
    .nb_negative = array_negative,
    .nb_positive = array_positive,
    .nb_absolute = array_absolute,
    .nb_invert = array_invert,
    .nb_float = array_float,
    .nb_int = array_int,
    .nb_index = array_index,
    .nb_bool = array_bool,
};

/* Whether a key is made of integers, slices, None and Ellipsis only. */
static int is_basic(PyObject *key) {
    if (PyTuple_CheckExact(key)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); i++) {
            PyObject *part = PyTuple_GET_ITEM(key, i);
            if (PyTuple_CheckExact(part) || !is_basic(part)) return 0;
        }
        return 1;
    }
    if (PySlice_Check(key)) {
        PySliceObject *slice = (PySliceObject *)key;
        PyObject *bounds[3] = {slice->start, slice->stop, slice->step};
        for (int i = 0; i < 3; i++)
            if (bounds[i] != Py_None && !PyLong_CheckExact(bounds[i])) return 0;
        return 1;
    }
    return PyLong_CheckExact(key) || key == Py_None || key == Py_Ellipsis;
}

/* Whether a basic key is one slice, or several, that an array of so many axes takes. */
static int is_slices(PyObject *key, int ndim) {
    if (PyTuple_CheckExact(key)) {
        if (PyTuple_GET_SIZE(key) == 0 || PyTuple_GET_SIZE(key) > ndim) return 0; /* () may give a number */
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); i++)
            if (!is_slices(PyTuple_GET_ITEM(key, i), 1)) return 0;
        return 1;
    }
    if (!PySlice_Check(key) || ndim < 1) return 0;
    PyObject *step = ((PySliceObject *)key)->step;
    return step == Py_None || PyObject_IsTrue(step) == 1;
}

/* A list of integers as an array, which NumPy makes of it in three times the time; other lists are left to it. */
static PyObject *integers(PyObject *list) {
    npy_intp length = PyList_GET_SIZE(list);
    PyObject *array = length == 0 ? NULL : PyArray_SimpleNew(1, &length, NPY_INTP);
    for (npy_intp i = 0; array != NULL && i < length; i++) {
        PyObject *item = PyList_GET_ITEM(list, i);
        Py_ssize_t number = PyLong_CheckExact(item) ? PyLong_AsSsize_t(item) : -1;
        if (number == -1 && (PyErr_Occurred() || !PyLong_CheckExact(item)))
            Py_CLEAR(array);
        else
            ((npy_intp *)PyArray_DATA(ndarray(array)))[i] = number;
    }
    PyErr_Clear();
    return array;
}

/* A key that may hold arrays and lists, as NumPy takes it; NULL, without an exception, for what Python has to
 * look at. */
static PyObject *numpys_key(PyObject *key) {
    if (PyTuple_CheckExact(key)) {
        PyObject *parts = PyTuple_New(PyTuple_GET_SIZE(key));
        for (Py_ssize_t i = 0; parts != NULL && i < PyTuple_GET_SIZE(key); i++) {
            PyObject *item = PyTuple_GET_ITEM(key, i);
            PyObject *part = PyTuple_CheckExact(item) ? NULL : numpys_key(item);
            if (part == NULL)
                Py_CLEAR(parts);
            else
                PyTuple_SET_ITEM(parts, i, part);
        }
        return parts;
    }
    if (is_basic(key)) return Py_NewRef(key);
    if (PyList_CheckExact(key)) return integers(key);
    if (is_ndarray(key)) return Py_NewRef(key);
    return Py_TYPE(key) == array_type ? Py_XNewRef(at_hand(key)) : NULL;
}

/* The op `index`, of arrays without a gradient; on the CPU NumPy runs it under every policy. */
static PyObject *index_here(PyObject *self, PyObject *key) {
    if (Py_TYPE(self) != array_type || at_hand(self) == NULL) return NULL;
    Value *source = value_of((Array *)self);
    Array *array;
    if (is_slices(key, PyArray_NDIM(ndarray(source->numpy))) && is_basic(key))
        array = new_slice(self, source, key);
    else {
        PyObject *plain = numpys_key(key), *result = plain == NULL ? NULL : PyObject_GetItem(source->numpy, plain);
        Py_XDECREF(plain);
        if (result == NULL) {
            PyErr_Clear(); /* Python raises it with the line */
            return NULL;
        }
        int is_scalar = !is_ndarray(result);
        if (is_scalar && !PyArray_IsScalar(result, Number) && !PyArray_IsScalar(result, Bool))
            return result; /* a text, an object, a record */
        int is_view = !is_scalar && is_view_of(result, source->numpy);
        if (is_scalar) Py_SETREF(result, PyArray_FromScalar(result, NULL));
        array = result == NULL ? NULL : new_array(new_value(result), is_scalar);
        if (array != NULL && is_view) become_view(array, self, Py_NewRef(key));
    }
    count_index();
    saw_something_else();
    return (PyObject *)array;
}

PyObject *array_subscript(PyObject *self, PyObject *key) {
    PyObject *result = index_here(self, key);
    if (result != NULL || PyErr_Occurred()) return result;
    PyObject *args[2] = {self, key};
    return PyObject_Vectorcall(getitem, args, 2, NULL);
}

PyMappingMethods array_as_mapping = {.mp_subscript = array_subscript, .mp_length = array_length};

/* The buffer protocol: the request goes to the NumPy array that `__array__` gives. */
static int array_getbuffer(PyObject *self, Py_buffer *view, int flags) {
    view->obj = NULL;
    PyObject *array = PyObject_CallMethod(self, "__array__", NULL);
    if (array == NULL) return -1;
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
            if (i < OPS) Py_XSETREF(operator_ops[i], Py_NewRef(op));
            Py_XSETREF(operator_functions[i], Py_NewRef(function));
            Py_RETURN_NONE;
        }
    return PyErr_Format(PyExc_ValueError, "there is no operator %s", name);
}

