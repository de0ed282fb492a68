/* The memory layout of `Array`. */
#include "fast.h"

PyTypeObject *array_type, *scalar_type;
PyTypeObject *made_by_type;
PyObject *as_value;

static Array *kept_arrays[2][MOST_KEPT]; /* arrays, scalars */
static int n_kept_arrays[2];

/* One that holds nothing, which is a number as far as the garbage collector is concerned. */
static Array *empty_array(int is_scalar) {
    PyTypeObject *type = is_scalar ? scalar_type : array_type;
    Array *array;
    if (n_kept_arrays[is_scalar] > 0) {
        array = kept_arrays[is_scalar][--n_kept_arrays[is_scalar]];
        array->version = array->seen = 0;
        _Py_NewReference((PyObject *)array);
    } else {
        array = (Array *)type->tp_alloc(type, 0);
        if (array != NULL) PyObject_GC_UnTrack(array);
    }
    return array;
}

/* It takes over the reference. */
static void hold_value(Array *array, PyObject *value) {
    array->holds = HOLDS_VALUE;
    Py_XSETREF(array->value, value);
    if (!PyObject_GC_IsTracked((PyObject *)array)) PyObject_GC_Track(array);
}

Array *new_array(Value *value, int is_scalar) {
    Array *array = value == NULL ? NULL : empty_array(is_scalar);
    if (array == NULL) {
        Py_XDECREF(value);
        return NULL;
    }
    array->holds = HOLDS_VALUE;
    array->value = (PyObject *)value;
    PyObject_GC_Track(array);
    return array;
}

/* A scalar; NULL, without an exception, for a dtype whose numbers are not held that way. */
Array *new_number(int type, const void *data, size_t size) {
    if (type > NPY_DOUBLE && type != NPY_HALF) return NULL;
    Array *array = empty_array(1);
    if (array == NULL) return NULL;
    array->holds = HOLDS_NUMBER;
    array->number_type = type;
    memcpy(&array->number, data, size);
    return array;
}

/* `base[key]` for a view; or `base.T`, for a `MadeBy`; or `base.ravel()`, for its op. Its value is made when someone needs
 * it, which is never for `base[key] = ...`. */
Array *new_slice(PyObject *base, Value *of_base, PyObject *key) {
    Array *array = new_array((Value *)Py_NewRef((PyObject *)of_base), 0);
    if (array == NULL) return NULL;
    array->holds = HOLDS_BASE;
    array->is_writeable = PyArray_ISWRITEABLE(ndarray(of_base->numpy)) != 0;
    array->base = Py_NewRef(base);
    array->made_by = Py_NewRef(key);
    array->seen = ((Array *)base)->version;
    return array;
}

/* Whether a view was made by a key, and by no op. */
int is_key(PyObject *made_by) {
    return Py_TYPE(made_by) != made_by_type && made_by != of_kernel[RESHAPE_KERNEL]->op;
}

/* The value of the array, borrowed; NULL with an exception. */
Value *value_of(Array *array) {
    if (array->holds == HOLDS_VALUE) return (Value *)array->value;
    if (array->holds == HOLDS_NUMBER) {
        PyArray_Descr *dtype = PyArray_DescrFromType(array->number_type);
        PyObject *number = PyArray_NewFromDescr(&PyArray_Type, dtype, 0, NULL, NULL, NULL, 0, NULL);
        if (number != NULL) memcpy(PyArray_DATA(ndarray(number)), &array->number, dtype->elsize);
        Value *value = number == NULL ? NULL : new_value(number);
        if (value != NULL) hold_value(array, (PyObject *)value);
        return value;
    }
    Value *source = (Value *)array->value;
    PyArrayObject *whole = ndarray(source->numpy);
    PyObject *part = Py_TYPE(array->made_by) == made_by_type ? PyArray_Transpose(whole, NULL)
                     : is_key(array->made_by)                ? PyObject_GetItem(source->numpy, array->made_by)
                                                             : PyArray_Ravel(whole, NPY_CORDER);
    Value *value = part == NULL ? NULL : new_value(part);
    if (value == NULL) return NULL;
    if (array->is_writeable)
        PyArray_ENABLEFLAGS(ndarray(part), NPY_ARRAY_WRITEABLE);
    else
        PyArray_CLEARFLAGS(ndarray(part), NPY_ARRAY_WRITEABLE);
    follow(value, source);
    hold_value(array, (PyObject *)value);
    return value;
}

