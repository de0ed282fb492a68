/* The memory layout of `Value` and `Array`. */
#include "fast.h"

PyTypeObject *value_type, *array_type, *scalar_type;
PyTypeObject *made_by_type;
PyObject *aval_type, *cpu, *as_value;

/* Value ------------------------------------------------------------------------------------------ */

static int value_init(Value *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"numpy_array", "mxnet_array", "aval", "context", NULL};
    PyObject *numpy = Py_None, *mxnet = Py_None, *aval = Py_None, *context = cpu;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOO", names, &numpy, &mxnet, &aval, &context)) return -1;
    Py_XSETREF(self->numpy, Py_NewRef(numpy));
    Py_XSETREF(self->mxnet, Py_NewRef(mxnet));
    Py_XSETREF(self->aval, Py_NewRef(aval));
    Py_XSETREF(self->context, Py_XNewRef(context));
    return 0;
}

static int value_traverse(Value *self, visitproc visit, void *arg) {
    Py_VISIT(self->numpy);
    Py_VISIT(self->mxnet);
    Py_VISIT(self->aval);
    Py_VISIT(self->context);
    Py_VISIT(self->tape);
    Py_VISIT(self->owner);
    return 0;
}

static int value_clear(Value *self) {
    Py_CLEAR(self->numpy);
    Py_CLEAR(self->mxnet);
    Py_CLEAR(self->aval);
    Py_CLEAR(self->context);
    Py_CLEAR(self->tape);
    Py_CLEAR(self->owner);
    return 0;
}

/* What is dead is kept for the next one: most live as short as the expression that they are a part of. */
#define MOST_KEPT 64
static Value *kept_values[MOST_KEPT];
static Array *kept_arrays[2][MOST_KEPT]; /* arrays, scalars */
static int n_kept_values, n_kept_arrays[2];

/* Of the classes in Python, too: `configure` puts it there in place of the general one. */
void value_dealloc(Value *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, value_dealloc);
    value_clear(self);
    if (type == value_type && n_kept_values < MOST_KEPT)
        kept_values[n_kept_values++] = self;
    else {
        type->tp_free((PyObject *)self);
        Py_DECREF(type);
    }
    Py_TRASHCAN_END;
}

/* Shape and dtype, made when first asked for. */
static PyObject *value_aval(Value *self, void *closure) {
    if (is_set(self->aval)) return Py_NewRef(self->aval);
    if (!is_set(self->numpy)) Py_RETURN_NONE;
    PyArrayObject *array = ndarray(self->numpy);
    PyObject *aval = NULL, *shape = PyArray_IntTupleFromIntp(PyArray_NDIM(array), PyArray_DIMS(array));
    if (shape != NULL) {
        PyObject *args[2] = {shape, (PyObject *)PyArray_DESCR(array)};
        aval = PyObject_Vectorcall(aval_type, args, 2, NULL);
        Py_DECREF(shape);
    }
    if (aval == NULL) return NULL;
    Py_XSETREF(self->aval, Py_NewRef(aval));
    return aval;
}

/* Who reads the data in Python may do with it what he likes. */
static PyObject *value_numpy(Value *self, void *closure) {
    saw_something_else();
    return Py_NewRef(self->numpy == NULL ? Py_None : self->numpy);
}

static int value_set_numpy(Value *self, PyObject *numpy, void *closure) {
    saw_something_else();
    Py_XSETREF(self->numpy, Py_XNewRef(numpy));
    return 0;
}

static PyGetSetDef value_properties[] = {
    {"_numpy", (getter)value_numpy, (setter)value_set_numpy, "The data as an array of NumPy.", NULL},
    {"aval", (getter)value_aval, NULL, "Shape and dtype.", NULL},
    {NULL},
};

static PyMemberDef value_members[] = {
    {"_mxnet", T_OBJECT, offsetof(Value, mxnet), 0, NULL},
    {"_aval", T_OBJECT, offsetof(Value, aval), 0, NULL},
    {"context", T_OBJECT, offsetof(Value, context), 0, NULL},
    {"tape", T_OBJECT, offsetof(Value, tape), 0, NULL},
    {"owner", T_OBJECT, offsetof(Value, owner), 0, NULL},
    {"recorded", T_BOOL, offsetof(Value, recorded), 0, NULL},
    {NULL},
};

