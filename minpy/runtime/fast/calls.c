/* The functions and methods that come down to one op.
 *
 * `np.sum(x, axis=-1)` finds out in Python which op with which params it stands for. That depends on what the
 * arguments look like (shapes, dtypes, memory layout, numbers, names), and mostly not on the data. So it is
 * remembered: a call that looks the same runs the same op at once. A function that reads the data of an
 * array, runs several ops, or gives something else than the result of its op, is not remembered that way:
 * see numpys.c, and constants.c for those that take no array. */
#include "calls.h"

#define MOST_CALLS 4096 /* then all are forgotten: they are learned again in no time */
#define TABLE_SIZE (4 * MOST_CALLS)
#define DEEPEST 3       /* lists in lists */

_Thread_local Seen *seen;
static Known *known_calls[TABLE_SIZE]; /* by the hash of the description; a place that is taken sends on to the next */
static int n_known;

/* What stands before the words of an argument. */
enum { ARRAY_TAG = 1, NUMBER_TAG, SEQUENCE_TAG, SLICE_TAG, TEXT_TAG, OBJECT_TAG, NAMES_TAG };

static int write_word(Call *call, int64_t word) {
    if (call->n_words == MOST_WORDS) return 0;
    call->words[call->n_words++] = word;
    return 1;
}

static int write_object(Call *call, PyObject *x) {
    if (call->n_objects == MOST_OBJECTS) return 0;
    call->objects[call->n_objects++] = x;
    return write_word(call, OBJECT_TAG) && write_word(call, (int64_t)(intptr_t)x);
}

/* The place among the operands; the same array has the same place each time. */
static int write_operand(Call *call, PyObject *x) {
    Py_ssize_t place = 0;
    if (is_array(x))
        while (place < call->n_operands && call->operands[place] != x) place++;
    else
        place = call->n_operands;
    if (place == call->n_operands) {
        if (place == MAX_OPERANDS) return 0;
        call->operands[call->n_operands++] = x;
    }
    return write_word(call, place);
}

static int write_array(Call *call, PyObject *x) {
    Value *value = readable(x);
    if (value == NULL) return 0;
    PyArrayObject *array = ndarray(value->numpy);
    int ndim = PyArray_NDIM(array), is_contiguous = PyArray_IS_C_CONTIGUOUS(array);
    int is_number = Py_TYPE(x) == scalar_type, is_writeable = PyArray_ISWRITEABLE(array) != 0;
    if (!write_word(call, ARRAY_TAG + 16 * (ndim + 64 * (is_contiguous + 2 * is_number + 4 * is_writeable))) ||
        !write_operand(call, x) || !write_object(call, (PyObject *)PyArray_DESCR(array)))
        return 0;
    for (int axis = 0; axis < ndim; axis++)
        if (!write_word(call, PyArray_DIM(array, axis)) ||
            !(is_contiguous || write_word(call, PyArray_STRIDE(array, axis))))
            return 0;
    return 1;
}

/* Whether the argument could be described. */
static int write_argument(Call *call, PyObject *x, int depth) {
    if (is_array(x)) return write_array(call, x);
    if (PyFloat_CheckExact(x)) {
        double number = PyFloat_AS_DOUBLE(x);
        int64_t bits;
        memcpy(&bits, &number, sizeof bits);
        return write_word(call, NUMBER_TAG) && write_operand(call, x) && write_word(call, bits);
    }
    if (PyLong_CheckExact(x)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(x, &overflow);
        return !overflow && write_word(call, NUMBER_TAG + 16) && write_operand(call, x) && write_word(call, number);
    }
    int is_list = PyList_CheckExact(x);
    if (is_list || PyTuple_CheckExact(x)) {
        Py_ssize_t length = PySequence_Fast_GET_SIZE(x);
        if (depth == DEEPEST || !write_word(call, SEQUENCE_TAG + 16 * (2 * length + is_list))) return 0;
        for (Py_ssize_t i = 0; i < length; i++)
            if (!write_argument(call, PySequence_Fast_GET_ITEM(x, i), depth + 1)) return 0;
        return 1;
    }
    if (PySlice_Check(x)) {
        PySliceObject *slice = (PySliceObject *)x;
        return write_word(call, SLICE_TAG) && write_argument(call, slice->start, DEEPEST) &&
               write_argument(call, slice->stop, DEEPEST) && write_argument(call, slice->step, DEEPEST);
    }
    if (PyUnicode_CheckExact(x)) {
        Py_ssize_t length;
        const char *text = PyUnicode_AsUTF8AndSize(x, &length);
        if (text == NULL) forget_error();
        if (text == NULL || !write_word(call, TEXT_TAG + 16 * length)) return 0;
        for (; length > 0; text += sizeof(int64_t), length -= sizeof(int64_t)) {
            int64_t word = 0;
            memcpy(&word, text, length < (Py_ssize_t)sizeof word ? length : (Py_ssize_t)sizeof word);
            if (!write_word(call, word)) return 0;
        }
        return 1;
    }
    if (x != Py_None && x != Py_Ellipsis && !PyBool_Check(x) && !PyType_Check(x) && !PyArray_DescrCheck(x))
        return 0;
    return write_object(call, x);
}