static int array_init(Array *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"data", NULL};
    PyObject *data;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &data)) return -1;
    PyObject *value = Py_TYPE(data) == value_type ? Py_NewRef(data) : PyObject_CallOneArg(as_value, data);
    if (value == NULL) return -1;
    hold_value(self, value);
    Py_CLEAR(self->base);
    Py_CLEAR(self->made_by);
    self->version = self->seen = 0;
    return 0;
}

static int array_traverse(Array *self, visitproc visit, void *arg) {
    Py_VISIT(self->value);
    Py_VISIT(self->base);
    Py_VISIT(self->made_by);
    return 0;
}

static int array_clear(Array *self) {
    Py_CLEAR(self->value);
    Py_CLEAR(self->base);
    Py_CLEAR(self->made_by);
    return 0;
}

static void keep_or_free(Array *self) {
    PyTypeObject *type = Py_TYPE(self);
    int is_scalar = type == scalar_type;
    array_clear(self);
    if ((is_scalar || type == array_type) && n_kept_arrays[is_scalar] < MOST_KEPT)
        kept_arrays[is_scalar][n_kept_arrays[is_scalar]++] = self;
    else {
        type->tp_free((PyObject *)self);
        Py_DECREF(type);
    }
}

void array_dealloc(Array *self) {
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL) PyObject_ClearWeakRefs((PyObject *)self);
    if (self->base == NULL) { /* else there may be a long chain of views */
        keep_or_free(self);
        return;
    }
    Py_TRASHCAN_BEGIN(self, array_dealloc);
    keep_or_free(self);
    Py_TRASHCAN_END;
}

static PyMemberDef array_members[] = {
    {"_base", T_OBJECT, offsetof(Array, base), 0, NULL},
    {"_version", T_PYSSIZET, offsetof(Array, version), 0, NULL},
    {"_seen", T_PYSSIZET, offsetof(Array, seen), 0, NULL},
    {NULL},
};

/* Shape and dtype never change, so a view need not look at its base. */
static PyObject *array_aval(Array *self, void *closure) {
    Value *value = value_of(self);
    return value == NULL ? NULL : value_aval(value, closure);
}

/* Shape, dtype and order of the elements in memory never change either. */
static PyArrayObject *array_in_memory(Array *self) {
    Value *value = self->holds == HOLDS_VALUE ? (Value *)self->value : value_of(self);
    if (value == NULL) forget_error();
    return value != NULL && value->numpy != NULL && is_ndarray(value->numpy) ? ndarray(value->numpy) : NULL;
}

/* What stands in the aval, where the array is in MXNet's memory only. */
static PyObject *of_aval(Array *self, const char *name) {
    PyObject *aval = array_aval(self, NULL), *found = aval == NULL ? NULL : PyObject_GetAttrString(aval, name);
    Py_XDECREF(aval);
    return found;
}

static PyObject *array_shape(Array *self, void *closure) {
    PyArrayObject *array = array_in_memory(self);
    return array == NULL ? of_aval(self, "shape") : PyArray_IntTupleFromIntp(PyArray_NDIM(array), PyArray_DIMS(array));
}

