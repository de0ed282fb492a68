/* The short way through eager mode: an op that NumPy runs, on arrays in the CPU's memory.
 *
 * This holds the memory layout of `Value` and `Array` (runtime/array.py) and does in one step what
 * `run_op` (runtime/dispatch.py) does in Python for the most frequent case. Whatever is unusual about a
 * call (another policy, a GPU, MXNet's memory, a stale view, an error) makes it step aside: then the
 * Python code runs, which is the reference. MinPy works the same without this file, only slower.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *x) { Py_INCREF(x); return x; }
static inline PyObject *Py_XNewRef(PyObject *x) { Py_XINCREF(x); return x; }
#endif

#define MAX_OPERANDS 4

/* The beginning of every numpy.ndarray: part of NumPy's binary interface, the same in all versions. */
typedef struct {
    PyObject_HEAD
    char *data;
    int ndim;
    Py_ssize_t *shape;
    Py_ssize_t *strides;
    PyObject *base;
    PyObject *dtype;
} NDArray;

/* And of every numpy.dtype. */
typedef struct {
    PyObject_HEAD
    PyTypeObject *scalar;
    char kind;
} DType;

typedef struct {
    PyObject_HEAD
    PyObject *numpy, *mxnet, *aval, *context, *tape, *owner;
    char recorded;
} Value;

typedef struct {
    PyObject_HEAD
    PyObject *value, *base, *made_by, *weakrefs;
    Py_ssize_t version, seen;
} Array;

/* How a policy decides: ask it (in Python); always NumPy; NumPy for what is in `decisions`. */
enum { ASK, ONLY_NUMPY, LOOK_UP };

typedef struct {
    PyObject *counts, *decisions;
    int mode;
} Policy;

static Policy of_process;
static _Thread_local Policy of_thread;

static PyTypeObject *value_type, *array_type, *scalar_type, *ufunc_type; /* the Python classes */
static PyObject *ndarray_type, *cpu, *asarray, *as_value; /* what they need */
static PyObject *aval_type, *made_by_type;
static PyObject *run_op;                                  /* (op, args, params): the reference */
/* op -> (NumPy's function, name, gives a view, gives a scalar for a scalar, no gradient flows through it) */
static PyObject *table; /* op -> what `register_op` was told */
static PyObject *no_params;
static PyObject *s_alive, *s_records, *s_only_numpy, *s_decisions, *s_statistics, *s_numpy, *s_index, *s_shape,
    *s_array;

static int is_paused; /* something looks at every op: all of them go through Python */

static int is_set(PyObject *x) { return x != NULL && x != Py_None; }

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

