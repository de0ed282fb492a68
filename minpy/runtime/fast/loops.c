/* The loops of NumPy's ufuncs, on the memory of small arrays. Of a small call NumPy spends most before and after its
 * loop: it looks for the loop, converts numbers, sets up iterators, makes a number. Here the same loop runs on the same
 * numbers, so it gives the same; where it raises a floating point exception NumPy does it again, and may warn. */
#include "fast.h"
#include <numpy/ufuncobject.h>
#include <fenv.h>

#define MOST_ELEMENTS 16384 /* above, what NumPy spends around its loop no longer counts, and it lets others run */

int prepare_loops(void) { return _import_umath(); }

/* Whether a loop can take the elements one after another. */
int is_plain(PyObject *x) {
    return is_ndarray(x) && PyArray_IS_C_CONTIGUOUS(ndarray(x)) && PyArray_ISBEHAVED_RO(ndarray(x)) &&
           PyTypeNum_ISNUMBER(PyArray_TYPE(ndarray(x)));
}

/* Find the ufunc whose loops do the work of an op, if there is one, and those for operands of one type: -1 with an
 * exception. */
int find_ufunc(KnownOp *op) {
    PyObject *found = op->reduce != Py_None ? PyCFunction_GetSelf(op->reduce) : op->function;
    const PyUFuncObject *ufunc = (const PyUFuncObject *)found;
    if (found == NULL) return -1;
    if (Py_TYPE(found) != &PyUFunc_Type || ufunc->nout != 1 || ufunc->nin > MAX_OPERANDS ||
        (ufunc->core_enabled && op->kernel != PRODUCT_KERNEL))
        return 0;
    op->ufunc = Py_NewRef(found);
    memset(op->loops, -1, sizeof op->loops);
    for (int i = ufunc->ntypes - 1, k; i >= 0; i--) { /* of two for the same types, NumPy takes the first */
        const char *types = ufunc->types + i * ufunc->nargs;
        for (k = 1; k < ufunc->nin && types[k] == types[0];) k++;
        if (k >= ufunc->nin && PyTypeNum_ISNUMBER(types[0]) && i < 128) op->loops[(int)types[0]] = (signed char)i;
    }
    PyObject *identity = PyObject_GetAttrString(found, "identity");
    op->has_identity = identity != NULL && PyLong_Check(identity);
    op->is_test = identity != NULL && PyBool_Check(identity);
    if (op->has_identity) op->identity = PyLong_AsLong(identity);
    Py_XDECREF(identity);
    return PyErr_Occurred() ? -1 : 0;
}

static int result_type(const PyUFuncObject *ufunc, int loop) { return ufunc->types[loop * ufunc->nargs + ufunc->nin]; }

/* Whether there was a floating point exception that NumPy would not ignore. */
int has_raised(void) {
    static const struct { int flag, shift; } known[] = {
        {FE_DIVBYZERO, UFUNC_SHIFT_DIVIDEBYZERO},
        {FE_OVERFLOW, UFUNC_SHIFT_OVERFLOW},
        {FE_UNDERFLOW, UFUNC_SHIFT_UNDERFLOW},
        {FE_INVALID, UFUNC_SHIFT_INVALID},
    };
    int raised = fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID), mask;
    if (!raised) return 0;
    feclearexcept(FE_ALL_EXCEPT);
    if (PyUFunc_GetPyValues("", NULL, &mask, NULL) < 0) { /* what `numpy.errstate` says */
        forget_error();
        return 1;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if ((raised & known[i].flag) && ((mask >> known[i].shift) & UFUNC_MASK_DIVIDEBYZERO) != UFUNC_ERR_IGNORE) return 1;
    return 0;
}

static void call(const PyUFuncObject *ufunc, int loop, char **args, const npy_intp *sizes, const npy_intp *steps) {
    ufunc->functions[loop](args, sizes, steps, ufunc->data == NULL ? NULL : ufunc->data[loop]);
}

/* Whether all went well. */
static int run(const PyUFuncObject *ufunc, int loop, char **args, npy_intp size, const npy_intp *steps) {
    if (size > 0) call(ufunc, loop, args, &size, steps);
    return !has_raised() && !PyErr_Occurred();
}

/* What a ufunc makes of arrays of one type and shape, and of numbers; NULL where NumPy has to do it. */
PyObject *run_loop(const KnownOp *op, PyObject *const *raw, Py_ssize_t n) {
    const PyUFuncObject *ufunc = (const PyUFuncObject *)op->ufunc;
    PyArrayObject *shaped = NULL;
    for (Py_ssize_t i = 0; i < n; i++)
        if (is_ndarray(raw[i]) && (shaped == NULL || PyArray_NDIM(ndarray(raw[i])) > PyArray_NDIM(shaped)))
            shaped = ndarray(raw[i]);
    if (shaped == NULL || n != ufunc->nin || !is_plain((PyObject *)shaped)) return NULL;
    int type = PyArray_TYPE(shaped), loop = op->loops[type];
    char *args[MAX_OPERANDS + 1];
    npy_intp steps[MAX_OPERANDS + 1], size = PyArray_SIZE(shaped);
    if (size > MOST_ELEMENTS) return NULL;
    Number numbers[MAX_OPERANDS];
    for (Py_ssize_t i = 0; loop >= 0 && i < n; i++) {
        PyArrayObject *array = ndarray(raw[i]);
        args[i] = (char *)&numbers[i];
        steps[i] = 0;
        if (is_ndarray(raw[i])) {
            int is_number = PyArray_NDIM(array) == 0;
            if (PyArray_TYPE(array) != type || !(is_number || PyArray_SAMESHAPE(array, shaped)) || !is_plain(raw[i])) return NULL;
            args[i] = PyArray_BYTES(array);
            if (!is_number) steps[i] = PyArray_ITEMSIZE(array);
        } else if (PyArray_NDIM(shaped) == 0 || !read_number(raw[i], type, &numbers[i]))
            return NULL; /* two numbers, one of them an array without axes, have a dtype by rules of their own */
    }
    PyObject *result = loop < 0 ? NULL : PyArray_SimpleNew(PyArray_NDIM(shaped), PyArray_DIMS(shaped), result_type(ufunc, loop));
    if (result == NULL) return NULL;
    args[n] = PyArray_BYTES(ndarray(result));
    steps[n] = PyArray_ITEMSIZE(ndarray(result));
    if (!run(ufunc, loop, args, size, steps)) Py_CLEAR(result);
    return result;
}

