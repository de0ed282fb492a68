/* What Python calls for x[i] and x[i] = y. */
#include "fast.h"

PyObject *getitem; /* (array, key) in Python */

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

/* Elements in the memory of an array. */
typedef struct {
    char *data;
    int ndim, has_basic_key; /* of Python's integers, not of MinPy's */
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    PyObject *slices[NPY_MAXDIMS]; /* which are still to be applied, or NULL */
} Place;

static void add_axis(Place *place, npy_intp size, npy_intp stride, PyObject *slice) {
    place->shape[place->ndim] = size;
    place->strides[place->ndim] = stride;
    place->slices[place->ndim++] = slice;
}

/* Follow a part of a key along an axis. Whether there is such a place. */
static int follow_part(PyObject *part, npy_intp length, npy_intp stride, Place *place) {
    npy_intp i;
    if (PyLong_CheckExact(part)) {
        i = PyLong_AsSsize_t(part);
        if (i == -1 && PyErr_Occurred()) return 0;
    } else if (PySlice_Check(part)) {
        PyObject *step = ((PySliceObject *)part)->step;
        add_axis(place, length, stride, part);
        return is_basic(part) && (step == Py_None || PyObject_IsTrue(step));
    } else {
        if (!read_integer(part, &i)) return 0;
        place->has_basic_key = 0;
    }
    if (i < 0) i += length;
    place->data += i * stride;
    return i >= 0 && i < length;
}

/* What `array[key]` shows, where the key is made of integers and slices, or NULL for all: whether it is, and within
 * bounds. */
static int find_place(PyArrayObject *array, PyObject *key, Place *place) {
    int ndim = PyArray_NDIM(array), n = key != NULL;
    PyObject *const *parts = &key;
    if (key != NULL && PyTuple_CheckExact(key)) {
        n = (int)PyTuple_GET_SIZE(key);
        parts = &PyTuple_GET_ITEM(key, 0);
        if (n == 0) return 0; /* it may give a number */
    }
    if (n > ndim) return 0;
    place->data = PyArray_BYTES(array);
    place->ndim = 0;
    place->has_basic_key = 1;
    for (int i = 0; i < n; i++)
        if (!follow_part(parts[i], PyArray_DIM(array, i), PyArray_STRIDE(array, i), place)) {
            forget_error();
            return 0;
        }
    for (int i = n; i < ndim; i++) add_axis(place, PyArray_DIM(array, i), PyArray_STRIDE(array, i), NULL);
    return 1;
}

/* The same, as one axis at the most, with its slice applied. */
static int find_row(PyArrayObject *array, PyObject *key, Place *row) {
    npy_intp start, stop, step;
    if (!find_place(array, key, row) || row->ndim > 1) return 0;
    if (row->ndim == 0 || row->slices[0] == NULL) return 1;
    if (PySlice_Unpack(row->slices[0], &start, &stop, &step) < 0) return 0;
    row->shape[0] = PySlice_AdjustIndices(row->shape[0], &start, &stop, step);
    if (row->shape[0] > 0) row->data += start * row->strides[0];
    row->strides[0] *= step;
    return 1;
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
    forget_error();
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
    npy_intp number;
    if (read_integer(key, &number)) return PyLong_FromSsize_t(number);
    return Py_TYPE(key) == array_type ? Py_XNewRef(at_hand(key)) : NULL;
}

/* What NumPy gives; NULL, mostly without an exception, where Python has to do it. */
static PyObject *index_by_numpy(PyObject *self, Value *source, PyObject *key) {
    PyObject *plain = numpys_key(key), *result = plain == NULL ? NULL : PyObject_GetItem(source->numpy, plain);
    Array *array = NULL;
    if (result == NULL) {
        forget_error(); /* Python raises it with the line */
        Py_XDECREF(plain);
        return NULL;
    }
    int is_scalar = !is_ndarray(result);
    if (is_scalar && !PyArray_IsScalar(result, Number) && !PyArray_IsScalar(result, Bool)) {
        Py_DECREF(plain);
        return result; /* a text, an object, a record */
    }
    int is_view = !is_scalar && is_view_of(result, source->numpy);
    if (is_scalar) Py_SETREF(result, PyArray_FromScalar(result, NULL));
    if (result != NULL) array = new_array(new_value(result), is_scalar);
    if (array != NULL && is_view) become_view(array, self, Py_NewRef(plain));
    Py_DECREF(plain);
    return (PyObject *)array;
}

/* The op `index`, of arrays without a gradient; on the CPU NumPy runs it under every policy. */
static PyObject *index_here(PyObject *self, PyObject *key) {
    if (Py_TYPE(self) != array_type || at_hand(self) == NULL) return NULL;
    Value *source = value_of((Array *)self);
    PyArrayObject *array = ndarray(source->numpy);
    PyObject *result = NULL;
    Place place;
    if (find_place(array, key, &place)) {
        if (place.ndim > 0 && place.has_basic_key)
            result = (PyObject *)new_slice(self, source, key);
        else if (place.ndim == 0 && PyArray_ISNOTSWAPPED(array))
            result = (PyObject *)new_number(PyArray_TYPE(array), place.data, PyArray_ITEMSIZE(array));
    }
    if (result == NULL && !PyErr_Occurred()) result = index_by_numpy(self, source, key);
    if (result != NULL && is_array(result)) {
        count_index();
        saw_something_else();
    }
    return result;
}

