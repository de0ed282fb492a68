/* Ops that are worth a way of their own besides the loops of loops.c: NumPy's parts for the usual case, without what
 * comes before and after. */
#include "fast.h"

#define MOST_BYTES 65536 /* of larger arrays NumPy lets other threads run while it copies */

static const char *const kernel_names[KERNELS] = {
    "", "add", "subtract", "multiply", "true_divide", "negative", "less", "less_equal", "equal", "not_equal", "greater",
    "greater_equal", "reshape", "transpose", "broadcast_to", "concatenate", "matmul", "copy", "astype", "argmax", "argmin", "mean", "var",
    "root", "sum", "prod", "max", "min", "any", "all",
};
static PyObject *s_axes, *s_axis, *s_ddof, *s_dtype, *s_keepdims, *s_shape;

int prepare_kernels(void) {
    s_axes = PyUnicode_InternFromString("axes");
    s_axis = PyUnicode_InternFromString("axis");
    s_ddof = PyUnicode_InternFromString("ddof");
    s_dtype = PyUnicode_InternFromString("dtype");
    s_keepdims = PyUnicode_InternFromString("keepdims");
    s_shape = PyUnicode_InternFromString("shape");
    return s_axes == NULL || s_axis == NULL || s_ddof == NULL || s_dtype == NULL || s_keepdims == NULL || s_shape == NULL ? -1 : 0;
}

/* The kernel for the op of this name; NO_KERNEL where there is none. */
int kernel_of(PyObject *name) {
    for (int i = 1; i < KERNELS; i++)
        if (PyUnicode_CompareWithASCIIString(name, kernel_names[i]) == 0) return i;
    return NO_KERNEL;
}

static int is_small(PyArrayObject *array) {
    return PyArray_IS_C_CONTIGUOUS(array) && PyArray_NBYTES(array) <= MOST_BYTES &&
           !PyDataType_FLAGCHK(PyArray_DESCR(array), NPY_ITEM_REFCOUNT);
}

/* A new array in C order, of a dtype whose reference is taken over. */
static PyObject *new_ndarray(PyArray_Descr *dtype, int ndim, const npy_intp *shape) {
    return PyArray_NewFromDescr(&PyArray_Type, dtype, ndim, (npy_intp *)shape, NULL, NULL, 0, NULL);
}

static PyObject *copy_as(PyArrayObject *array, int ndim, const npy_intp *shape) {
    PyArray_Descr *dtype = PyArray_DESCR(array);
    Py_INCREF(dtype);
    PyObject *copy = new_ndarray(dtype, ndim, shape);
    if (copy != NULL) memcpy(PyArray_DATA(ndarray(copy)), PyArray_DATA(array), PyArray_NBYTES(array));
    return copy;
}

/* `array.copy()`. */
PyObject *copy_of(PyArrayObject *array) {
    return is_small(array) ? copy_as(array, PyArray_NDIM(array), PyArray_DIMS(array)) : PyArray_NewCopy(array, NPY_CORDER);
}

/* `array.flatten()`. */
PyObject *flat_copy_of(PyArrayObject *array) {
    npy_intp size = PyArray_SIZE(array);
    return is_small(array) ? copy_as(array, 1, &size) : PyArray_Flatten(array, NPY_CORDER);
}

static int read_tuple(PyObject *x, npy_intp *numbers, int most) {
    if (x == NULL || !PyTuple_CheckExact(x) || PyTuple_GET_SIZE(x) > most) return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(x); i++) {
        if (!PyLong_CheckExact(PyTuple_GET_ITEM(x, i))) return -1;
        numbers[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(x, i));
        if (numbers[i] == -1 && PyErr_Occurred()) return -1;
    }
    return (int)PyTuple_GET_SIZE(x);
}

