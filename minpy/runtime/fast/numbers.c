/* MinPy's numbers, without an array for each. */
#include "fast.h"
#include <float.h>
#include <math.h>

/* The number as one of Python: NULL, without an exception, where it is not held alone. */
PyObject *python_number(Array *x) {
    if (x->holds != HOLDS_NUMBER) return NULL;
    if (x->number_type == NPY_DOUBLE) return PyFloat_FromDouble(x->number.as_double);
    if (x->number_type == NPY_FLOAT) return PyFloat_FromDouble(x->number.as_float);
    PyArray_Descr *dtype = PyArray_DescrFromType(x->number_type);
    PyObject *number = dtype->f->getitem(&x->number, NULL);
    Py_DECREF(dtype);
    return number;
}

/* The elements of an array of one axis, as a list; NULL, without an exception, for other arrays than those of floats. */
PyObject *list_of_floats(PyArrayObject *array) {
    int type = PyArray_TYPE(array);
    if (PyArray_NDIM(array) != 1 || !PyArray_ISBEHAVED_RO(array) || (type != NPY_FLOAT && type != NPY_DOUBLE)) return NULL;
    PyObject *list = PyList_New(PyArray_DIM(array, 0));
    for (npy_intp i = 0; list != NULL && i < PyArray_DIM(array, 0); i++) {
        const void *data = PyArray_BYTES(array) + i * PyArray_STRIDE(array, 0);
        PyObject *number = PyFloat_FromDouble(type == NPY_FLOAT ? *(const float *)data : *(const double *)data);
        if (number == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, number);
    }
    return list;
}

/* Whether it is an integer of MinPy, as most come from: one that was read from an array of indices. */
int read_integer(PyObject *x, npy_intp *number) {
    const Array *array = (const Array *)x;
    if (Py_TYPE(x) != scalar_type || array->holds != HOLDS_NUMBER || array->number_type != NPY_INTP) return 0;
    memcpy(number, &array->number, sizeof *number);
    return 1;
}

/* A number, of Python or of MinPy, as an element of an array of this type. Whether it fits, and does not decide the dtype of
 * what NumPy makes of both. */
int read_number(PyObject *x, int type, Number *number) {
    const Array *array = (const Array *)x;
    if (Py_TYPE(x) == scalar_type && array->holds == HOLDS_NUMBER && array->number_type == type) {
        *number = array->number;
        return 1;
    }
    int overflow = 0;
    long whole = PyLong_CheckExact(x) ? PyLong_AsLongAndOverflow(x, &overflow) : 0;
    if (overflow) return 0;
    if (type == NPY_LONG && PyLong_CheckExact(x)) {
        number->as_long = whole;
        return 1;
    }
    if (PyFloat_CheckExact(x)) {
        if (fabs(PyFloat_AS_DOUBLE(x)) > FLT_MAX) return 0; /* of larger ones the dtype depends on the value */
        number->as_double = PyFloat_AS_DOUBLE(x);
    } else {
        if (!PyLong_CheckExact(x) || whole < -(1L << 15) || whole >= 1L << 16) return 0; /* they make float64 of float32 */
        number->as_double = (double)whole;
    }
    if (type == NPY_FLOAT) number->as_float = (float)number->as_double;
    return type == NPY_FLOAT || type == NPY_DOUBLE;
}

typedef struct {
    double number;
    int type; /* NPY_FLOAT, NPY_DOUBLE, or NPY_LONG for an integer of Python */
} Operand;

/* Whether it is a float, of MinPy or of Python, or an integer of Python, and no gradient depends on it. */
static int read_operand(PyObject *x, Operand *found) {
    if (PyFloat_CheckExact(x)) {
        *found = (Operand){PyFloat_AS_DOUBLE(x), NPY_DOUBLE};
        return 1;
    }
    if (PyLong_CheckExact(x)) {
        int overflow;
        *found = (Operand){(double)PyLong_AsLongAndOverflow(x, &overflow), NPY_LONG};
        return !overflow;
    }
    if (Py_TYPE(x) != scalar_type) return 0;
    const Array *array = (const Array *)x;
    const void *data = &array->number;
    int type = array->number_type;
    if (array->holds != HOLDS_NUMBER) {
        PyArrayObject *numpy = ndarray(at_hand(x));
        if (numpy == NULL || !PyArray_ISBEHAVED_RO(numpy)) return 0;
        type = PyArray_TYPE(numpy);
        data = PyArray_DATA(numpy);
    }
    if (type == NPY_FLOAT)
        *found = (Operand){*(const float *)data, type};
    else if (type == NPY_DOUBLE)
        *found = (Operand){*(const double *)data, type};
    else
        return 0;
    return 1;
}

#define RESULT(type, x, y, operation) ((type)(x).number operation (type)(y).number)
#define ARITHMETIC(operation)                                                           \
    if (is_float)                                                                       \
        as_float = RESULT(float, x, y, operation);                                      \
    else                                                                                \
        as_double = RESULT(double, x, y, operation);                                    \
    break
#define TEST(operation) /* float32 numbers compare as the same numbers do in float64 */ \
    answer = x.number operation y.number;                                               \
    break

/* What an operator makes of one number or two, as NumPy's scalars do; NULL, without an exception, where NumPy has to do
 * it: it may warn. */
PyObject *number_of_numbers(int kernel, PyObject *one, PyObject *other) {
    Operand x, y;
    if (!read_operand(one, &x)) return NULL;
    if (kernel == NEGATIVE_KERNEL)
        y = x;
    else if (other == NULL || !read_operand(other, &y) || (x.type == NPY_LONG && y.type == NPY_LONG))
        return NULL;
    int is_float = x.type == NPY_FLOAT && y.type == NPY_FLOAT;
    volatile float as_float = 0; /* computed before the flags are read */
    volatile double as_double = 0;
    volatile npy_bool answer = 0;
    switch (kernel) {
    case ADD_KERNEL: ARITHMETIC(+);
    case SUBTRACT_KERNEL: ARITHMETIC(-);
    case MULTIPLY_KERNEL: ARITHMETIC(*);
    case DIVIDE_KERNEL: ARITHMETIC(/);
    case NEGATIVE_KERNEL:
        as_float = -(float)x.number;
        as_double = -x.number;
        break;
    case LESS_KERNEL: TEST(<);
    case LESS_EQUAL_KERNEL: TEST(<=);
    case EQUAL_KERNEL: TEST(==);
    case NOT_EQUAL_KERNEL: TEST(!=);
    case GREATER_KERNEL: TEST(>);
    case GREATER_EQUAL_KERNEL: TEST(>=);
    default: return NULL;
    }
    if (has_raised()) return NULL;
    float in_float = as_float;
    double in_double = as_double;
    npy_bool is_true = answer;
    if (kernel >= LESS_KERNEL) return (PyObject *)new_number(NPY_BOOL, &is_true, sizeof is_true);
    return (PyObject *)(is_float ? new_number(NPY_FLOAT, &in_float, sizeof in_float)
                                 : new_number(NPY_DOUBLE, &in_double, sizeof in_double));
}
