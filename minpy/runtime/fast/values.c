/* The memory layout of `Value`. */
#include "fast.h"

PyTypeObject *value_type;
PyObject *aval_type, *cpu;

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

static Value *kept_values[MOST_KEPT];
static int n_kept_values;

static void keep_or_free(Value *self) {
    PyTypeObject *type = Py_TYPE(self);
    value_clear(self);
    if (type == value_type && n_kept_values < MOST_KEPT)
        kept_values[n_kept_values++] = self;
    else {
        type->tp_free((PyObject *)self);
        Py_DECREF(type);
    }
}

/* Of the classes in Python, too: `configure` puts it there in place of the general one. */
void value_dealloc(Value *self) {
    PyObject_GC_UnTrack(self);
    if (self->owner == NULL && self->tape == NULL) { /* else there may be a long chain of values */
        keep_or_free(self);
        return;
    }
    Py_TRASHCAN_BEGIN(self, value_dealloc);
    keep_or_free(self);
    Py_TRASHCAN_END;
}

/* A named tuple of two. */
PyObject *new_pair(PyObject *type, PyObject *first, PyObject *second) {
    PyObject *pair = ((PyTypeObject *)type)->tp_alloc((PyTypeObject *)type, 2);
    if (pair == NULL) return NULL;
    PyTuple_SET_ITEM(pair, 0, Py_NewRef(first));
    PyTuple_SET_ITEM(pair, 1, Py_NewRef(second));
    return pair;
}

/* Shape and dtype, made when first asked for. */
PyObject *value_aval(Value *self, void *closure) {
    if (is_set(self->aval)) return Py_NewRef(self->aval);
    if (!is_set(self->numpy)) Py_RETURN_NONE;
    PyArrayObject *array = ndarray(self->numpy);
    PyObject *shape = PyArray_IntTupleFromIntp(PyArray_NDIM(array), PyArray_DIMS(array));
    PyObject *aval = shape == NULL ? NULL : new_pair(aval_type, shape, (PyObject *)PyArray_DESCR(array));
    Py_XDECREF(shape);
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

/* Show the memory of another value. */
void follow(Value *value, Value *source) {
    Py_XSETREF(value->owner, Py_NewRef((PyObject *)source));
    while (is_set(source->owner)) source = (Value *)source->owner;
    if (source->recorded) value->recorded = 1;
}