static PyObject *arranged(int kernel, PyObject *array, PyObject *params) {
    npy_intp numbers[NPY_MAXDIMS];
    int length = read_tuple(PyDict_GetItem(params, kernel == RESHAPE_KERNEL ? s_shape : s_axes), numbers, NPY_MAXDIMS);
    if (length < 0) return NULL;
    PyArray_Dims dims = {numbers, length};
    return kernel == RESHAPE_KERNEL ? PyArray_Newshape(ndarray(array), &dims, NPY_CORDER)
                                    : PyArray_Transpose(ndarray(array), &dims);
}

/* An array of which each element is the one of an array without axes. */
static PyObject *filled(PyObject *array, PyObject *params) {
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS] = {0};
    int ndim = PyArray_NDIM(ndarray(array)) > 0 ? 0 : read_tuple(PyDict_GetItem(params, s_shape), shape, NPY_MAXDIMS);
    if (ndim < 1) return NULL;
    PyArray_Descr *dtype = (PyArray_Descr *)Py_NewRef((PyObject *)PyArray_DESCR(ndarray(array)));
    PyObject *result = PyArray_NewFromDescr(&PyArray_Type, dtype, ndim, shape, strides, PyArray_DATA(ndarray(array)), 0, NULL);
    if (result != NULL && PyArray_SetBaseObject(ndarray(result), Py_NewRef(array)) < 0) Py_CLEAR(result);
    return result;
}

static PyObject *number_array(int type, const Number *number) {
    PyObject *array = type < 0 ? NULL : PyArray_SimpleNew(0, NULL, type);
    if (array != NULL) memcpy(PyArray_DATA(ndarray(array)), number, PyArray_ITEMSIZE(ndarray(array)));
    return array;
}

/* Whether a reduction is one over all axes that leaves a number. */
static int is_over_all(PyObject *array, PyObject *axes, PyObject *keepdims) {
    return PyTuple_CheckExact(axes) && PyTuple_GET_SIZE(axes) == PyArray_NDIM(ndarray(array)) && keepdims == Py_False;
}

/* `ufunc.reduce(x, axes, None, None, keepdims)` as an array; of the mean the sum. */
static PyObject *reduced(const KnownOp *op, PyObject *array, PyObject *axes, PyObject *keepdims) {
    if (is_over_all(array, axes, keepdims)) {
        Number total;
        PyObject *found = number_array(reduce_all(op, ndarray(array), &total), &total);
        if (found != NULL || PyErr_Occurred()) return found;
    }
    PyObject *args[5] = {array, axes, Py_None, Py_None, keepdims};
    PyObject *result = PyObject_Vectorcall(op->reduce, args, 5, NULL);
    if (result == NULL || is_ndarray(result)) return result;
    if (PyArray_IsScalar(result, Generic))
        Py_SETREF(result, PyArray_FromScalar(result, NULL));
    else
        Py_CLEAR(result); /* of an array of Python objects */
    return result;
}

static void divide(int type, void *data, npy_intp size, npy_intp count) {
    for (npy_intp i = 0; i < size; i++)
        if (type == NPY_FLOAT)
            ((float *)data)[i] /= (float)count;
        else
            ((double *)data)[i] /= (double)count;
}

static PyObject *mean(const KnownOp *op, PyObject *array, PyObject *axes, PyObject *keepdims) {
    int type = PyArray_TYPE(ndarray(array));
    npy_intp size = PyArray_SIZE(ndarray(array));
    if ((type != NPY_FLOAT && type != NPY_DOUBLE) || size == 0 || !PyArray_ISNOTSWAPPED(ndarray(array))) return NULL;
    PyObject *total = reduced(op, array, axes, keepdims);
    if (total == NULL || PyArray_TYPE(ndarray(total)) != type || !PyArray_IS_C_CONTIGUOUS(ndarray(total)) ||
        PyArray_SIZE(ndarray(total)) == 0) {
        Py_XDECREF(total);
        return NULL;
    }
    npy_intp left = PyArray_SIZE(ndarray(total));
    divide(type, PyArray_DATA(ndarray(total)), left, size / left);
    return total;
}