PyTypeObject ValueSlots = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.ValueSlots",
    .tp_basicsize = sizeof(Value),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)value_init,
    .tp_traverse = (traverseproc)value_traverse,
    .tp_clear = (inquiry)value_clear,
    .tp_dealloc = (destructor)value_dealloc,
    .tp_members = value_members,
    .tp_getset = value_properties,
};

Value *new_value(PyObject *numpy) {
    Value *value;
    if (n_kept_values > 0) {
        value = kept_values[--n_kept_values];
        value->recorded = 0;
        _Py_NewReference((PyObject *)value);
        PyObject_GC_Track(value);
    } else
        value = (Value *)value_type->tp_alloc(value_type, 0);
    if (value == NULL) {
        Py_DECREF(numpy);
        return NULL;
    }
    value->numpy = numpy;
    value->context = Py_NewRef(cpu);
    return value;
}

void set_recorded(Value *value, char flag) {
    value->recorded = flag;
    while (is_set(value->owner)) value = (Value *)value->owner;
    value->recorded = flag;
}

/* `protect(records, flag)`: say of all values in records whether a tape relies on their data. */
PyObject *protect(PyObject *module, PyObject *args) {
    PyObject *records;
    int flag;
    if (!PyArg_ParseTuple(args, "O!p", &PyList_Type, &records, &flag)) return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(records); i++)
        for (int part = 1; part <= 3; part += 2) { /* the arguments, the outputs */
            PyObject *values = PyTuple_GET_ITEM(PyList_GET_ITEM(records, i), part);
            for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(values); k++)
                if (Py_TYPE(PyTuple_GET_ITEM(values, k)) == value_type)
                    set_recorded((Value *)PyTuple_GET_ITEM(values, k), (char)flag);
        }
    Py_RETURN_NONE;
}

/* Array ------------------------------------------------------------------------------------------ */

/* One without a value. */
static Array *empty_array(int is_scalar) {
    PyTypeObject *type = is_scalar ? scalar_type : array_type;
    Array *array;
    if (n_kept_arrays[is_scalar] > 0) {
        array = kept_arrays[is_scalar][--n_kept_arrays[is_scalar]];
        array->version = array->seen = 0;
        array->holds = HOLDS_VALUE;
        _Py_NewReference((PyObject *)array);
        PyObject_GC_Track(array);
    } else
        array = (Array *)type->tp_alloc(type, 0);
    return array;
}

Array *new_array(Value *value, int is_scalar) {
    Array *array = value == NULL ? NULL : empty_array(is_scalar);
    if (array == NULL)
        Py_XDECREF(value);
    else
        array->value = (PyObject *)value;
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

/* `base[key]` for a view, or `base.T`, for a `MadeBy`: its value is made when someone needs it, which is never for
 * `base[key] = ...`. */
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

static void follow(Value *value, Value *source) {
    Py_XSETREF(value->owner, Py_NewRef((PyObject *)source));
    while (is_set(source->owner)) source = (Value *)source->owner;
    if (source->recorded) value->recorded = 1;
}

/* The value of the array, borrowed; NULL with an exception. */
Value *value_of(Array *array) {
    if (array->holds == HOLDS_VALUE) return (Value *)array->value;
    if (array->holds == HOLDS_NUMBER) {
        PyArray_Descr *dtype = PyArray_DescrFromType(array->number_type);
        PyObject *number = PyArray_NewFromDescr(&PyArray_Type, dtype, 0, NULL, NULL, NULL, 0, NULL);
        if (number != NULL) memcpy(PyArray_DATA(ndarray(number)), &array->number, dtype->elsize);
        Value *value = number == NULL ? NULL : new_value(number);
        if (value != NULL) array->holds = HOLDS_VALUE;
        array->value = (PyObject *)value;
        return value;
    }
    Value *source = (Value *)array->value;
    PyObject *part = Py_TYPE(array->made_by) == made_by_type ? PyArray_Transpose(ndarray(source->numpy), NULL)
                                                             : PyObject_GetItem(source->numpy, array->made_by);
    Value *value = part == NULL ? NULL : new_value(part);
    if (value == NULL) return NULL;
    if (array->is_writeable)
        PyArray_ENABLEFLAGS(ndarray(part), NPY_ARRAY_WRITEABLE);
    else
        PyArray_CLEARFLAGS(ndarray(part), NPY_ARRAY_WRITEABLE);
    follow(value, source);
    array->holds = HOLDS_VALUE;
    Py_SETREF(array->value, (PyObject *)value);
    return value;
}

static int array_init(Array *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"data", NULL};
    PyObject *data;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &data)) return -1;
    PyObject *value = Py_TYPE(data) == value_type ? Py_NewRef(data) : PyObject_CallOneArg(as_value, data);
    if (value == NULL) return -1;
    self->holds = HOLDS_VALUE;
    Py_XSETREF(self->value, value);
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