static void value_dealloc(Value *self) {
    PyObject_GC_UnTrack(self);
    value_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Shape and dtype, made when first asked for. */
static PyObject *value_aval(Value *self, void *closure) {
    if (is_set(self->aval)) return Py_NewRef(self->aval);
    if (!is_set(self->numpy)) Py_RETURN_NONE;
    PyObject *aval = NULL, *shape = PyObject_GetAttr(self->numpy, s_shape);
    if (shape != NULL) {
        PyObject *args[2] = {shape, ((NDArray *)self->numpy)->dtype};
        aval = PyObject_Vectorcall(aval_type, args, 2, NULL);
        Py_DECREF(shape);
    }
    if (aval == NULL) return NULL;
    Py_XSETREF(self->aval, Py_NewRef(aval));
    return aval;
}

static PyGetSetDef value_properties[] = {
    {"aval", (getter)value_aval, NULL, "Shape and dtype.", NULL},
    {NULL},
};

static PyMemberDef value_members[] = {
    {"_numpy", T_OBJECT, offsetof(Value, numpy), 0, NULL},
    {"_mxnet", T_OBJECT, offsetof(Value, mxnet), 0, NULL},
    {"_aval", T_OBJECT, offsetof(Value, aval), 0, NULL},
    {"context", T_OBJECT, offsetof(Value, context), 0, NULL},
    {"tape", T_OBJECT, offsetof(Value, tape), 0, NULL},
    {"owner", T_OBJECT, offsetof(Value, owner), 0, NULL},
    {"recorded", T_BOOL, offsetof(Value, recorded), 0, NULL},
    {NULL},
};

static PyTypeObject ValueSlots = {
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

/* Takes over the reference to `numpy`. */
static Value *new_value(PyObject *numpy) {
    Value *value = (Value *)value_type->tp_alloc(value_type, 0);
    if (value == NULL) {
        Py_DECREF(numpy);
        return NULL;
    }
    value->numpy = numpy;
    value->context = Py_NewRef(cpu);
    return value;
}

static void set_recorded(Value *value, char flag) {
    value->recorded = flag;
    while (is_set(value->owner)) value = (Value *)value->owner;
    value->recorded = flag;
}

/* `protect(records, flag)`: say of all values in records whether a tape relies on their data. */
static PyObject *protect(PyObject *module, PyObject *args) {
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

/* Takes over the reference to `value`. */
static Array *new_array(Value *value, int is_scalar) {
    if (value == NULL) return NULL;
    PyTypeObject *type = is_scalar ? scalar_type : array_type;
    Array *array = (Array *)type->tp_alloc(type, 0);
    if (array == NULL)
        Py_DECREF(value);
    else
        array->value = (PyObject *)value;
    return array;
}

static int array_init(Array *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"data", NULL};
    PyObject *data;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &data)) return -1;
    PyObject *value = Py_TYPE(data) == value_type ? Py_NewRef(data) : PyObject_CallOneArg(as_value, data);
    if (value == NULL) return -1;
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

static void array_dealloc(Array *self) {
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL) PyObject_ClearWeakRefs((PyObject *)self);
    array_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef array_members[] = {
    {"_value", T_OBJECT, offsetof(Array, value), 0, NULL},
    {"_base", T_OBJECT, offsetof(Array, base), 0, NULL},
    {"_made_by", T_OBJECT, offsetof(Array, made_by), 0, NULL},
    {"_version", T_PYSSIZET, offsetof(Array, version), 0, NULL},
    {"_seen", T_PYSSIZET, offsetof(Array, seen), 0, NULL},
    {NULL},
};

/* Shape and dtype never change, so a view need not look at its base. */
static PyObject *array_aval(Array *self, void *closure) {
    return value_aval((Value *)self->value, closure);
}

static PyGetSetDef array_properties[] = {
    {"aval", (getter)array_aval, NULL, "Shape and dtype.", NULL},
    {NULL},
};

/* The value of an array whose views are up to date and that NumPy can read where it is, else NULL. */
static Value *readable(PyObject *x) {
    Array *array = (Array *)x;
    for (Array *view = array; is_set(view->base); view = (Array *)view->base)
        if (view->seen != ((Array *)view->base)->version) return NULL;
    Value *value = (Value *)array->value;
    return value->context == cpu && value->numpy != NULL && (PyObject *)Py_TYPE(value->numpy) == ndarray_type
               ? value
               : NULL;
}

/* 1 and the tape, borrowed, where a gradient is running; 0 where not; -1 where two tapes meet. */
static int live_tape(Value *value, PyObject **tape) {
    if (!is_set(value->tape) || value->tape == *tape) return *tape != NULL;
    PyObject *alive = PyObject_GetAttr(value->tape, s_alive);
    if (alive == NULL) return -1;
    int is_alive = alive == Py_True;
    Py_DECREF(alive);
    if (!is_alive) return *tape != NULL;
    if (*tape != NULL) return -1;
    *tape = value->tape;
    return 1;
}

static int count(Policy *policy, PyObject *name) {
    PyObject *known = PyDict_GetItemWithError(policy->counts, name);
    if (known == NULL && PyErr_Occurred()) return -1;
    PyObject *more = PyLong_FromLong(known == NULL ? 1 : PyLong_AsLong(known) + 1);
    if (more == NULL) return -1;
    int failed = PyDict_SetItem(policy->counts, name, more);
    Py_DECREF(more);
    return failed;
}

static Policy *current_policy(void) { return of_thread.counts != NULL ? &of_thread : &of_process; }

/* Whether NumPy gave a view: not for one element, nor where a reshape has to copy. */
static int is_view_of(PyObject *result, PyObject *source) {
    PyObject *base = ((NDArray *)result)->base;
    return base != NULL && (base == source || base == ((NDArray *)source)->base);
}

/* Takes over the reference to `made_by`. */
static void become_view(Array *view, PyObject *base, PyObject *made_by) {
    Value *value = (Value *)view->value, *source = (Value *)((Array *)base)->value;
    view->base = Py_NewRef(base);
    view->made_by = made_by;
    view->seen = ((Array *)base)->version;
    Py_XSETREF(value->owner, Py_NewRef((PyObject *)source));
    while (is_set(source->owner)) source = (Value *)source->owner;
    if (source->recorded) value->recorded = 1;
}

/* Running an op ---------------------------------------------------------------------------------- */

/* Whether the policy has found NumPy to be the faster library for operands like these. */
static int is_numpy_faster(Policy *policy, PyObject *op, PyObject *const *raw, Py_ssize_t n) {
    PyObject *key = PyTuple_New(1 + 2 * n);
    if (key == NULL) return -1;
    PyTuple_SET_ITEM(key, 0, Py_NewRef(op));
    for (Py_ssize_t i = 0; i < n; i++) {
        int magnitude = -1; /* as in auto.py */
        PyObject *kind = (PyObject *)Py_TYPE(raw[i]);
        if (kind == ndarray_type) {
            NDArray *array = (NDArray *)raw[i];
            Py_ssize_t size = 1;
            for (int axis = 0; axis < array->ndim; axis++) size *= array->shape[axis];
            kind = array->dtype;
            for (magnitude = 0; size > 1; size = (size + 3) / 4) magnitude++;
        }
        PyTuple_SET_ITEM(key, 1 + 2 * i, Py_NewRef(kind));
        PyTuple_SET_ITEM(key, 2 + 2 * i, PyLong_FromLong(magnitude));
    }
    PyObject *found = PyDict_GetItemWithError(policy->decisions, key);
    Py_DECREF(key);
    if (found == NULL) return PyErr_Occurred() ? -1 : 0;
    return found == Py_False; /* "is MXNet faster?" */
}

static int append_record(PyObject *tape, PyObject *op, PyObject *const *values, Py_ssize_t n, PyObject *params,
                         Value *output) {
    PyObject *args = PyTuple_New(n), *outputs = PyTuple_Pack(1, output), *entry = NULL, *records = NULL;
    int failed = -1;
    if (args == NULL || outputs == NULL) goto done;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyTuple_SET_ITEM(args, i, Py_NewRef(values[i]));
        if (Py_TYPE(values[i]) == value_type) set_recorded((Value *)values[i], 1);
    }
    output->recorded = 1;
    Py_XSETREF(output->tape, Py_NewRef(tape));
    entry = PyTuple_Pack(4, op, args, params, outputs);
    records = PyObject_GetAttr(tape, s_records);
    if (entry != NULL && records != NULL) failed = PyList_Append(records, entry);
done:
    Py_XDECREF(args);
    Py_XDECREF(outputs);
    Py_XDECREF(entry);
    Py_XDECREF(records);
    return failed;
}

