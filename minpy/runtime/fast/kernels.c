/* Ops that are worth a way of their own, since NumPy spends most of a small call before and after its loop: it
 * looks for the loop, converts numbers, sets up iterators, makes a number. A loop here gives the very same
 * results, since IEEE 754 says what they are; where it raises a floating point exception NumPy does it again,
 * and may warn. */
#include "fast.h"
#include <fenv.h>
#include <float.h>
#include <math.h>

#define MOST_ELEMENTS 16384 /* above, what NumPy spends around its loop no longer counts */

/* The loops once more for wider vectors, where the compiler can choose among them when they are loaded. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

static const char *const kernel_names[] = {
    "", "add", "subtract", "multiply", "true_divide", "negative", "square",
    "less", "less_equal", "equal", "not_equal", "greater", "greater_equal",
    "reshape", "transpose", "mean", "concatenate", "matmul", "copy", "astype",
    "argmax", "argmin",
};
static PyObject *s_axes, *s_axis, *s_dtype, *s_keepdims, *s_shape;

int prepare_kernels(void) {
    s_axes = PyUnicode_InternFromString("axes");
    s_axis = PyUnicode_InternFromString("axis");
    s_dtype = PyUnicode_InternFromString("dtype");
    s_keepdims = PyUnicode_InternFromString("keepdims");
    s_shape = PyUnicode_InternFromString("shape");
    return s_axes == NULL || s_axis == NULL || s_dtype == NULL || s_keepdims == NULL || s_shape == NULL ? -1 : 0;
}

/* The kernel for the op of this name; NO_KERNEL where there is none. */
int kernel_of(PyObject *name) {
    for (int i = 1; i < (int)(sizeof kernel_names / sizeof *kernel_names); i++)
        if (PyUnicode_CompareWithASCIIString(name, kernel_names[i]) == 0) return i;
    return NO_KERNEL;
}

/* One loop for two arrays, one for an array and a number, one for a number and an array. */
#define LOOP(result_type, operation)                                                     \
    if (x_is_array && y_is_array)                                                              \
        for (npy_intp i = 0; i < size; i++) ((result_type *)out)[i] = x[i] operation y[i];     \
    else if (x_is_array)                                                                       \
        for (npy_intp i = 0; i < size; i++) ((result_type *)out)[i] = x[i] operation number;   \
    else                                                                                       \
        for (npy_intp i = 0; i < size; i++) ((result_type *)out)[i] = number operation y[i];   \
    break

#define LOOPS(name, type)                                                                                \
    FOR_EACH_PROCESSOR static void name(int kernel, const type *restrict x, int x_is_array,               \
                                        const type *restrict y, int y_is_array, void *restrict out,       \
                                        npy_intp size) {                                                  \
        type number = x_is_array && y != NULL ? *y : *x;                                                  \
        switch (kernel) {                                                                                 \
        case NEGATIVE_KERNEL:                                                                             \
            for (npy_intp i = 0; i < size; i++) ((type *)out)[i] = -x[i];                                 \
            break;                                                                                        \
        case SQUARE_KERNEL:                                                                               \
            for (npy_intp i = 0; i < size; i++) ((type *)out)[i] = x[i] * x[i];                           \
            break;                                                                                        \
        case ADD_KERNEL: LOOP(type, +);                                                             \
        case SUBTRACT_KERNEL: LOOP(type, -);                                                        \
        case MULTIPLY_KERNEL: LOOP(type, *);                                                        \
        case DIVIDE_KERNEL: LOOP(type, /);                                                          \
        case LESS_KERNEL: LOOP(npy_bool, <);                                                        \
        case LESS_EQUAL_KERNEL: LOOP(npy_bool, <=);                                                 \
        case EQUAL_KERNEL: LOOP(npy_bool, ==);                                                      \
        case NOT_EQUAL_KERNEL: LOOP(npy_bool, !=);                                                  \
        case GREATER_KERNEL: LOOP(npy_bool, >);                                                     \
        case GREATER_EQUAL_KERNEL: LOOP(npy_bool, >=);                                              \
        }                                                                                                 \
    }

LOOPS(float_loop, float)
LOOPS(double_loop, double)

static int is_plain(PyObject *x) {
    return is_ndarray(x) && PyArray_IS_C_CONTIGUOUS(ndarray(x)) && PyArray_ISALIGNED(ndarray(x)) &&
           PyArray_ISNOTSWAPPED(ndarray(x)) && PyArray_SIZE(ndarray(x)) <= MOST_ELEMENTS;
}

