/* Short ways of methods, for arrays that NumPy can read and no gradient depends on. Each gives NULL, without an
 * exception, for what is unusual; errors are raised the long way. */
#include "fast.h"
#include <math.h>

static void count_kernel(int kernel) { count_run(of_kernel[kernel]->number); }

/* NumPy's array, borrowed, or NULL. */
static PyArrayObject *memory_of(PyObject *x) { return Py_TYPE(x) == array_type ? ndarray(at_hand(x)) : NULL; }

/* How `x.T` comes from an array of so many axes, borrowed. */
static PyObject *made_by_transpose(int ndim) {
    static PyObject *known[NPY_MAXDIMS + 1];
    if (known[ndim] == NULL) {
        PyObject *axes = PyTuple_New(ndim), *params;
        for (int i = 0; axes != NULL && i < ndim; i++) PyTuple_SET_ITEM(axes, i, PyLong_FromLong(ndim - 1 - i));
        params = axes == NULL ? NULL : Py_BuildValue("{sN}", "axes", axes);
        known[ndim] = params == NULL ? NULL : new_made_by(of_kernel[TRANSPOSE_KERNEL]->op, params);
        Py_XDECREF(params);
    }
    return known[ndim];
}

static PyObject *transpose(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 0 ? memory_of(self) : NULL;
    PyObject *made_by = memory == NULL ? NULL : made_by_transpose(PyArray_NDIM(memory));
    if (made_by == NULL) return NULL;
    count_kernel(kernel);
    return (PyObject *)new_slice(self, value_of((Array *)self), made_by);
}

/* A view, where NumPy need not copy. Python makes a `MadeBy` of the op when somebody asks: `_view` in
 * runtime/array.py. */
static PyObject *reshape(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    npy_intp sizes[NPY_MAXDIMS];
    PyArrayObject *memory = memory_of(self);
    if (n == 1 && PyTuple_CheckExact(args[0])) {
        n = PyTuple_GET_SIZE(args[0]);
        args = &PyTuple_GET_ITEM(args[0], 0);
    }
    if (memory == NULL || n > NPY_MAXDIMS) return NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!PyLong_CheckExact(args[i])) return NULL;
        sizes[i] = PyLong_AsSsize_t(args[i]);
    }
    PyArray_Dims shape = {sizes, (int)n};
    PyObject *result = PyErr_Occurred() ? NULL : PyArray_Newshape(memory, &shape, NPY_CORDER);
    Array *array = result == NULL ? NULL : new_array(new_value(result), 0);
    if (array == NULL) {
        forget_error();
        return NULL;
    }
    if (is_view_of(result, (PyObject *)memory)) become_view(array, self, Py_NewRef(of_kernel[kernel]->op));
    count_kernel(kernel);
    return (PyObject *)array;
}

static PyObject *ravel(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 0 ? memory_of(self) : NULL;
    if (memory == NULL || !PyArray_IS_C_CONTIGUOUS(memory)) return NULL;
    count_kernel(kernel);
    return (PyObject *)new_slice(self, value_of((Array *)self), of_kernel[kernel]->op);
}

/* NumPy's array, borrowed, under a policy by which NumPy runs everything; or NULL. */
static PyArrayObject *read_by_numpy(PyObject *x) { return runs_by_numpy(0) ? memory_of(x) : NULL; }

/* What NumPy computed. Takes over the reference. */
static PyObject *computed(PyObject *result, int kernel, int is_scalar) {
    if (result == NULL) {
        if (PyErr_ExceptionMatches(PyExc_Exception)) PyErr_Clear();
        return NULL;
    }
    count_kernel(kernel);
    return (PyObject *)new_array(new_value(result), is_scalar);
}

static PyObject *computed_number(int type, const Number *number, int kernel) {
    forget_error();
    if (type < 0) return NULL;
    count_kernel(kernel);
    return (PyObject *)new_number(type, number, sizeof *number);
}

static PyObject *copy(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 0 ? read_by_numpy(self) : NULL;
    return memory == NULL ? NULL : computed(copy_of(memory), kernel, 0);
}

static PyObject *flatten(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 0 ? read_by_numpy(self) : NULL;
    if (memory == NULL || !PyArray_IS_C_CONTIGUOUS(memory)) return NULL;
    count_kernel(RESHAPE_KERNEL);
    return computed(flat_copy_of(memory), kernel, 0);
}