static int write_call(Call *call, PyObject *original, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf), i = 0;
    call->n_words = call->n_operands = call->n_objects = 0;
    if (n == 0 || !write_object(call, original) || !write_word(call, n)) return 0;
    if (!is_array(args[0])) { /* a function of the table, which is called by a method of its class */
        if (!write_object(call, args[0])) return 0;
        i = 1;
    }
    for (; i < n; i++)
        if (!write_argument(call, args[i], 0)) return 0;
    for (i = 0; kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++)
        if (!write_word(call, NAMES_TAG) || !write_argument(call, PyTuple_GET_ITEM(kwnames, i), 0) ||
            !write_argument(call, args[n + i], 0))
            return 0;
    for (i = 0; i < call->n_operands; i++)
        if (is_array(call->operands[i])) return 1;
    PyObject *dtype = call->n_operands == 0 ? NULL : dtype_of_new();
    return dtype != NULL && write_object(call, dtype);
}

/* An op ran here. */
void saw(PyObject *op, PyObject *const *args, Py_ssize_t n, PyObject *params, PyObject *result) {
    if (seen == NULL || seen->ops++) return;
    seen->op = Py_NewRef(op);
    seen->params = Py_NewRef(params);
    seen->result = Py_NewRef(result);
    for (seen->n = 0; seen->n < n; seen->n++) seen->operands[seen->n] = Py_NewRef(args[seen->n]);
}

static void clear_seen(Seen *what) {
    Py_CLEAR(what->op);
    Py_CLEAR(what->params);
    Py_CLEAR(what->result);
    for (Py_ssize_t i = 0; i < what->n; i++) Py_DECREF(what->operands[i]);
}