/* A Python number that is the same number as a float of the arrays, or is rounded to one as C does it. */
static int read_number(PyObject *x, double *number) {
    if (PyFloat_CheckExact(x)) {
        *number = PyFloat_AS_DOUBLE(x);
        return fabs(*number) <= FLT_MAX; /* of larger ones the dtype of the result depends on the value */
    }
    if (!PyLong_CheckExact(x)) return 0;
    int overflow;
    long value = PyLong_AsLongAndOverflow(x, &overflow);
    *number = (double)value;
    return !overflow && value >= -(1L << 15) && value < 1L << 16; /* larger ones make float64 of float32 */
}

static PyObject *run_loop(int kernel, PyObject *const *raw, Py_ssize_t n) {
    PyArrayObject *shaped = NULL;
    for (Py_ssize_t i = 0; i < n; i++)
        if (is_plain(raw[i])) {
            PyArrayObject *array = ndarray(raw[i]);
            if (shaped == NULL)
                shaped = array;
            else if (PyArray_TYPE(array) != PyArray_TYPE(shaped) || !PyArray_SAMESHAPE(array, shaped))
                return NULL;
        } else if (is_ndarray(raw[i]))
            return NULL;
    if (shaped == NULL || n > 2) return NULL;
    int type = PyArray_TYPE(shaped);
    if (type != NPY_FLOAT && type != NPY_DOUBLE) return NULL;
    const void *data[2] = {NULL, NULL};
    int is_array[2] = {0, 0};
    double numbers[2];
    float floats[2];
    for (Py_ssize_t i = 0; i < n; i++)
        if (is_ndarray(raw[i])) {
            data[i] = PyArray_DATA(ndarray(raw[i]));
            is_array[i] = 1;
        } else {
            /* Two numbers, one of them an array without axes, have a dtype by rules of their own. */
            if (PyArray_NDIM(shaped) == 0 || !read_number(raw[i], &numbers[i])) return NULL;
            floats[i] = (float)numbers[i];
            data[i] = type == NPY_FLOAT ? (const void *)&floats[i] : (const void *)&numbers[i];
        }
    int is_test = kernel >= LESS_KERNEL;
    PyObject *result = PyArray_SimpleNew(PyArray_NDIM(shaped), PyArray_DIMS(shaped), is_test ? NPY_BOOL : type);
    if (result == NULL) {
        PyErr_Clear();
        return NULL;
    }
    void *out = PyArray_DATA(ndarray(result));
    if (type == NPY_FLOAT)
        float_loop(kernel, data[0], is_array[0], data[1], is_array[1], out, PyArray_SIZE(shaped));
    else
        double_loop(kernel, data[0], is_array[0], data[1], is_array[1], out, PyArray_SIZE(shaped));
    if (fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID)) {
        feclearexcept(FE_ALL_EXCEPT);
        Py_CLEAR(result);
    }
    return result;
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

/* `ufunc.reduce(x, axes, None, None, keepdims)` as an array; of the mean the sum. */
static PyObject *reduced(PyObject *reduce, PyObject *array, PyObject *params) {
    PyObject *axes = PyDict_GetItem(params, s_axes), *keepdims = PyDict_GetItem(params, s_keepdims);
    if (axes == NULL || keepdims == NULL) return NULL;
    PyObject *args[5] = {array, axes, Py_None, Py_None, keepdims};
    PyObject *result = PyObject_Vectorcall(reduce, args, 5, NULL);
    if (result == NULL || is_ndarray(result)) return result;
    if (PyArray_IsScalar(result, Generic))
        Py_SETREF(result, PyArray_FromScalar(result, NULL));
    else
        Py_CLEAR(result); /* of an array of Python objects */
    return result;
}