/* The result of an op, or NULL: with an exception set, or without one where Python has to do it. */
static PyObject *run_here(PyObject *op, PyObject *const *args, Py_ssize_t n, PyObject *params) {
    if (is_paused) return NULL;
    Policy *policy = current_policy();
    PyObject *entry = n > MAX_OPERANDS ? NULL : PyDict_GetItemWithError(table, op);
    if (entry == NULL) return NULL;
    long operands = PyLong_AsLong(PyTuple_GET_ITEM(entry, 5));
    if (operands >= 0 && n != operands) return NULL; /* an array to write to, behind those of a ufunc */
    int gives_view = n == 1 && PyTuple_GET_ITEM(entry, 2) == Py_True; /* always NumPy's: it shares memory */
    if (policy->mode == ASK && !gives_view) return NULL;
    PyObject *raw[MAX_OPERANDS], *values[MAX_OPERANDS], *tape = NULL;
    int has_array = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *x = args[i];
        raw[i] = values[i] = x;
        if (Py_TYPE(x) == array_type || Py_TYPE(x) == scalar_type) {
            Value *value = readable(x);
            if (value == NULL || live_tape(value, &tape) < 0) {
                PyErr_Clear();
                return NULL;
            }
            values[i] = (PyObject *)value;
            raw[i] = value->numpy;
            has_array = 1;
        } else if (!PyFloat_CheckExact(x) && !PyLong_CheckExact(x) && (PyObject *)Py_TYPE(x) != ndarray_type)
            return NULL;
    }
    if (!has_array) return NULL;
    if (Py_TYPE(args[0]) == scalar_type && (gives_view || PyTuple_GET_ITEM(entry, 3) == Py_True)) return NULL;
    if (policy->mode == LOOK_UP && !gives_view && is_numpy_faster(policy, op, raw, n) <= 0) return NULL;
    PyObject *function = PyTuple_GET_ITEM(entry, 0), *result;
    if (params == NULL || PyDict_GET_SIZE(params) == 0)
        result = PyObject_Vectorcall(function, raw, n, NULL);
    else
        result = PyObject_VectorcallDict(function, raw, n, params);
    if (result == NULL) {
        /* Python runs it again and says more about the error. */
        if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
            PyErr_ExceptionMatches(PyExc_IndexError))
            PyErr_Clear();
        return NULL;
    }
    int is_scalar = (PyObject *)Py_TYPE(result) != ndarray_type;
    if (is_scalar) {
        if (PyTuple_Check(result)) {
            Py_DECREF(result);
            return NULL;
        }
        Py_SETREF(result, PyObject_CallOneArg(asarray, result));
        if (result == NULL) return NULL;
    }
    Value *value = new_value(result);
    if (value == NULL) return NULL;
    char kind = ((DType *)((NDArray *)result)->dtype)->kind;
    if (PyTuple_GET_ITEM(entry, 4) == Py_True || (kind != 'f' && kind != 'c')) tape = NULL;
    if (count(policy, PyTuple_GET_ITEM(entry, 1)) < 0 ||
        (tape != NULL && append_record(tape, op, values, n, params == NULL ? no_params : params, value) < 0)) {
        Py_DECREF(value);
        return NULL;
    }
    Array *array = new_array(value, is_scalar);
    if (array == NULL || !gives_view || !is_view_of(value->numpy, raw[0])) return (PyObject *)array;
    PyObject *origin[2] = {op, params == NULL ? no_params : params};
    PyObject *made_by = PyObject_Vectorcall(made_by_type, origin, 2, NULL);
    if (made_by == NULL) {
        Py_DECREF(array);
        return NULL;
    }
    become_view(array, args[0], made_by);
    return (PyObject *)array;
}

