/* Short ways of methods, for arrays that NumPy can read and no gradient depends on. Each gives NULL, without an
 * exception, for what is unusual; errors are raised the long way. */
#include "fast.h"

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

static PyObject *transpose(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *memory = n == 0 ? memory_of(self) : NULL;
    PyObject *made_by = memory == NULL ? NULL : made_by_transpose(PyArray_NDIM(memory));
    if (made_by == NULL) return NULL;
    count_kernel(TRANSPOSE_KERNEL);
    return (PyObject *)new_slice(self, value_of((Array *)self), made_by);
}

/* A view, where NumPy need not copy. Python makes a `MadeBy` of the op when somebody asks: `_view` in
 * runtime/array.py. */
static PyObject *reshaped(PyObject *self, PyArrayObject *memory, npy_intp *sizes, int ndim) {
    PyArray_Dims shape = {sizes, ndim};
    PyObject *result = PyArray_Newshape(memory, &shape, NPY_CORDER);
    Array *array = result == NULL ? NULL : new_array(new_value(result), 0);
    if (array == NULL) {
        PyErr_Clear();
        return NULL;
    }
    if (is_view_of(result, (PyObject *)memory)) become_view(array, self, Py_NewRef(of_kernel[RESHAPE_KERNEL]->op));
    count_kernel(RESHAPE_KERNEL);
    return (PyObject *)array;
}

static PyObject *reshape(PyObject *self, PyObject *const *args, Py_ssize_t n) {
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
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return NULL;
    }
    return reshaped(self, memory, sizes, (int)n);
}

static PyObject *ravel(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *memory = n == 0 ? memory_of(self) : NULL;
    if (memory == NULL || !PyArray_IS_C_CONTIGUOUS(memory)) return NULL;
    npy_intp size = PyArray_SIZE(memory);
    return reshaped(self, memory, &size, 1);
}

/* What NumPy computed under a policy by which it runs everything. Takes over the reference. */
static PyObject *computed(PyObject *result, int kernel, int is_scalar) {
    if (result == NULL) {
        if (PyErr_ExceptionMatches(PyExc_Exception)) PyErr_Clear();
        return NULL;
    }
    count_kernel(kernel);
    return (PyObject *)new_array(new_value(result), is_scalar);
}

static PyObject *copy(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *memory = n == 0 && runs_by_numpy(0) ? memory_of(self) : NULL;
    return memory == NULL ? NULL : computed(PyArray_NewCopy(memory, NPY_CORDER), COPY_KERNEL, 0);
}

static PyObject *flatten(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *memory = n == 0 && runs_by_numpy(0) ? memory_of(self) : NULL;
    if (memory == NULL || !PyArray_IS_C_CONTIGUOUS(memory)) return NULL;
    PyObject *result = computed(PyArray_Flatten(memory, NPY_CORDER), COPY_KERNEL, 0);
    if (result != NULL) count_kernel(RESHAPE_KERNEL);
    return result;
}

static PyObject *astype(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *memory = n == 1 && runs_by_numpy(0) ? memory_of(self) : NULL;
    PyArray_Descr *dtype = NULL;
    if (memory == NULL || !PyArray_DescrConverter(args[0], &dtype)) {
        PyErr_Clear();
        return NULL;
    }
    PyObject *result = cast(memory, (PyObject *)dtype);
    Py_DECREF(dtype);
    return result == NULL && !PyErr_Occurred() ? NULL : computed(result, CAST_KERNEL, 0);
}

static PyObject *dot(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *memory = n == 1 && runs_by_numpy(0) ? memory_of(self) : NULL;
    PyArrayObject *other = memory == NULL ? NULL : memory_of(args[0]);
    if (other == NULL) return NULL;
    PyObject *raw[2] = {(PyObject *)memory, (PyObject *)other};
    PyObject *result = run_kernel(PRODUCT_KERNEL, NULL, raw, 2, NULL);
    return result == NULL ? NULL : computed(result, PRODUCT_KERNEL, PyArray_NDIM(ndarray(result)) == 0);
}

static PyObject *place(PyObject *self, Py_ssize_t n, int kernel) {
    PyArrayObject *memory = n == 0 && runs_by_numpy(0) ? memory_of(self) : NULL;
    return memory == NULL ? NULL : computed(place_of_extreme(kernel, memory, NPY_MAXDIMS), kernel, 1);
}

static PyObject *argmax(PyObject *self, PyObject *const *args, Py_ssize_t n) { return place(self, n, ARGMAX_KERNEL); }

static PyObject *argmin(PyObject *self, PyObject *const *args, Py_ssize_t n) { return place(self, n, ARGMIN_KERNEL); }

/* What depends on the data leaves no trace in what is remembered: these do not run then. */
static PyObject *item(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyObject *number = n > 0 ? NULL : python_number((Array *)self);
    if (number != NULL || n > 0 || PyErr_Occurred()) return number;
    PyArrayObject *memory = ndarray(at_hand(self));
    return memory == NULL || PyArray_SIZE(memory) != 1 ? NULL : PyArray_GETITEM(memory, PyArray_BYTES(memory));
}

static PyObject *tolist(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *memory = n == 0 ? memory_of(self) : NULL;
    return memory == NULL || PyArray_NDIM(memory) == 0 ? NULL : PyArray_ToList(memory);
}

static PyObject *dtype(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Value *value = readable(self);
    return value == NULL ? NULL : Py_NewRef((PyObject *)PyArray_DESCR(ndarray(value->numpy)));
}

static PyObject *size(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Value *value = readable(self);
    return value == NULL ? NULL : PyLong_FromSsize_t(PyArray_SIZE(ndarray(value->numpy)));
}

/* The short way of the method, or property, of this name; NULL where there is none. */
Shortcut shortcut_of(const char *name) {
    static const struct { const char *name; Shortcut shortcut; } known[] = {
        {"T", transpose}, {"transpose", transpose}, {"reshape", reshape}, {"ravel", ravel}, {"copy", copy},
        {"flatten", flatten}, {"astype", astype}, {"dot", dot}, {"argmax", argmax}, {"argmin", argmin}, {"item", item}, {"tolist", tolist},
        {"dtype", dtype}, {"size", size},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return known[i].shortcut;
    return NULL;
}
