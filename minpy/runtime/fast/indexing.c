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

/* Whether a part of a key takes a slice of an axis of this length (1), or one place of it (0); -1 for anything else. */
static int takes_slice(PyObject *part, npy_intp length) {
    if (PyLong_CheckExact(part)) {
        Py_ssize_t i = PyLong_AsSsize_t(part);
        if (i == -1 && PyErr_Occurred()) PyErr_Clear(); /* too large: -1 may be in bounds, but this is not */
        else if (-length <= i && i < length) return 0;
        return -1;
    }
    if (!PySlice_Check(part) || !is_basic(part)) return -1;
    PyObject *step = ((PySliceObject *)part)->step;
    return step == Py_None || PyObject_IsTrue(step) == 1 ? 1 : -1;
}

/* Whether `array[key]` is a view for sure, of slices and places that there are. */
static int gives_view(PyArrayObject *array, PyObject *key) {
    Py_ssize_t n = 1;
    PyObject *const *parts = &key;
    if (PyTuple_CheckExact(key)) {
        n = PyTuple_GET_SIZE(key);
        parts = &PyTuple_GET_ITEM(key, 0);
    }
    int ndim = PyArray_NDIM(array), slices = ndim - (int)n;
    if (n == 0 || n > ndim) return 0; /* () may give a number */
    for (Py_ssize_t i = 0; i < n; i++) {
        int takes = takes_slice(parts[i], PyArray_DIM(array, (int)i));
        if (takes < 0) return 0;
        slices += takes;
    }
    return slices > 0; /* else it is a number */
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
    PyErr_Clear();
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

/* `array[i]` or `array[i, j]`, where the key is an integer for each axis; NULL, mostly without an exception, for
 * anything else. */
static Array *number_at(PyArrayObject *array, PyObject *key) {
    int ndim = PyArray_NDIM(array);
    PyObject *const *indices = &key;
    if (PyTuple_CheckExact(key)) {
        if (PyTuple_GET_SIZE(key) != ndim) return NULL;
        indices = &PyTuple_GET_ITEM(key, 0);
    } else if (ndim != 1)
        return NULL;
    if (ndim == 0 || !PyArray_ISNOTSWAPPED(array)) return NULL;
    const char *data = PyArray_BYTES(array);
    for (int axis = 0; axis < ndim; axis++) {
        npy_intp length = PyArray_DIM(array, axis), i = length;
        if (PyLong_CheckExact(indices[axis]))
            i = PyLong_AsSsize_t(indices[axis]);
        else if (!read_integer(indices[axis], &i))
            return NULL;
        if (i == -1 && PyErr_Occurred()) { /* too large */
            PyErr_Clear();
            return NULL;
        }
        if (i < 0) i += length;
        if (i < 0 || i >= length) return NULL;
        data += i * PyArray_STRIDE(array, axis);
    }
    return new_number(PyArray_TYPE(array), data, PyArray_ITEMSIZE(array));
}

/* What NumPy gives; NULL, mostly without an exception, where Python has to do it. */
static PyObject *index_by_numpy(PyObject *self, Value *source, PyObject *key) {
    PyObject *plain = numpys_key(key), *result = plain == NULL ? NULL : PyObject_GetItem(source->numpy, plain);
    Array *array = NULL;
    if (result == NULL) {
        PyErr_Clear(); /* Python raises it with the line */
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
    PyObject *result = (PyObject *)number_at(ndarray(source->numpy), key);
    if (result == NULL && PyErr_Occurred()) return NULL;
    if (result == NULL && gives_view(ndarray(source->numpy), key))
        result = (PyObject *)new_slice(self, source, key);
    else if (result == NULL)
        result = index_by_numpy(self, source, key);
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

static objobjargproc assign_slowly; /* in Python */

static int array_assign(PyObject *self, PyObject *key, PyObject *new) {
    PyArrayObject *array = new == NULL ? NULL : written_in_place(self);
    PyObject *operand = array == NULL ? NULL : written_operand(new), *plain = operand == NULL ? NULL : numpys_key(key);
    int failed = -1;
    if (plain != NULL) {
        saw_something_else();
        Py_INCREF(array);
        failed = PyObject_SetItem((PyObject *)array, plain, operand);
        Py_DECREF(array);
        if (failed && (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_IndexError)))
            PyErr_Clear(); /* Python does it again and says more about the error */
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