/* `bind(op, args, params)`: what an op calls with its first array. */
static PyObject *bind(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    if (n != 3 || !PyTuple_Check(args[1]) || !PyDict_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "bind takes an op, a tuple of arguments and a dict of params");
        return NULL;
    }
    PyObject *result = run_here(args[0], &PyTuple_GET_ITEM(args[1], 0), PyTuple_GET_SIZE(args[1]), args[2]);
    if (result != NULL || PyErr_Occurred()) return result;
    return PyObject_Vectorcall(run_op, args, 3, NULL);
}

/* `Op.__call__`: runs the op here, or calls the method written in Python, which it stands for. */
typedef struct {
    PyObject_HEAD
    PyObject *original;
    vectorcallfunc vectorcall;
} Method;

static PyObject *method_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    PyObject *result = NULL;
    if (n > 1 && (kwnames == NULL || PyTuple_GET_SIZE(kwnames) == 0))
        result = run_here(args[0], args + 1, n - 1, NULL);
    else if (n > 1 && !PyObject_TypeCheck(args[0], ufunc_type)) { /* the keywords of a ufunc are options */
        PyObject *params = PyDict_New();
        if (params == NULL) return NULL;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++)
            if (PyDict_SetItem(params, PyTuple_GET_ITEM(kwnames, i), args[n + i]) < 0) break;
        if (!PyErr_Occurred()) result = run_here(args[0], args + 1, n - 1, params);
        Py_DECREF(params);
    }
    if (result != NULL || PyErr_Occurred()) return result;
    return PyObject_Vectorcall(((Method *)self)->original, args, nargsf, kwnames);
}