/* The mean of all elements, as `numpy.mean` computes it: its type, or -1. */
int mean_of_all(PyArrayObject *array, Number *found) {
    int type = reduce_all(of_kernel[MEAN_KERNEL], array, found);
    if (type != NPY_FLOAT && type != NPY_DOUBLE) return -1;
    divide(type, found, 1, PyArray_SIZE(array));
    return type;
}

/* The variance of all elements, as `numpy.var` computes it: its type, or -1. */
int variance(PyArrayObject *array, long ddof, Number *found) {
    npy_intp size = PyArray_SIZE(array);
    Number mean;
    int type = ddof < 0 || size <= ddof ? -1 : mean_of_all(array, &mean);
    PyObject *squares = type < 0 ? NULL : PyArray_SimpleNew(1, &size, type);
    if (squares == NULL) return -1;
    void *data = PyArray_DATA(ndarray(squares));
    for (npy_intp i = 0; i < size; i++)
        if (type == NPY_FLOAT) {
            float apart = ((const float *)PyArray_DATA(array))[i] - mean.as_float;
            ((float *)data)[i] = apart * apart;
        } else {
            double apart = ((const double *)PyArray_DATA(array))[i] - mean.as_double;
            ((double *)data)[i] = apart * apart;
        }
    type = reduce_all(of_kernel[SUM_KERNEL], ndarray(squares), found);
    Py_DECREF(squares);
    if (type >= 0) divide(type, found, 1, size - ddof);
    return type;
}

static PyObject *variance_by_params(PyObject *array, PyObject *params) {
    PyObject *axes = PyDict_GetItem(params, s_axes), *keepdims = PyDict_GetItem(params, s_keepdims);
    PyObject *ddof = PyDict_GetItem(params, s_ddof);
    Number found;
    if (axes == NULL || ddof == NULL || !PyLong_CheckExact(ddof) || !is_over_all(array, axes, keepdims)) return NULL;
    return number_array(variance(ndarray(array), PyLong_AsLong(ddof), &found), &found);
}

static PyObject *joined(PyObject *const *raw, Py_ssize_t n, PyObject *params) {
    PyObject *axis = PyDict_GetItem(params, s_axis), *arrays = PyTuple_New(n), *result = NULL;
    if (axis != NULL && PyLong_CheckExact(axis) && arrays != NULL) {
        for (Py_ssize_t i = 0; i < n; i++) PyTuple_SET_ITEM(arrays, i, Py_NewRef(raw[i]));
        result = PyArray_Concatenate(arrays, (int)PyLong_AsLong(axis));
    }
    Py_XDECREF(arrays);
    return result;
}

static int is_real(int type) { return PyTypeNum_ISFLOAT(type) || PyTypeNum_ISINTEGER(type) || PyTypeNum_ISBOOL(type); }

/* `array.astype(dtype)`, between real numbers: of complex ones NumPy says that it drops a part. */
PyObject *cast(PyArrayObject *array, PyArray_Descr *dtype) {
    int from = PyArray_TYPE(array), to = dtype->type_num;
    if (!is_real(from) || !is_real(to) || !PyArray_IS_C_CONTIGUOUS(array)) return NULL;
    Py_INCREF(dtype); /* both ways take the reference over */
    int is_exact = !PyTypeNum_ISFLOAT(from) || !PyTypeNum_ISINTEGER(to); /* what does not fit is not C's business */
    if (!is_exact || !is_small(array) || !PyArray_ISBEHAVED_RO(array) || !PyArray_ISNBO(dtype->byteorder))
        return PyArray_CastToType(array, dtype, 0);
    PyArray_VectorUnaryFunc *convert = PyArray_GetCastFunc(PyArray_DESCR(array), to);
    PyObject *result = new_ndarray(dtype, PyArray_NDIM(array), PyArray_DIMS(array));
    if (result == NULL) return NULL;
    convert(PyArray_DATA(array), PyArray_DATA(ndarray(result)), PyArray_SIZE(array), array, result);
    if (has_raised()) Py_CLEAR(result);
    return result;
}