void array_dealloc(Array *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, array_dealloc);
    if (self->weakrefs != NULL) PyObject_ClearWeakRefs((PyObject *)self);
    array_clear(self);
    int is_scalar = type == scalar_type;
    if ((is_scalar || type == array_type) && n_kept_arrays[is_scalar] < MOST_KEPT)
        kept_arrays[is_scalar][n_kept_arrays[is_scalar]++] = self;
    else {
        type->tp_free((PyObject *)self);
        Py_DECREF(type);
    }
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
    Value *value = value_of(self);
    if (value == NULL) PyErr_Clear();
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

static int array_set_shape(Array *self, PyObject *shape, void *closure) {
    if (shape == NULL) {
        PyErr_SetString(PyExc_AttributeError, "Cannot delete array shape");
        return -1;
    }
    PyObject *done = PyObject_CallMethod((PyObject *)self, "_set_shape", "(O)", shape);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static PyObject *array_ndim(Array *self, void *closure) {
    PyArrayObject *array = array_in_memory(self);
    return array == NULL ? of_aval(self, "ndim") : PyLong_FromLong(PyArray_NDIM(array));
}

static PyObject *array_value(Array *self, void *closure) { return Py_XNewRef((PyObject *)value_of(self)); }

static int array_set_value(Array *self, PyObject *value, void *closure) {
    self->holds = HOLDS_VALUE;
    Py_XSETREF(self->value, Py_XNewRef(value));
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
    {"shape", (getter)array_shape, (setter)array_set_shape, "The sizes of the axes.", NULL},
    {"ndim", (getter)array_ndim, NULL, "The number of axes.", NULL},
    {"is_contiguous", (getter)array_is_contiguous, NULL, "Whether the elements stand in memory in C order.", NULL},
    {NULL},
};

/* The value of an array whose views are up to date and that NumPy can read where it is, else NULL. */
Value *readable(PyObject *x) {
    Array *array = (Array *)x;
    for (Array *view = array; is_set(view->base); view = (Array *)view->base)
        if (view->seen != ((Array *)view->base)->version) return NULL;
    Value *value = value_of(array);
    if (value == NULL) PyErr_Clear();
    return value != NULL && value->context == cpu && value->numpy != NULL && is_ndarray(value->numpy) ? value : NULL;
}

/* Whether NumPy gave a view: not for one element, nor where a reshape has to copy. */
int is_view_of(PyObject *result, PyObject *source) {
    PyObject *base = PyArray_BASE(ndarray(result));
    return base != NULL && (base == source || base == PyArray_BASE(ndarray(source)));
}

/* A `MadeBy`, which is a named tuple. */
PyObject *new_made_by(PyObject *op, PyObject *params) {
    PyObject *made_by = made_by_type->tp_alloc(made_by_type, 2);
    if (made_by == NULL) return NULL;
    PyTuple_SET_ITEM(made_by, 0, Py_NewRef(op));
    PyTuple_SET_ITEM(made_by, 1, Py_NewRef(params));
    return made_by;
}

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