static PyObject *mean(PyObject *reduce, PyObject *array, PyObject *params) {
    int type = PyArray_TYPE(ndarray(array));
    npy_intp size = PyArray_SIZE(ndarray(array));
    if ((type != NPY_FLOAT && type != NPY_DOUBLE) || size == 0 || !PyArray_ISNOTSWAPPED(ndarray(array))) return NULL;
    PyObject *total = reduced(reduce, array, params);
    if (total == NULL || PyArray_TYPE(ndarray(total)) != type || !PyArray_IS_C_CONTIGUOUS(ndarray(total)) ||
        PyArray_SIZE(ndarray(total)) == 0) {
        Py_XDECREF(total);
        return NULL;
    }
    npy_intp left = PyArray_SIZE(ndarray(total)), count = size / left;
    void *data = PyArray_DATA(ndarray(total));
    for (npy_intp i = 0; i < left; i++)
        if (type == NPY_FLOAT)
            ((float *)data)[i] /= (float)count;
        else
            ((double *)data)[i] /= (double)count;
    return total;
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

/* Of arrays that BLAS can take as they lie, `dot` and `matmul` are the same calls of it, and `dot` starts sooner. */
static PyObject *product(PyObject *const *raw) {
    int type = is_ndarray(raw[0]) ? PyArray_TYPE(ndarray(raw[0])) : NPY_OBJECT;
    if (type != NPY_FLOAT && type != NPY_DOUBLE) return NULL;
    for (int i = 0; i < 2; i++) {
        if (!is_ndarray(raw[i]) || PyArray_TYPE(ndarray(raw[i])) != type) return NULL;
        int flags = PyArray_FLAGS(ndarray(raw[i])), ndim = PyArray_NDIM(ndarray(raw[i]));
        if (ndim < 1 || ndim > 2 || !(flags & (NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS)) ||
            !PyArray_ISBEHAVED_RO(ndarray(raw[i])))
            return NULL;
    }
    PyObject *result = PyArray_MatrixProduct2(raw[0], raw[1], NULL);
    if (result != NULL && !is_ndarray(result)) Py_SETREF(result, PyArray_FromScalar(result, NULL));
    return result;
}

/* `array.astype(dtype)`, between real numbers: of complex ones NumPy says that it drops a part. */
PyObject *cast(PyArrayObject *array, PyObject *dtype) {
    if (dtype == NULL || !PyArray_DescrCheck(dtype) || !PyArray_IS_C_CONTIGUOUS(array)) return NULL;
    int from = PyArray_TYPE(array), to = ((PyArray_Descr *)dtype)->type_num;
    int is_real = (PyTypeNum_ISFLOAT(from) || PyTypeNum_ISINTEGER(from) || PyTypeNum_ISBOOL(from)) &&
                  (PyTypeNum_ISFLOAT(to) || PyTypeNum_ISINTEGER(to) || PyTypeNum_ISBOOL(to));
    return is_real ? PyArray_CastToType(array, (PyArray_Descr *)Py_NewRef(dtype), 0) : NULL;
}

/* `array.argmax(axis)`, where NPY_MAXDIMS stands for all axes. */
PyObject *place_of_extreme(int kernel, PyArrayObject *array, int axis) {
    PyObject *place = kernel == ARGMAX_KERNEL ? PyArray_ArgMax(array, axis, NULL) : PyArray_ArgMin(array, axis, NULL);
    if (place != NULL && !is_ndarray(place)) Py_SETREF(place, PyArray_FromScalar(place, NULL));
    return place;
}

static PyObject *place_by_params(int kernel, PyObject *array, PyObject *params) {
    PyObject *axis = PyDict_GetItem(params, s_axis);
    if (axis == NULL || (axis != Py_None && !PyLong_CheckExact(axis))) return NULL;
    return place_of_extreme(kernel, ndarray(array), axis == Py_None ? NPY_MAXDIMS : (int)PyLong_AsLong(axis));
}

/* The result as a new array, or as a view; NULL, mostly without an exception, where NumPy has to do it. */
PyObject *run_kernel(int kernel, PyObject *reduce, PyObject *const *raw, Py_ssize_t n, PyObject *params) {
    if (kernel == PRODUCT_KERNEL) {
        PyObject *result = n == 2 ? product(raw) : NULL;
        if (result == NULL) PyErr_Clear();
        return result;
    }
    if (kernel <= LAST_LOOP) return params == NULL || PyDict_GET_SIZE(params) == 0 ? run_loop(kernel, raw, n) : NULL;
    if (kernel == COPY_KERNEL) return n == 1 && is_ndarray(raw[0]) ? PyArray_NewCopy(ndarray(raw[0]), NPY_CORDER) : NULL;
    if (params == NULL || n < 1 || (n > 1 && kernel != CONCATENATE_KERNEL) || !is_ndarray(raw[0])) return NULL;
    PyObject *result = kernel == CONCATENATE_KERNEL ? joined(raw, n, params)
                       : kernel == REDUCE_KERNEL ? reduced(reduce, raw[0], params)
                       : kernel == MEAN_KERNEL ? mean(reduce, raw[0], params)
                       : kernel == ARGMAX_KERNEL || kernel == ARGMIN_KERNEL ? place_by_params(kernel, raw[0], params)
                       : kernel == CAST_KERNEL ? cast(ndarray(raw[0]), PyDict_GetItem(params, s_dtype))
                                               : arranged(kernel, raw[0], params);
    if (result == NULL) PyErr_Clear(); /* NumPy raises it once more, if it was not something of this file */
    return result;
}
