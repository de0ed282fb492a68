/* Functions that make a small array of numbers and names alone, as `np.zeros((2, 3))` does: what they made once
 * is copied. */
#include "calls.h"

#define MOST_ELEMENTS 1024 /* above, the time of the elements is what counts */

PyObject *default_dtype;
static PyObject *interpreters, *contexts, *default_context;
static PyObject *s_interpreter, *s_blocks, *s_makes_constants, *s_name;

/* `register_settings(interpreters, contexts, default_context, default_dtype)`: thread-local objects with the
 * attributes `interpreter` and `blocks`, and lists of one item. What a function makes depends on these, too. */
PyObject *register_settings(PyObject *module, PyObject *args) {
    if (!PyArg_ParseTuple(args, "OOO!O!", &interpreters, &contexts, &PyList_Type, &default_context, &PyList_Type,
                          &default_dtype))
        return NULL;
    PyObject *held[] = {interpreters, contexts, default_context, default_dtype};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) Py_INCREF(held[i]);
    Py_RETURN_NONE;
}

/* The dtype of new arrays of floats; NULL where they are not plain arrays in the CPU's memory. Borrowed. */
PyObject *dtype_of_new(void) {
    PyObject *interpreter = PyObject_GetAttr(interpreters, s_interpreter), *blocks = PyObject_GetAttr(contexts, s_blocks);
    int is_usual = interpreter == Py_None && blocks != NULL && PyList_GET_SIZE(blocks) == 0 &&
                   PyList_GET_ITEM(default_context, 0) == cpu;
    Py_XDECREF(interpreter);
    Py_XDECREF(blocks);
    forget_error();
    return is_usual ? PyList_GET_ITEM(default_dtype, 0) : NULL;
}

/* Remember the array that the function made, where it is of that kind. */
int learn_constant(Call *call, uint64_t hash, PyObject *const *args, PyObject *result) {
    Value *value = is_array(args[0]) || Py_TYPE(result) != array_type ? NULL : readable(result);
    if (value == NULL || is_set(value->tape) || is_set(((Array *)result)->base) ||
        PyArray_SIZE(ndarray(value->numpy)) > MOST_ELEMENTS || !PyArray_IS_C_CONTIGUOUS(ndarray(value->numpy)))
        return 0;
    for (Py_ssize_t i = 0; i < call->n_operands; i++)
        if (is_array(call->operands[i])) return 0;
    PyObject *makes_constants = PyObject_GetAttr(args[0], s_makes_constants);
    PyObject *name = PyObject_GetAttr(args[0], s_name), *copy = NULL;
    int failed = 0;
    if (makes_constants == Py_True && name != NULL) {
        copy = copy_of(ndarray(value->numpy));
        failed = copy == NULL || remember(call, hash, (Known){.constant = copy, .number = number_of(name)}, NULL);
    }
    if (!failed) forget_error();
    Py_XDECREF(makes_constants);
    Py_XDECREF(name);
    Py_XDECREF(copy);
    return failed ? -1 : 0;
}

/* A copy of what it made; NULL with an exception. */
PyObject *copy_constant(Known *known) {
    PyObject *copy = copy_of(ndarray(known->constant));
    if (copy == NULL) return NULL;
    count_run(known->number);
    saw_something_else();
    return (PyObject *)new_array(new_value(copy), 0);
}

int prepare_constants(void) {
    s_interpreter = PyUnicode_InternFromString("interpreter");
    s_blocks = PyUnicode_InternFromString("blocks");
    s_makes_constants = PyUnicode_InternFromString("makes_constants");
    s_name = PyUnicode_InternFromString("__name__");
    return s_interpreter == NULL || s_blocks == NULL || s_makes_constants == NULL || s_name == NULL ? -1 : 0;
}
