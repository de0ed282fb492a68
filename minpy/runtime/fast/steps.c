/* The steps of a route, which look at the arguments of a call as signature and guards do. */
#include "routes.h"

enum { FIXED, ATTRIBUTE, ITEM, CALL, IS, SAME, TYPE, EQUAL, LENGTH, KEYS, FLOATS, ARRAYS, HOLDS };
#define MOST_OPERANDS 256 /* of a function that a step calls; as in compiler/routes.py */

static const char *const step_names[] = {"fixed", "attribute", "item",   "call", "is",    "same",  "type",
                                         "equal", "length",    "keys",   "float", "array", "holds"};
enum { STEPS = sizeof step_names / sizeof *step_names };

static PyObject *s_current, *s_numpy;

int prepare_steps(void) {
    s_current = PyUnicode_InternFromString("_current");
    s_numpy = PyUnicode_InternFromString("numpy");
    return s_current == NULL || s_numpy == NULL ? -1 : 0;
}

/* Whether the step reads a value into the next register. */
int reads(const Step *step) { return step->kind <= CALL; }

int prepare_step(Step *step, PyObject *given, Py_ssize_t n_registers) {
    const char *name;
    PyObject *x = Py_None, *shape = NULL, *dtype = NULL;
    int at = 0, flags = 0;
    if (!PyArg_ParseTuple(given, "s|iOiOO", &name, &at, &x, &flags, &shape, &dtype)) return -1;
    step->kind = 0;
    while (step->kind < STEPS && strcmp(step_names[step->kind], name)) step->kind++;
    if (step->kind == STEPS || at < 0 || at >= (n_registers ? n_registers : 1) || (shape && !PyTuple_Check(shape))) {
        PyErr_Format(PyExc_ValueError, "no step: %R", given);
        return -1;
    }
    step->at = at;
    step->flags = flags;
    if (step->kind == ARRAYS) {
        step->ndim = (int)PyTuple_GET_SIZE(shape);
        if (step->ndim > 8) {
            PyErr_SetString(PyExc_ValueError, "too many axes");
            return -1;
        }
        for (int i = 0; i < step->ndim; i++) step->dims[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
        x = dtype;
    }
    step->object = Py_NewRef(x);
    return PyErr_Occurred() ? -1 : 0;
}

/* NumPy's array on the CPU in an array, a new reference; NULL where there is none, or a gradient watches it. */
PyObject *raw_of(PyObject *x, int classes) {
    if (is_ndarray(x)) return classes & NDARRAYS ? Py_NewRef(x) : NULL;
    PyTypeObject *type = Py_TYPE(x);
    int is_known = (type == array_type && classes & MINPY_ARRAYS) || (type == scalar_type && classes & MINPY_SCALARS);
    if (!is_known) return NULL;
    Value *value = readable(x);
    PyObject *current = NULL, *raw = NULL, *tape = NULL;
    if (value == NULL) { /* a view that is out of date, or an array of MXNet's */
        current = PyObject_CallMethodNoArgs(x, s_current);
        if (current == NULL || Py_TYPE(current) != value_type) goto done;
        value = (Value *)current;
        if (value->context != cpu) goto done;
    }
    if (live_tape(value, &tape) != 0) goto done;
    raw = is_set(value->numpy) ? Py_NewRef(value->numpy) : PyObject_CallMethodNoArgs((PyObject *)value, s_numpy);
done:
    Py_XDECREF(current);
    return raw;
}

static int is_like(const Step *step, PyArrayObject *array) {
    if (PyArray_NDIM(array) != step->ndim) return 0;
    for (int i = 0; i < step->ndim; i++)
        if (PyArray_DIM(array, i) != step->dims[i]) return 0;
    return (PyObject *)PyArray_DESCR(array) == step->object;
}

static PyObject *call_step(const Step *step, const Register *registers) {
    PyObject *args[MOST_OPERANDS];
    Py_ssize_t n = PyTuple_GET_SIZE(step->object) - 1; /* the function, its operands */
    if (n > MOST_OPERANDS) return NULL;
    for (Py_ssize_t i = 0; i < n; i++) args[i] = registers[PyLong_AsSsize_t(PyTuple_GET_ITEM(step->object, i + 1))].object;
    return PyObject_Vectorcall(PyTuple_GET_ITEM(step->object, 0), args, n, NULL);
}

/* What a step reads, a new reference. */
PyObject *read_step(const Step *step, const Register *registers) {
    PyObject *x = registers[step->at].object, *key = step->object;
    switch (step->kind) {
    case FIXED: return Py_NewRef(key);
    case CALL: return call_step(step, registers);
    case ATTRIBUTE: return PyObject_GetAttr(x, key);
    default: return PyDict_CheckExact(x) ? Py_XNewRef(PyDict_GetItemWithError(x, key)) : PyObject_GetItem(x, key);
    }
}

static int has_keys(PyObject *dict, PyObject *keys) {
    if (!PyDict_Check(dict) || PyDict_GET_SIZE(dict) != PyTuple_GET_SIZE(keys)) return 0;
    PyObject *key, *item;
    Py_ssize_t position = 0, i = 0;
    while (PyDict_Next(dict, &position, &key, &item)) {
        PyObject *expected = PyTuple_GET_ITEM(keys, i++);
        if (key == expected) continue;
        Py_INCREF(key);
        int same = PyObject_RichCompareBool(key, expected, Py_EQ);
        Py_DECREF(key);
        if (same <= 0 || PyDict_GET_SIZE(dict) != PyTuple_GET_SIZE(keys)) return 0;
    }
    return 1;
}

/* Whether what a step looks at is as it has to be. */
int holds(const Step *step, Register *registers) {
    Register *at = &registers[step->at];
    PyObject *x = at->object, *expected = step->object;
    switch (step->kind) {
    case IS: return x == expected;
    case SAME: return x == registers[step->flags].object;
    case TYPE: return (PyObject *)Py_TYPE(x) == expected;
    case EQUAL: return x == expected || (Py_TYPE(x) == Py_TYPE(expected) && PyObject_RichCompareBool(x, expected, Py_EQ) == 1);
    case LENGTH: return PyObject_Size(x) == step->flags;
    case KEYS: return has_keys(x, expected);
    case FLOATS: { /* one that float32 can hold, or not: see `_sign` in plans.py */
        if (!PyFloat_CheckExact(x)) return 0;
        double number = PyFloat_AS_DOUBLE(x);
        return (!(-3.4028234663852886e38 <= number && number <= 3.4028234663852886e38) && number - number == 0) == step->flags;
    }
    case ARRAYS:
        if (at->raw == NULL) at->raw = raw_of(x, step->flags);
        return at->raw != NULL && is_like(step, ndarray(at->raw));
    default: {
        PyObject *answer = call_step(step, registers);
        int is_true = answer != NULL && PyObject_IsTrue(answer) == 1;
        Py_XDECREF(answer);
        return is_true;
    }
    }
}