/* Set what the method in Python of this name sets, or refuses to. */
static int set_in_python(Array *self, PyObject *value, void *name) {
    if (value == NULL) {
        PyErr_Format(PyExc_AttributeError, "Cannot delete array %s", (const char *)name + strlen("_set_"));
        return -1;
    }
    PyObject *done = PyObject_CallMethod((PyObject *)self, name, "(O)", value);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static PyObject *array_dtype(Array *self, void *closure) {
    PyArrayObject *array = array_in_memory(self);
    return array == NULL ? of_aval(self, "dtype") : Py_NewRef((PyObject *)PyArray_DESCR(array));
}

static PyObject *array_size(Array *self, void *closure) {
    PyArrayObject *array = array_in_memory(self);
    return array == NULL ? of_aval(self, "size") : PyLong_FromSsize_t(PyArray_SIZE(array));
}

static PyObject *array_ndim(Array *self, void *closure) {
    PyArrayObject *array = array_in_memory(self);
    return array == NULL ? of_aval(self, "ndim") : PyLong_FromLong(PyArray_NDIM(array));
}

static PyObject *array_value(Array *self, void *closure) { return Py_XNewRef((PyObject *)value_of(self)); }

static int array_set_value(Array *self, PyObject *value, void *closure) {
    hold_value(self, Py_XNewRef(value));
    return 0;
}

static PyObject *array_made_by(Array *self, void *closure) {
    if (value_of(self) == NULL) return NULL; /* it may be replaced next */
    return Py_NewRef(self->made_by == NULL ? Py_None : self->made_by);
}

static int array_set_made_by(Array *self, PyObject *made_by, void *closure) {
    if (value_of(self) == NULL) return -1;
    Py_XSETREF(self->made_by, Py_XNewRef(made_by));
    return 0;
}

static PyGetSetDef array_properties[] = {
    {"_value", (getter)array_value, (setter)array_set_value, "The data.", NULL},
    {"_made_by", (getter)array_made_by, (setter)array_set_made_by, "How a view comes from its base.", NULL},
    {"aval", (getter)array_aval, NULL, "Shape and dtype.", NULL},
    {"shape", (getter)array_shape, (setter)set_in_python, "The sizes of the axes.", "_set_shape"},
    {"dtype", (getter)array_dtype, (setter)set_in_python, "The type of the elements.", "_set_dtype"},
    {"ndim", (getter)array_ndim, NULL, "The number of axes.", NULL},
    {"size", (getter)array_size, NULL, "The number of elements.", NULL},
    {"is_contiguous", (getter)array_is_contiguous, NULL, "Whether the elements stand in memory in C order.", NULL},
    {NULL},
};

/* Let a class have the attributes of its base, which Python reads sooner there. */
int own_attributes(PyTypeObject *type) {
    int failed = 0;
    for (PyGetSetDef *attribute = array_properties; attribute->name != NULL && !failed; attribute++) {
        PyObject *descriptor = PyDescr_NewGetSet(type, attribute);
        failed = descriptor == NULL || PyObject_SetAttrString((PyObject *)type, attribute->name, descriptor) < 0;
        Py_XDECREF(descriptor);
    }
    return failed ? -1 : 0;
}

/* Whether no base of a view got a new value since. */
static int is_current(const Array *view) {
    for (; is_set(view->base); view = (const Array *)view->base)
        if (view->seen != ((const Array *)view->base)->version) return 0;
    return 1;
}

static int is_readable(const Value *value) { return value->context == cpu && value->numpy != NULL && is_ndarray(value->numpy); }

/* The value of an array whose views are up to date and that NumPy can read where it is, else NULL. */
Value *readable(PyObject *x) {
    Value *value = is_current((Array *)x) ? value_of((Array *)x) : NULL;
    if (value == NULL) forget_error();
    return value != NULL && is_readable(value) ? value : NULL;
}

/* The value of the base of a view whose own is not made yet, in the same way. */
Value *readable_base(const Array *view) {
    Value *value = (Value *)view->value;
    return view->holds == HOLDS_BASE && is_current(view) && is_readable(value) ? value : NULL;
}

/* Whether NumPy gave a view: not for one element, nor where a reshape has to copy. */
int is_view_of(PyObject *result, PyObject *source) {
    PyObject *base = PyArray_BASE(ndarray(result));
    return base != NULL && (base == source || base == PyArray_BASE(ndarray(source)));
}

PyObject *new_made_by(PyObject *op, PyObject *params) { return new_pair((PyObject *)made_by_type, op, params); }

void become_view(Array *view, PyObject *base, PyObject *made_by) {
    view->base = Py_NewRef(base);
    view->made_by = made_by;
    view->seen = ((Array *)base)->version;
    follow((Value *)view->value, (Value *)((Array *)base)->value);
}

PyTypeObject ArraySlots = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.ArraySlots",
    .tp_basicsize = sizeof(Array),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)array_init,
    .tp_traverse = (traverseproc)array_traverse,
    .tp_clear = (inquiry)array_clear,
    .tp_dealloc = (destructor)array_dealloc,
    .tp_members = array_members,
    .tp_getset = array_properties,
    .tp_weaklistoffset = offsetof(Array, weakrefs),
    .tp_as_number = &array_as_number,
    .tp_as_mapping = &array_as_mapping,
    .tp_iter = array_iterator,
    .tp_as_buffer = &array_as_buffer,
    .tp_richcompare = array_compare,
    .tp_hash = PyObject_HashNotImplemented,
};