static PyObject *astype(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 1 ? read_by_numpy(self) : NULL;
    PyArray_Descr *dtype = NULL;
    if (memory == NULL || !PyArray_DescrConverter(args[0], &dtype)) {
        forget_error();
        return NULL;
    }
    PyObject *result = cast(memory, dtype);
    Py_DECREF(dtype);
    return result == NULL && !PyErr_Occurred() ? NULL : computed(result, kernel, 0);
}

static PyObject *dot(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 1 ? read_by_numpy(self) : NULL, *other = memory == NULL ? NULL : memory_of(args[0]);
    if (other == NULL) return NULL;
    PyObject *raw[2] = {(PyObject *)memory, (PyObject *)other};
    PyObject *result = run_kernel(of_kernel[kernel], raw, 2, NULL);
    return result == NULL ? NULL : computed(result, kernel, PyArray_NDIM(ndarray(result)) == 0);
}

static PyObject *place(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 0 ? read_by_numpy(self) : NULL;
    Number number;
    npy_intp place;
    if (memory == NULL || !place_of_extreme(kernel, memory, &place)) return NULL;
    memcpy(&number, &place, sizeof place);
    return computed_number(NPY_INTP, &number, kernel);
}

static PyObject *reduction(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 0 ? read_by_numpy(self) : NULL;
    Number number;
    if (memory == NULL) return NULL;
    int type = kernel == MEAN_KERNEL       ? mean_of_all(memory, &number)
               : kernel == VARIANCE_KERNEL ? variance(memory, 0, &number)
                                           : reduce_all(of_kernel[kernel], memory, &number);
    return computed_number(type, &number, kernel);
}

/* The root of the variance. */
static PyObject *deviation(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    Array *found = (Array *)reduction(self, args, n, VARIANCE_KERNEL);
    if (found == NULL) return NULL;
    if (found->number_type == NPY_FLOAT)
        found->number.as_float = sqrtf(found->number.as_float);
    else
        found->number.as_double = sqrt(found->number.as_double);
    count_kernel(kernel);
    return (PyObject *)found;
}

/* What depends on the data leaves no trace in what is remembered: these do not run then. */
static PyObject *item(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyObject *number = n > 0 ? NULL : python_number((Array *)self);
    if (number != NULL || n > 0 || PyErr_Occurred()) return number;
    PyArrayObject *memory = ndarray(at_hand(self));
    return memory == NULL || PyArray_SIZE(memory) != 1 ? NULL : PyArray_GETITEM(memory, PyArray_BYTES(memory));
}

static PyObject *tolist(PyObject *self, PyObject *const *args, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 0 ? memory_of(self) : NULL;
    if (memory == NULL || PyArray_NDIM(memory) == 0) return NULL;
    PyObject *list = list_of_floats(memory);
    return list != NULL || PyErr_Occurred() ? list : PyArray_ToList(memory);
}

/* The short way of the method, or property, of this name; NULL where there is none. */
const Shortcut *shortcut_of(const char *name) {
    static const Shortcut known[] = {
        {"T", transpose, TRANSPOSE_KERNEL},
        {"transpose", transpose, TRANSPOSE_KERNEL},
        {"reshape", reshape, RESHAPE_KERNEL},
        {"ravel", ravel, RESHAPE_KERNEL},
        {"copy", copy, COPY_KERNEL},
        {"flatten", flatten, COPY_KERNEL},
        {"astype", astype, CAST_KERNEL},
        {"dot", dot, PRODUCT_KERNEL},
        {"argmax", place, ARGMAX_KERNEL},
        {"argmin", place, ARGMIN_KERNEL},
        {"sum", reduction, SUM_KERNEL},
        {"prod", reduction, PROD_KERNEL},
        {"max", reduction, MAX_KERNEL},
        {"min", reduction, MIN_KERNEL},
        {"any", reduction, ANY_KERNEL},
        {"all", reduction, ALL_KERNEL},
        {"mean", reduction, MEAN_KERNEL},
        {"var", reduction, VARIANCE_KERNEL},
        {"std", deviation, ROOT_KERNEL},
        {"item", item, NO_KERNEL},
        {"tolist", tolist, NO_KERNEL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return &known[i];
    return NULL;
}