/* The place of the largest or smallest element of all: whether it was found. */
int place_of_extreme(int kernel, PyArrayObject *array, npy_intp *place) {
    PyArray_ArrFuncs *functions = PyArray_DESCR(array)->f;
    PyArray_ArgFunc *find = kernel == ARGMAX_KERNEL ? functions->argmax : functions->argmin;
    return is_plain((PyObject *)array) && PyArray_SIZE(array) > 0 && is_small(array) &&
           find(PyArray_DATA(array), PyArray_SIZE(array), place, array) == 0;
}

static PyObject *place_by_params(int kernel, PyObject *array, PyObject *params) {
    PyObject *axis = PyDict_GetItem(params, s_axis), *found;
    Number number;
    npy_intp place;
    if (axis == NULL || (axis != Py_None && !PyLong_CheckExact(axis))) return NULL;
    if (axis == Py_None && place_of_extreme(kernel, ndarray(array), &place)) {
        memcpy(&number, &place, sizeof place);
        return number_array(NPY_INTP, &number);
    }
    int which = axis == Py_None ? NPY_MAXDIMS : (int)PyLong_AsLong(axis);
    found = kernel == ARGMAX_KERNEL ? PyArray_ArgMax(ndarray(array), which, NULL) : PyArray_ArgMin(ndarray(array), which, NULL);
    if (found != NULL && !is_ndarray(found)) Py_SETREF(found, PyArray_FromScalar(found, NULL));
    return found;
}

static PyObject *reduction_by_params(const KnownOp *op, PyObject *array, PyObject *params) {
    PyObject *axes = PyDict_GetItem(params, s_axes), *keepdims = PyDict_GetItem(params, s_keepdims);
    if (axes == NULL || keepdims == NULL) return NULL;
    return op->kernel == MEAN_KERNEL ? mean(op, array, axes, keepdims) : reduced(op, array, axes, keepdims);
}

static PyObject *cast_by_params(PyObject *array, PyObject *params) {
    PyObject *dtype = PyDict_GetItem(params, s_dtype);
    return dtype != NULL && PyArray_DescrCheck(dtype) ? cast(ndarray(array), (PyArray_Descr *)dtype) : NULL;
}

static PyObject *result_of(const KnownOp *op, PyObject *const *raw, Py_ssize_t n, PyObject *params) {
    int kernel = op->kernel, has_params = params != NULL && PyDict_GET_SIZE(params) > 0;
    if (op->ufunc != NULL && op->reduce == Py_None) {
        if (has_params) return NULL;
        return kernel == PRODUCT_KERNEL ? run_product(op, raw) : run_loop(op, raw, n);
    }
    if (kernel == CONCATENATE_KERNEL) return has_params ? joined(raw, n, params) : NULL;
    if (n != 1 || !is_ndarray(raw[0])) return NULL;
    if (kernel == COPY_KERNEL) return copy_of(ndarray(raw[0]));
    if (!has_params) return NULL;
    if (op->reduce != Py_None) return reduction_by_params(op, raw[0], params);
    switch (kernel) {
    case VARIANCE_KERNEL: return variance_by_params(raw[0], params);
    case ARGMAX_KERNEL:
    case ARGMIN_KERNEL: return place_by_params(kernel, raw[0], params);
    case CAST_KERNEL: return cast_by_params(raw[0], params);
    case RESHAPE_KERNEL:
    case TRANSPOSE_KERNEL: return arranged(kernel, raw[0], params);
    case BROADCAST_KERNEL: return filled(raw[0], params);
    default: return NULL;
    }
}

/* The result as a new array, or as a view; NULL, without an exception, where NumPy has to do it: it raises once more. */
PyObject *run_kernel(const KnownOp *op, PyObject *const *raw, Py_ssize_t n, PyObject *params) {
    PyObject *result = result_of(op, raw, n, params);
    if (result == NULL) forget_error();
    return result;
}