static PyObject *array_subscript(PyObject *self, PyObject *key) {
    PyObject *result = index_here(self, key);
    if (result != NULL || PyErr_Occurred()) return result;
    PyObject *args[2] = {self, key};
    return PyObject_Vectorcall(getitem, args, 2, NULL);
}

/* NumPy's array, borrowed, where NumPy may write to it: `_writable_in_place` in runtime/array.py. NULL without an
 * exception where it may not. */
PyArrayObject *written_in_place(PyObject *x) {
    if (Py_TYPE(x) != array_type || at_hand(x) == NULL) return NULL;
    Value *value = value_of((Array *)x), *root = value;
    while (is_set(root->owner)) root = (Value *)root->owner;
    return root->recorded ? NULL : ndarray(value->numpy);
}

/* What NumPy takes for an operand of a write, a new reference; NULL without an exception where Python has to look. */
PyObject *written_operand(PyObject *x) {
    if (Py_TYPE(x) == array_type) return Py_XNewRef(at_hand(x));
    if (!PyObject_TypeCheck(x, &ArraySlots)) return Py_NewRef(x);
    PyObject *array = Py_TYPE(x) == scalar_type ? at_hand(x) : NULL;
    return array == NULL ? NULL : PyArray_ToScalar(PyArray_DATA(ndarray(array)), ndarray(array));
}

/* `array[i]` in a loop over the array. */
static PyObject *array_item(PyObject *self, Py_ssize_t i) {
    if (i >= PyObject_Size(self)) {
        if (!PyErr_Occurred()) PyErr_SetNone(PyExc_IndexError); /* the end of the loop */
        return NULL;
    }
    PyObject *key = PyLong_FromSsize_t(i), *item = key == NULL ? NULL : array_subscript(self, key);
    Py_XDECREF(key);
    return item;
}

/* The elements of an array without a gradient; of a slice that nobody has needed yet, without making it. */
static int row_of_array(Array *array, Place *row, int *type) {
    int is_slice = array->holds == HOLDS_BASE && is_key(array->made_by);
    PyObject *memory = is_slice ? base_at_hand(array) : at_hand((PyObject *)array);
    if (memory == NULL || !PyArray_ISBEHAVED_RO(ndarray(memory))) return 0;
    *type = PyArray_TYPE(ndarray(memory));
    return find_row(ndarray(memory), is_slice ? array->made_by : NULL, row);
}

#define COPY_EACH(size) \
    for (npy_intp i = 0; i < n; i++) memcpy(to + i * to_step, from + i * from_step, size)

static void copy_row(char *to, npy_intp to_step, const char *from, npy_intp from_step, npy_intp n, npy_intp size) {
    if (to_step == size && from_step == size)
        memmove(to, from, n * size);
    else if (size == 8)
        COPY_EACH(8);
    else if (size == 4)
        COPY_EACH(4);
    else
        COPY_EACH(size);
}

/* Write a number, or an array of the same dtype and shape, to a row or a place in it: whether that was done. */
static int write_row(PyArrayObject *array, const Place *to, PyObject *new) {
    char buffer[1024]; /* the two may overlap */
    int type = PyArray_TYPE(array), type_of_new;
    npy_intp size = PyArray_ITEMSIZE(array), n = to->ndim == 0 ? 1 : to->shape[0], step = to->ndim == 0 ? 0 : to->strides[0];
    Number number;
    Place from;
    if (!PyArray_ISBEHAVED(array)) return 0;
    if (read_number(new, type, &number)) {
        copy_row(to->data, step, (const char *)&number, 0, n, size);
        return 1;
    }
    if (to->ndim == 0 || !PyTypeNum_ISNUMBER(type) || n * size > (npy_intp)sizeof buffer || Py_TYPE(new) != array_type ||
        !row_of_array((Array *)new, &from, &type_of_new) || type_of_new != type || from.ndim != 1 || from.shape[0] != n)
        return 0;
    copy_row(buffer, size, from.data, from.strides[0], n, size);
    copy_row(to->data, step, buffer, size, n, size);
    return 1;
}

static objobjargproc assign_slowly; /* in Python */

static int array_assign(PyObject *self, PyObject *key, PyObject *new) {
    PyArrayObject *array = new == NULL ? NULL : written_in_place(self);
    Place row;
    if (array != NULL && find_row(array, key == Py_Ellipsis ? NULL : key, &row) && write_row(array, &row, new)) {
        saw_something_else();
        return 0;
    }
    PyObject *operand = array == NULL ? NULL : written_operand(new), *plain = operand == NULL ? NULL : numpys_key(key);
    int failed = -1;
    if (plain != NULL) {
        saw_something_else();
        Py_INCREF(array);
        failed = PyObject_SetItem((PyObject *)array, plain, operand);
        Py_DECREF(array);
        if (failed && (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_IndexError)))
            forget_error(); /* Python does it again and says more about the error */
    }
    if (failed && !PyErr_Occurred()) failed = assign_slowly(self, key, new);
    Py_XDECREF(operand);
    Py_XDECREF(plain);
    return failed;
}

/* Take the place of `__setitem__` of the class in Python, for what is done here, and of a look-up of `__getitem__`. */
void accelerate_indexing(PyTypeObject *type) {
    type->tp_as_sequence->sq_item = array_item;
    assign_slowly = type->tp_as_mapping->mp_ass_subscript;
    type->tp_as_mapping->mp_ass_subscript = array_assign;
}

PyMappingMethods array_as_mapping = {.mp_subscript = array_subscript, .mp_length = array_length};
