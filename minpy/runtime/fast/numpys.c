/* Functions of several ops, where NumPy would run each of them and no gradient is open: NumPy's own function of
 * that name on the memory, once it is known what the result has to look like. */
#include "calls.h"

static PyObject *s_numpy, *s_count, *s_name, *s_is_numpys;

/* What kind of result it is: numbers, arrays, their dtypes and shapes. 0 for anything else. */
static uint64_t look_of(PyObject *result) {
    int is_list = PyList_CheckExact(result);
    if (is_list || PyTuple_CheckExact(result)) {
        uint64_t look = 2 + is_list;
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(result); i++) {
            uint64_t part = look_of(PySequence_Fast_GET_ITEM(result, i));
            if (part == 0) return 0;
            look = look * 0x9E3779B97F4A7C15u + part;
        }
        return look;
    }
    Value *value = is_array(result) ? readable(result) : NULL;
    if (value == NULL) return 0;
    PyArrayObject *array = ndarray(value->numpy);
    uint64_t look = (uint64_t)(intptr_t)PyArray_DESCR(array) * 31 + (uint64_t)(Py_TYPE(result) == scalar_type);
    for (int axis = 0; axis < PyArray_NDIM(array); axis++)
        look = (look ^ (uint64_t)PyArray_DIM(array, axis)) * 0x9E3779B97F4A7C15u + 1;
    return look | 1;
}

/* Remember that NumPy's function gives the result, where it is one of the table and nothing else is special. */
int learn_numpys(Call *call, uint64_t hash, PyObject *const *args, Py_ssize_t n, PyObject *kwnames,
                        Seen *what, PyObject *result) {
    uint64_t look = look_of(result);
    char holds_for_decisions = !what->by_python;
    if (look == 0 || is_array(args[0]) || !runs_by_numpy(holds_for_decisions)) return 0;
    PyObject *names[] = {s_numpy, s_count, s_name, s_is_numpys}, *found[4] = {NULL};
    int failed = 0;
    for (int i = 0; i < 4; i++) found[i] = PyObject_GetAttr(args[0], names[i]);
    if (found[0] != NULL && found[1] != NULL && found[2] != NULL && found[3] == Py_True) {
        Py_ssize_t count = PyLong_AsSsize_t(found[1]), all = n + (kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames));
        int is_usual = 1; /* no array to write to, no mask */
        for (Py_ssize_t i = 1 + count; i < all; i++) is_usual = is_usual && !is_array(args[i]);
        for (Py_ssize_t i = n; i < all; i++) is_usual = is_usual && !is_array(args[i]);
        if (is_usual)
            failed = remember(call, hash,
                              (Known){.numpy = found[0], .result = look, .number = number_of(found[2]),
                                      .holds_for_decisions = holds_for_decisions},
                              NULL);
    }
    forget_error();
    for (int i = 0; i < 4; i++) Py_XDECREF(found[i]);
    return failed;
}

/* A list or tuple of what `change` makes of the items; NULL, without an exception, for anything else. */
static PyObject *each(PyObject *x, PyObject *(*change)(PyObject *, const Call *), const Call *call) {
    int is_list = PyList_CheckExact(x);
    if (!is_list && !PyTuple_CheckExact(x)) return NULL;
    Py_ssize_t length = PySequence_Fast_GET_SIZE(x);
    PyObject *copy = is_list ? PyList_New(length) : PyTuple_New(length);
    for (Py_ssize_t i = 0; copy != NULL && i < length; i++) {
        PyObject *item = change(PySequence_Fast_GET_ITEM(x, i), call);
        if (item == NULL)
            Py_CLEAR(copy);
        else if (is_list)
            PyList_SET_ITEM(copy, i, item);
        else
            PyTuple_SET_ITEM(copy, i, item);
    }
    return copy;
}

/* NumPy's array or number for one of MinPy, also within lists; NULL where Python has to do it. */
static PyObject *plain_argument(PyObject *x, const Call *call) {
    if (is_array(x)) {
        PyObject *tape = NULL;
        Value *value = readable(x);
        if (value == NULL || live_tape(value, &tape) != 0) return NULL;
        return Py_TYPE(x) == scalar_type ? PyArray_ToScalar(PyArray_DATA(ndarray(value->numpy)), ndarray(value->numpy))
                                         : Py_NewRef(value->numpy);
    }
    return PyList_CheckExact(x) || PyTuple_CheckExact(x) ? each(x, plain_argument, call) : Py_NewRef(x);
}

static PyObject *memory_of(PyObject *array) {
    while (PyArray_BASE(ndarray(array)) != NULL && PyArray_Check(PyArray_BASE(ndarray(array))))
        array = PyArray_BASE(ndarray(array));
    return array;
}

/* NumPy's result as MinPy's; NULL where it shows the memory of an argument, or is nothing of the kind. */
static PyObject *boxed_result(PyObject *x, const Call *call) {
    if (is_ndarray(x)) {
        for (Py_ssize_t i = 0; i < call->n_operands; i++)
            if (is_array(call->operands[i]) &&
                memory_of(x) == memory_of(value_of((Array *)call->operands[i])->numpy))
                return NULL;
        return (PyObject *)new_array(new_value(Py_NewRef(x)), 0);
    }
    if (PyArray_IsScalar(x, Number) || PyArray_IsScalar(x, Bool)) {
        PyObject *array = PyArray_FromScalar(x, NULL);
        return array == NULL ? NULL : (PyObject *)new_array(new_value(array), 1);
    }
    return each(x, boxed_result, call);
}

/* What NumPy's function gives; NULL, without an exception, where Python has to do it: it raises NumPy's errors
 * once more, with the user's line. An interrupt is passed on. */
PyObject *call_numpys(Known *known, Call *call, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    if (known->numpy == NULL || !runs_by_numpy(known->holds_for_decisions)) return NULL;
    PyObject *plain[MOST_OBJECTS], *numpy = Py_NewRef(known->numpy), *raw = NULL, *result = NULL;
    Py_ssize_t all = n - 1 + (kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames)), ready = 0;
    uint64_t look = known->result;
    long number = known->number;
    while (all <= MOST_OBJECTS && ready < all && (plain[ready] = plain_argument(args[1 + ready], call)) != NULL) ready++;
    if (ready == all) {
        raw = PyObject_Vectorcall(numpy, plain, n - 1, kwnames);
        result = raw == NULL ? NULL : boxed_result(raw, call);
        if (raw != NULL && (result == NULL || look_of(result) != look)) {
            Py_CLEAR(result);
            Known **place = look_up(call, hash_of(call));
            if (*place != NULL) Py_CLEAR((*place)->numpy); /* it is not as simple as that */
        }
    }
    while (ready > 0) Py_DECREF(plain[--ready]);
    Py_DECREF(numpy);
    Py_XDECREF(raw);
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_Exception)) PyErr_Clear();
    if (result != NULL) {
        count_run(number);
        saw_something_else();
    }
    return result;
}

int prepare_numpys(void) {
    s_numpy = PyUnicode_InternFromString("numpy");
    s_count = PyUnicode_InternFromString("most_arrays");
    s_name = PyUnicode_InternFromString("__name__");
    s_is_numpys = PyUnicode_InternFromString("is_numpys");
    return s_is_numpys == NULL || s_numpy == NULL || s_count == NULL || s_name == NULL ? -1 : 0;
}