uint64_t hash_of(const Call *call) {
    uint64_t hash = 0;
    for (Py_ssize_t i = 0; i < call->n_words; i++) {
        hash = (hash ^ (uint64_t)call->words[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* The place of the call in the table, or the free one where it belongs. */
Known **look_up(const Call *call, uint64_t hash) {
    for (uint64_t i = hash;; i++) {
        Known **place = &known_calls[i % TABLE_SIZE], *known = *place;
        if (known == NULL || (known->hash == hash && known->n_words == call->n_words &&
                              memcmp(known->words, call->words, call->n_words * sizeof *call->words) == 0))
            return place;
    }
}

static void forget_all(void) {
    for (int i = 0; i < TABLE_SIZE; i++) {
        Known *known = known_calls[i];
        if (known == NULL) continue;
        known_calls[i] = NULL;
        n_known--;
        PyObject *held[] = {known->op, known->params, known->numpy, known->constant, known->objects};
        PyMem_Free(known);
        for (size_t k = 0; k < sizeof held / sizeof *held; k++) Py_XDECREF(held[k]);
    }
}

int remember(Call *call, uint64_t hash, Known what, const char *places) {
    size_t size = call->n_words * sizeof *call->words;
    Known *known = PyMem_Malloc(sizeof *known + size);
    PyObject *objects = PyTuple_New(call->n_objects);
    if (known == NULL || objects == NULL) {
        PyMem_Free(known);
        Py_XDECREF(objects);
        if (!PyErr_Occurred()) PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < call->n_objects; i++) PyTuple_SET_ITEM(objects, i, Py_NewRef(call->objects[i]));
    if (n_known >= MOST_CALLS) forget_all();
    Known **place = look_up(call, hash);
    if (*place != NULL) { /* learned by a call within the call */
        PyMem_Free(known);
        Py_DECREF(objects);
        return 0;
    }
    what.hash = hash;
    what.n_words = call->n_words;
    what.objects = objects;
    *known = what;
    Py_XINCREF(what.op);
    Py_XINCREF(what.params);
    Py_XINCREF(what.numpy);
    Py_XINCREF(what.constant);
    if (places != NULL) memcpy(known->places, places, MAX_OPERANDS);
    memcpy(known->words, call->words, size);
    *place = known;
    n_known++;
    return 0;
}

/* Remember what the call came down to, if that was one op on arguments of the call. */
static int learn(Call *call, uint64_t hash, Seen *what, PyObject *result) {
    char places[MAX_OPERANDS];
    if (what->ops != 1 || what->result != result) return 0;
    for (Py_ssize_t i = 0; i < what->n; i++) {
        Py_ssize_t place = 0;
        while (place < call->n_operands && call->operands[place] != what->operands[i]) place++;
        if (place == call->n_operands) return 0;
        places[i] = (char)place;
    }
    for (Py_ssize_t place = 0; place < call->n_operands; place++) /* else the op stands for what it contained */
        if (is_array(call->operands[place]) && memchr(places, (char)place, what->n) == NULL) return 0;
    int failed = remember(call, hash, (Known){.op = what->op, .params = what->params, .n_operands = what->n}, places);
    return failed ? -1 : 1;
}

/* The function in Python; what it comes down to is remembered. */
static PyObject *call_and_learn(Call *call, uint64_t hash, PyObject *original, PyObject *const *args, size_t nargsf,
                                PyObject *kwnames) {
    Seen mine = {.outer = seen};
    seen = &mine;
    PyObject *result = PyObject_Vectorcall(original, args, nargsf, kwnames);
    Seen *outer = seen = mine.outer;
    int learned = result == NULL ? 0 : learn(call, hash, &mine, result), failed = learned < 0;
    if (result != NULL && !learned)
        failed = learn_constant(call, hash, args, result) < 0 ||
                 learn_numpys(call, hash, args, PyVectorcall_NARGS(nargsf), kwnames, &mine, result) < 0;
    if (outer != NULL) {
        if (mine.ops == 1 && result != NULL) saw(mine.op, mine.operands, mine.n, mine.params, mine.result);
        else outer->ops += result == NULL ? 2 : mine.ops;
        outer->by_python |= mine.by_python;
    }
    clear_seen(&mine);
    Known *known = result == NULL || learned || failed ? NULL : *look_up(call, hash);
    if (known != NULL && known->op == NULL) { /* the first result is NumPy's already, like all later ones */
        PyObject *numpys = call_numpys(known, call, args, PyVectorcall_NARGS(nargsf), kwnames);
        if (numpys != NULL) Py_SETREF(result, numpys);
        failed = numpys == NULL && PyErr_Occurred();
    }
    if (failed) Py_CLEAR(result);
    return result;
}

/* Functions and methods written in Python, which one of these stands for. */
typedef struct {
    PyObject_HEAD
    PyObject *original;
    vectorcallfunc vectorcall;
    const Shortcut *shortcut;
} Method;

static PyObject *call_remembered(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    PyObject *original = ((Method *)self)->original;
    Call call;
    if (is_paused || !write_call(&call, original, args, nargsf, kwnames))
        return PyObject_Vectorcall(original, args, nargsf, kwnames);
    uint64_t hash = hash_of(&call);
    Known *known = *look_up(&call, hash);
    if (known == NULL) return call_and_learn(&call, hash, original, args, nargsf, kwnames);
    if (known->op == NULL) {
        PyObject *result = known->constant != NULL
                               ? copy_constant(known)
                               : call_numpys(known, &call, args, PyVectorcall_NARGS(nargsf), kwnames);
        return result != NULL || PyErr_Occurred() ? result : PyObject_Vectorcall(original, args, nargsf, kwnames);
    }
    PyObject *operands[MAX_OPERANDS], *op = Py_NewRef(known->op), *params = Py_NewRef(known->params);
    Py_ssize_t n = known->n_operands;
    for (Py_ssize_t i = 0; i < n; i++) operands[i] = call.operands[(int)known->places[i]];
    PyObject *result = run_here(op, operands, n, params);
    Py_DECREF(op);
    Py_DECREF(params);
    if (result == NULL && !PyErr_Occurred()) result = PyObject_Vectorcall(original, args, nargsf, kwnames);
    return result;
}

/* `Op.__call__`. */
static PyObject *call_op(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
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

/* A method of arrays with a short way of its own, which is not taken while somebody wants to know what it does. */
static PyObject *call_shortened(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    PyObject *result = NULL;
    const Shortcut *shortcut = ((Method *)self)->shortcut;
    if (n > 0 && kwnames == NULL && !is_paused && seen == NULL) result = shortcut->run(args[0], args + 1, n - 1, shortcut->kernel);
    if (result != NULL || PyErr_Occurred()) return result;
    return PyObject_Vectorcall(((Method *)self)->original, args, nargsf, kwnames);
}

/* What is called most: the instances of these classes, by their `__call__`, which is a `Method`. */
#define MOST_CLASSES 4
static struct {
    PyTypeObject *type;
    PyObject *method;
    ternaryfunc call_slowly; /* looks `__call__` up */
} called[MOST_CLASSES];

static PyObject *call_instance(PyObject *self, PyObject *args, PyObject *kwargs) {
    int i = 0;
    while (called[i].type != Py_TYPE(self)) i++;
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    if ((kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) || n > MAX_OPERANDS) return called[i].call_slowly(self, args, kwargs);
    PyObject *all[MAX_OPERANDS + 1] = {self};
    if (n > 0) memcpy(all + 1, &PyTuple_GET_ITEM(args, 0), n * sizeof *all);
    return ((Method *)called[i].method)->vectorcall(called[i].method, all, n + 1, NULL);
}

/* Take the place of what looks `__call__` of a class up. */
PyObject *accelerate_calls(PyObject *module, PyObject *class) {
    PyTypeObject *type = (PyTypeObject *)class;
    PyObject *method = PyDict_GetItemString(type->tp_dict, "__call__");
    for (int i = 0; i < MOST_CLASSES && method != NULL && Py_TYPE(method) == &MethodType; i++)
        if (called[i].type == NULL) {
            called[i].type = (PyTypeObject *)Py_NewRef(class);
            called[i].method = Py_NewRef(method);
            called[i].call_slowly = type->tp_call;
            type->tp_call = call_instance;
            break;
        }
    Py_RETURN_NONE;
}

static PyObject *method_get(PyObject *self, PyObject *instance, PyObject *owner) {
    return instance == NULL ? Py_NewRef(self) : PyMethod_New(self, instance);
}

static PyObject *method_repr(Method *self) { return PyObject_Repr(self->original); }

static PyObject *method_getattro(PyObject *self, PyObject *name) {
    PyObject *found = PyObject_GenericGetAttr(self, name);
    if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    forget_error();
    return PyObject_GetAttr(((Method *)self)->original, name); /* __name__, __doc__, __signature__, ... */
}

static void method_dealloc(Method *self) {
    Py_XDECREF(self->original);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *method_doc(Method *self, void *closure) {
    return PyObject_GetAttrString(self->original, "__doc__");
}

static PyGetSetDef method_properties[] = {
    {"__doc__", (getter)method_doc, NULL, NULL, NULL},
    {NULL},
};

static PyMemberDef method_members[] = {
    {"__wrapped__", T_OBJECT, offsetof(Method, original), READONLY, NULL},
    {NULL},
};

PyTypeObject MethodType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.Method",
    .tp_basicsize = sizeof(Method),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(Method, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_descr_get = method_get,
    .tp_getattro = method_getattro,
    .tp_repr = (reprfunc)method_repr,
    .tp_dealloc = (destructor)method_dealloc,
    .tp_members = method_members,
    .tp_getset = method_properties,
};

static PyObject *new_method(PyObject *original, vectorcallfunc vectorcall) {
    Method *method = PyObject_New(Method, &MethodType);
    if (method == NULL) return NULL;
    method->original = Py_NewRef(original);
    method->vectorcall = vectorcall;
    method->shortcut = NULL;
    return (PyObject *)method;
}

PyObject *accelerated(PyObject *module, PyObject *original) { return new_method(original, call_op); }

PyObject *remembered(PyObject *module, PyObject *original) { return new_method(original, call_remembered); }

PyObject *shortened(PyObject *module, PyObject *args) {
    const char *name;
    PyObject *original;
    if (!PyArg_ParseTuple(args, "sO", &name, &original)) return NULL;
    const Shortcut *shortcut = shortcut_of(name);
    if (shortcut == NULL) return Py_NewRef(original);
    PyObject *method = new_method(original, call_shortened);
    if (method != NULL) ((Method *)method)->shortcut = shortcut;
    return method;
}

int prepare_calls(void) { return PyType_Ready(&MethodType); }