/* NumPy reduces so many elements at once, of which the sum depends: `numpy.setbufsize`. */
static npy_intp size_of_buffer(void) {
    int size = 0;
    if (PyUFunc_GetPyValues("", &size, NULL, NULL) < 0) forget_error();
    return size;
}

/* The reduction of all elements, written to `total`: the type of it; -1 where NumPy has to do it. */
int reduce_all(const KnownOp *op, PyArrayObject *array, Number *total) {
    const PyUFuncObject *ufunc = (const PyUFuncObject *)op->ufunc;
    int type = PyArray_TYPE(array);
    npy_intp size = PyArray_SIZE(array), item = PyArray_ITEMSIZE(array), steps[3] = {0, item, 0};
    if (ufunc == NULL || op->reduce == Py_None || PyArray_NDIM(array) == 0 || size == 0 || size > size_of_buffer() ||
        !is_plain((PyObject *)array))
        return -1;
    if (op->is_test && type != NPY_BOOL) {
        PyArray_Descr *of_bool = PyArray_DescrFromType(NPY_BOOL);
        PyObject *flags = cast(array, of_bool);
        type = flags == NULL ? -1 : reduce_all(op, ndarray(flags), total);
        Py_DECREF(of_bool);
        Py_XDECREF(flags);
        return type;
    }
    int loop = op->loops[type];
    if (loop < 0 || !(op->is_test || type == NPY_FLOAT || type == NPY_DOUBLE || type == NPY_LONG)) return -1; /* others grow */
    char *args[3] = {(char *)total, PyArray_BYTES(array), (char *)total};
    if (!op->has_identity) {
        memcpy(total, args[1], item);
        args[1] += item;
        size--;
    } else if (type == NPY_FLOAT)
        total->as_float = (float)op->identity;
    else if (type == NPY_DOUBLE)
        total->as_double = (double)op->identity;
    else if (type == NPY_LONG)
        total->as_long = op->identity;
    else
        total->as_bool = (npy_bool)op->identity;
    return run(ufunc, loop, args, size, steps) ? type : -1;
}

/* Whether BLAS can take it as it lies. */
static int is_factor(PyObject *x, int type) {
    return is_ndarray(x) && PyArray_TYPE(ndarray(x)) == type && PyArray_ISBEHAVED_RO(ndarray(x)) &&
           (PyArray_NDIM(ndarray(x)) == 1 || PyArray_NDIM(ndarray(x)) == 2) &&
           (PyArray_FLAGS(ndarray(x)) & (NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS));
}

/* `matmul` of two arrays, for which `dot` makes the same calls of BLAS; NULL where NumPy has to do it. */
PyObject *run_product(const KnownOp *op, PyObject *const *raw) {
    int type = is_ndarray(raw[0]) ? PyArray_TYPE(ndarray(raw[0])) : NPY_OBJECT;
    if ((type != NPY_FLOAT && type != NPY_DOUBLE) || !is_factor(raw[0], type) || !is_factor(raw[1], type)) return NULL;
    PyArrayObject *x = ndarray(raw[0]), *y = ndarray(raw[1]);
    int has_rows = PyArray_NDIM(x) == 2, has_columns = PyArray_NDIM(y) == 2;
    npy_intp rows = has_rows ? PyArray_DIM(x, 0) : 1, inner = PyArray_DIM(y, 0), columns = has_columns ? PyArray_DIM(y, 1) : 1;
    npy_intp shape[2] = {has_rows ? rows : columns, columns}, sizes[4] = {1, rows, inner, columns};
    if (PyArray_DIM(x, has_rows) != inner) return NULL;
    PyObject *result = PyArray_SimpleNew(has_rows + has_columns, shape, type);
    if (result == NULL) return NULL;
    PyArrayObject *out = ndarray(result);
    char *args[3] = {PyArray_BYTES(x), PyArray_BYTES(y), PyArray_BYTES(out)};
    npy_intp steps[9] = {0, 0, 0, has_rows ? PyArray_STRIDE(x, 0) : 0, PyArray_STRIDE(x, has_rows), PyArray_STRIDE(y, 0),
                         has_columns ? PyArray_STRIDE(y, 1) : 0, has_rows ? PyArray_STRIDE(out, 0) : 0,
                         has_columns ? PyArray_STRIDE(out, has_rows) : 0};
    PyThreadState *others = rows * inner * columns > MOST_ELEMENTS ? PyEval_SaveThread() : NULL;
    call((const PyUFuncObject *)op->ufunc, op->loops[type], args, sizes, steps);
    if (others != NULL) PyEval_RestoreThread(others);
    return result;
}