static PyObject *method_get(PyObject *self, PyObject *instance, PyObject *owner) {
    return instance == NULL ? Py_NewRef(self) : PyMethod_New(self, instance);
}

static void method_dealloc(Method *self) {
    Py_XDECREF(self->original);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef method_members[] = {
    {"__wrapped__", T_OBJECT, offsetof(Method, original), READONLY, NULL},
    {NULL},
};

static PyTypeObject MethodType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.Method",
    .tp_basicsize = sizeof(Method),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(Method, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_descr_get = method_get,
    .tp_dealloc = (destructor)method_dealloc,
    .tp_members = method_members,
};

static PyObject *accelerated(PyObject *module, PyObject *original) {
    Method *method = PyObject_New(Method, &MethodType);
    if (method == NULL) return NULL;
    method->original = Py_NewRef(original);
    method->vectorcall = method_call;
    return (PyObject *)method;
}

/* Python's operators ----------------------------------------------------------------------------- */

enum { ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, REMAINDER, POWER, MATMUL, AND, OR, XOR, BINARY };
enum { LESS = BINARY, LESS_EQUAL, EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, NEGATIVE, POSITIVE, ABSOLUTE, INVERT, ALL };

static const char *const operator_names[ALL] = {
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or",  "xor",
    "lt",  "le",  "eq",  "ne",      "gt",       "ge",  "neg", "pos",    "abs", "invert",
};
static PyObject *operator_ops[ALL];       /* the op of the table */
static PyObject *operator_functions[ALL]; /* (x, y) or (x,) in Python, for what is not run here */

static PyObject *apply(int which, PyObject *x, PyObject *y) {
    PyObject *args[2] = {x, y};
    Py_ssize_t n = y == NULL ? 1 : 2;
    PyObject *result = run_here(operator_ops[which], args, n, NULL);
    if (result != NULL || PyErr_Occurred()) return result;
    return PyObject_Vectorcall(operator_functions[which], args, n, NULL);
}

#define BINARY_SLOT(name, which) \
    static PyObject *name(PyObject *x, PyObject *y) { return apply(which, x, y); }
#define UNARY_SLOT(name, which) \
    static PyObject *name(PyObject *x) { return apply(which, x, NULL); }

BINARY_SLOT(array_add, ADD)
BINARY_SLOT(array_subtract, SUBTRACT)
BINARY_SLOT(array_multiply, MULTIPLY)
BINARY_SLOT(array_divide, DIVIDE)
BINARY_SLOT(array_floor_divide, FLOOR_DIVIDE)
BINARY_SLOT(array_remainder, REMAINDER)
BINARY_SLOT(array_matmul, MATMUL)
BINARY_SLOT(array_and, AND)
BINARY_SLOT(array_or, OR)
BINARY_SLOT(array_xor, XOR)
UNARY_SLOT(array_negative, NEGATIVE)
UNARY_SLOT(array_positive, POSITIVE)
UNARY_SLOT(array_absolute, ABSOLUTE)
UNARY_SLOT(array_invert, INVERT)

static PyObject *array_power(PyObject *x, PyObject *y, PyObject *modulus) {
    if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
    return apply(POWER, x, y);
}

static PyObject *array_compare(PyObject *x, PyObject *y, int how) {
    return apply(LESS + how, x, y); /* Py_LT, Py_LE, Py_EQ, Py_NE, Py_GT, Py_GE */
}

static PyNumberMethods array_as_number = {
    .nb_add = array_add,
    .nb_subtract = array_subtract,
    .nb_multiply = array_multiply,
    .nb_true_divide = array_divide,
    .nb_floor_divide = array_floor_divide,
    .nb_remainder = array_remainder,
    .nb_power = array_power,
    .nb_matrix_multiply = array_matmul,
    .nb_and = array_and,
    .nb_or = array_or,
    .nb_xor = array_xor,
    .nb_negative = array_negative,
    .nb_positive = array_positive,
    .nb_absolute = array_absolute,
    .nb_invert = array_invert,
};

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

/* The op `index` for a key that gives a view, or one element. */
static PyObject *index_here(PyObject *self, PyObject *key) {
    PyObject *tape = NULL;
    Value *source = Py_TYPE(self) == array_type ? readable(self) : NULL;
    if (source == NULL || live_tape(source, &tape) != 0 || !is_basic(key)) {
        PyErr_Clear();
        return NULL;
    }
    PyObject *result = PyObject_GetItem(source->numpy, key);
    if (result == NULL) {
        PyErr_Clear(); /* Python raises it with the line */
        return NULL;
    }
    int is_scalar = (PyObject *)Py_TYPE(result) != ndarray_type;
    int is_view = !is_scalar && is_view_of(result, source->numpy);
    if (is_scalar) {
        Py_SETREF(result, PyObject_CallOneArg(asarray, result));
        if (result == NULL) return NULL;
    }
    Array *array = new_array(new_value(result), is_scalar);
    if (array == NULL || count(current_policy(), s_index) < 0) {
        Py_XDECREF(array);
        return NULL;
    }
    if (is_view) become_view(array, self, Py_NewRef(key));
    return (PyObject *)array;
}

static PyObject *getitem; /* (array, key) in Python */

static PyObject *array_subscript(PyObject *self, PyObject *key) {
    PyObject *result = index_here(self, key);
    if (result != NULL || PyErr_Occurred()) return result;
    PyObject *args[2] = {self, key};
    return PyObject_Vectorcall(getitem, args, 2, NULL);
}

static PyMappingMethods array_as_mapping = {.mp_subscript = array_subscript};

/* The buffer protocol: the request goes to the NumPy array that `__array__` gives. */
static int array_getbuffer(PyObject *self, Py_buffer *view, int flags) {
    view->obj = NULL;
    PyObject *array = PyObject_CallMethodNoArgs(self, s_array);
    if (array == NULL) return -1;
    int failed = PyObject_GetBuffer(array, view, flags);
    Py_DECREF(array);
    return failed;
}

static PyBufferProcs array_as_buffer = {.bf_getbuffer = array_getbuffer};

static PyTypeObject ArraySlots = {
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
    .tp_as_buffer = &array_as_buffer,
    .tp_richcompare = array_compare,
    .tp_hash = PyObject_HashNotImplemented,
};

/* Setting up ------------------------------------------------------------------------------------- */

static int look_up_policy(Policy *policy, PyObject *object) {
    Policy found = {NULL, NULL, ASK};
    if (object != Py_None) {
        PyObject *only_numpy = PyObject_GetAttr(object, s_only_numpy);
        PyObject *statistics = PyObject_GetAttr(object, s_statistics);
        found.decisions = PyObject_GetAttr(object, s_decisions);
        if (statistics != NULL) found.counts = PyObject_GetAttr(statistics, s_numpy);
        if (only_numpy != NULL && found.decisions != NULL)
            found.mode = only_numpy == Py_True ? ONLY_NUMPY : PyDict_Check(found.decisions) ? LOOK_UP : ASK;
        Py_XDECREF(only_numpy);
        Py_XDECREF(statistics);
        if (found.decisions == NULL || found.counts == NULL) {
            Py_XDECREF(found.decisions);
            Py_XDECREF(found.counts);
            return -1;
        }
    }
    PyObject *counts = policy->counts, *decisions = policy->decisions;
    *policy = found;
    Py_XDECREF(counts);
    Py_XDECREF(decisions);
    return 0;
}

static PyObject *set_thread_policy(PyObject *module, PyObject *policy) {
    if (look_up_policy(&of_thread, policy) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *set_process_policy(PyObject *module, PyObject *policy) {
    if (look_up_policy(&of_process, policy) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *set_paused(PyObject *module, PyObject *flag) {
    is_paused = PyObject_IsTrue(flag);
    if (is_paused < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *register_op(PyObject *module, PyObject *args) {
    PyObject *op, *function, *name, *gives_view, *gives_its_operand, *is_constant, *operands;
    if (!PyArg_ParseTuple(args, "OOUO!O!O!O!", &op, &function, &name, &PyBool_Type, &gives_view, &PyBool_Type,
                          &gives_its_operand, &PyBool_Type, &is_constant, &PyLong_Type, &operands))
        return NULL;
    PyObject *entry = PyTuple_Pack(6, function, name, gives_view, gives_its_operand, is_constant, operands);
    if (entry == NULL) return NULL;
    int failed = PyDict_SetItem(table, op, entry);
    Py_DECREF(entry);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

static PyObject *register_operator(PyObject *module, PyObject *args) {
    const char *name;
    PyObject *op, *function;
    if (!PyArg_ParseTuple(args, "sOO", &name, &op, &function)) return NULL;
    for (int i = 0; i < ALL; i++)
        if (strcmp(operator_names[i], name) == 0) {
            Py_XSETREF(operator_ops[i], Py_NewRef(op));
            Py_XSETREF(operator_functions[i], Py_NewRef(function));
            Py_RETURN_NONE;
        }
    return PyErr_Format(PyExc_ValueError, "there is no operator %s", name);
}

static PyObject *configure(PyObject *module, PyObject *args) {
    PyObject *values, *arrays;
    if (!PyArg_ParseTuple(args, "O!O!OOOOOO", &PyType_Type, &values, &PyType_Type, &arrays, &aval_type,
                          &made_by_type, &ndarray_type, &cpu, &asarray, &as_value))
        return NULL;
    value_type = (PyTypeObject *)values;
    array_type = (PyTypeObject *)arrays;
    PyObject *kept[] = {values, arrays, aval_type, made_by_type, ndarray_type, cpu, asarray, as_value};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) Py_INCREF(kept[i]);
    Py_RETURN_NONE;
}

static PyMethodDef bind_definition = {"bind", (PyCFunction)(void (*)(void))bind, METH_FASTCALL, "Apply an op."};

static PyObject *accelerate(PyObject *module, PyObject *args) {
    PyObject *scalars, *ufuncs;
    if (!PyArg_ParseTuple(args, "OOO!O!", &run_op, &getitem, &PyType_Type, &scalars, &PyType_Type, &ufuncs))
        return NULL;
    scalar_type = (PyTypeObject *)Py_NewRef(scalars);
    ufunc_type = (PyTypeObject *)Py_NewRef(ufuncs);
    Py_INCREF(run_op);
    Py_INCREF(getitem);
    return PyCFunction_New(&bind_definition, NULL);
}

static PyMethodDef functions[] = {
    {"configure", configure, METH_VARARGS, "The classes, and what they are made with."},
    {"accelerate", accelerate, METH_VARARGS, "Gives bind(op, args, params)."},
    {"accelerated", accelerated, METH_O, "The method of ops that applies them, for the one in Python."},
    {"register_op", register_op, METH_VARARGS, "An op, NumPy's function for it, its name; what it gives."},
    {"register_operator", register_operator, METH_VARARGS, "A name, its op, the operator in Python."},
    {"set_thread_policy", set_thread_policy, METH_O, "The policy of this thread, None for that of the process."},
    {"set_process_policy", set_process_policy, METH_O, "The policy of the process."},
    {"protect", protect, METH_VARARGS, "Whether a tape relies on the data of the values in records."},
    {"pause", set_paused, METH_O, "Whether every op is left to Python."},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_fast", "The short way through eager mode.", -1, functions,
};

PyMODINIT_FUNC PyInit__fast(void) {
    if (PyType_Ready(&ValueSlots) < 0 || PyType_Ready(&ArraySlots) < 0 || PyType_Ready(&MethodType) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    table = PyDict_New();
    no_params = PyDict_New();
    s_alive = PyUnicode_InternFromString("alive");
    s_records = PyUnicode_InternFromString("records");
    s_only_numpy = PyUnicode_InternFromString("only_numpy");
    s_decisions = PyUnicode_InternFromString("decisions");
    s_statistics = PyUnicode_InternFromString("statistics");
    s_numpy = PyUnicode_InternFromString("numpy");
    s_index = PyUnicode_InternFromString("index");
    s_shape = PyUnicode_InternFromString("shape");
    s_array = PyUnicode_InternFromString("__array__");
    if (module == NULL || table == NULL || no_params == NULL || s_array == NULL) return NULL;
    if (PyModule_AddObject(module, "ValueSlots", Py_NewRef((PyObject *)&ValueSlots)) < 0 ||
        PyModule_AddObject(module, "ArraySlots", Py_NewRef((PyObject *)&ArraySlots)) < 0)
        return NULL;
    return module;
}
