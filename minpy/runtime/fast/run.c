/* One op: its operands, its result, the tape, the statistics of the policy. */
#include "fast.h"

/* How a policy decides: ask it (in Python); always NumPy; NumPy for what is in `decisions`. */
enum { ASK, ONLY_NUMPY, LOOK_UP };

#define MOST_OPS 2048 /* of the table */

typedef struct {
    PyObject *counts, *decisions;
    int mode, compiles, has_runs;
    long runs[MOST_OPS]; /* of each op, by its number, since they were last added to `counts` */
} Policy;

static Policy of_process;
static _Thread_local Policy of_thread;

PyObject *no_params, *run_op, *asarray; /* run_op(op, args, params): the reference */
const KnownOp *of_kernel[KERNELS];
static KnownOp known_ops[2 * MOST_OPS]; /* by the address of the op; a place that is taken sends on to the next */
PyTypeObject *ufunc_type;
int is_paused; /* something looks at every op: all of them go through Python */
static PyObject *op_names[MOST_OPS]; /* the first is `index` */
static int n_ops = 1;
static PyObject *s_alive, *s_hold, *s_records, *s_only_numpy, *s_decisions, *s_statistics, *s_numpy, *s_compiles;

int prepare_running(void) {
    no_params = PyDict_New();
    s_alive = PyUnicode_InternFromString("alive");
    s_hold = PyUnicode_InternFromString("hold");
    s_records = PyUnicode_InternFromString("records");
    s_only_numpy = PyUnicode_InternFromString("only_numpy");
    s_decisions = PyUnicode_InternFromString("decisions");
    s_statistics = PyUnicode_InternFromString("statistics");
    s_numpy = PyUnicode_InternFromString("numpy");
    s_compiles = PyUnicode_InternFromString("compiles");
    op_names[0] = PyUnicode_InternFromString("index");
    return no_params == NULL || op_names[0] == NULL ? -1 : 0;
}

/* What is known of the op, or the free place where that belongs. */
static KnownOp *place_of(PyObject *op) {
    size_t i = (uintptr_t)op / 16;
    while (known_ops[i % (2 * MOST_OPS)].op != NULL && known_ops[i % (2 * MOST_OPS)].op != op) i++;
    return &known_ops[i % (2 * MOST_OPS)];
}

const KnownOp *known_op(PyObject *op) {
    const KnownOp *known = place_of(op);
    return known->op == NULL ? NULL : known;
}

/* 1 and the tape, borrowed, where a gradient is running; 0 where not; -1 where two tapes meet. */
int live_tape(Value *value, PyObject **tape) {
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

static Policy *current_policy(void) { return of_thread.counts != NULL ? &of_thread : &of_process; }

static void count(Policy *policy, long number) {
    policy->runs[number]++;
    policy->has_runs = 1;
}

void count_index(void) { count(current_policy(), 0); }

void count_run(long number) { count(current_policy(), number); }

/* Whether NumPy runs everything, or what it was decided to run. */
int runs_by_numpy(int is_decided) {
    int mode = current_policy()->mode;
    return !is_paused && (mode == ONLY_NUMPY || (mode == LOOK_UP && is_decided));
}

/* Whether compiled graphs run under the policy. */
int policy_compiles(void) { return current_policy()->compiles; }

/* Under which number runs of this name are counted. */
long number_of(PyObject *name) {
    for (int i = 0; i < n_ops; i++)
        if (PyUnicode_Compare(op_names[i], name) == 0) return i;
    if (n_ops == MOST_OPS) return 0;
    op_names[n_ops] = Py_NewRef(name);
    return n_ops++;
}

static int add_counts(Policy *policy) {
    if (!policy->has_runs || policy->counts == NULL) return 0;
    policy->has_runs = 0;
    for (int i = 0; i < n_ops; i++) {
        if (policy->runs[i] == 0) continue;
        PyObject *known = PyDict_GetItemWithError(policy->counts, op_names[i]);
        if (known == NULL && PyErr_Occurred()) return -1;
        PyObject *more = PyLong_FromLong((known == NULL ? 0 : PyLong_AsLong(known)) + policy->runs[i]);
        policy->runs[i] = 0;
        if (more == NULL || PyDict_SetItem(policy->counts, op_names[i], more) < 0) {
            Py_XDECREF(more);
            return -1;
        }
        Py_DECREF(more);
    }
    return 0;
}

PyObject *flush_counts(PyObject *module, PyObject *nothing) {
    if (add_counts(&of_process) < 0 || add_counts(&of_thread) < 0) return NULL;
    Py_RETURN_NONE;
}

/* Answers of `decisions` by what stands in their keys; an answer never changes, and a dict that is here lives. */
#define MOST_ANSWERS 256
#define KEY_WORDS (3 + 2 * MAX_OPERANDS)
static struct {
    PyObject *decisions;
    int64_t key[KEY_WORDS];
} numpy_is_faster[MOST_ANSWERS];

static int ask_decisions(Policy *policy, PyObject *op, const int64_t *words, Py_ssize_t n) {
    PyObject *key = PyTuple_New(1 + 2 * n);
    if (key == NULL) return -1;
    PyTuple_SET_ITEM(key, 0, Py_NewRef(op));
    for (Py_ssize_t i = 0; i < n; i++) {
        PyTuple_SET_ITEM(key, 1 + 2 * i, Py_NewRef((PyObject *)(intptr_t)words[2 * i]));
        PyTuple_SET_ITEM(key, 2 + 2 * i, PyLong_FromLongLong(words[2 * i + 1]));
    }
    PyObject *found = PyDict_GetItemWithError(policy->decisions, key);
    Py_DECREF(key);
    if (found == NULL) return PyErr_Occurred() ? -1 : 0;
    return found == Py_False; /* "is MXNet faster?" */
}

/* Whether the policy has found NumPy to be the faster library for operands like these. */
static int is_numpy_faster(Policy *policy, PyObject *op, PyObject *const *raw, Py_ssize_t n) {
    int64_t key[KEY_WORDS] = {(int64_t)(intptr_t)op, n};
    uint64_t hash = (uint64_t)key[0] / 16;
    for (Py_ssize_t i = 0; i < n; i++) {
        int64_t magnitude = -1, kind = (int64_t)(intptr_t)Py_TYPE(raw[i]); /* as in auto.py */
        if (is_ndarray(raw[i])) {
            npy_intp size = PyArray_SIZE(ndarray(raw[i]));
            kind = (int64_t)(intptr_t)PyArray_DESCR(ndarray(raw[i]));
            for (magnitude = 0, size--; size > 0; size >>= 2) magnitude++;
        }
        key[2 + 2 * i] = kind;
        key[3 + 2 * i] = magnitude;
        hash = hash * 31 + (uint64_t)kind / 16 + (uint64_t)magnitude;
    }
    int place = (int)(hash % MOST_ANSWERS);
    if (numpy_is_faster[place].decisions == policy->decisions &&
        memcmp(numpy_is_faster[place].key, key, sizeof key) == 0)
        return 1;
    int answer = ask_decisions(policy, op, key + 2, n);
    if (answer == 1) {
        memcpy(numpy_is_faster[place].key, key, sizeof key);
        Py_XSETREF(numpy_is_faster[place].decisions, Py_NewRef(policy->decisions));
    }
    return answer;
}

/* Bytes that are copied faster than they are compared. */
#define SMALL 4096

/* Whether nobody else holds the arrays of a value and of its root, which owns the memory: `is_private` in short. */
static int is_private(Value *value, Value *root) {
    PyObject *owner = root->numpy;
    Py_ssize_t held = 1; /* and once more for each view of it */
    if (is_set(root->mxnet) || owner == NULL || !is_ndarray(owner) || PyArray_BASE(ndarray(owner)) != NULL) return 0;
    for (; value != root; value = (Value *)value->owner, held++) {
        PyObject *view = value->numpy;
        if (is_set(value->mxnet) || view == NULL || !is_ndarray(view)) return 0;
        if (view != owner && (PyArray_BASE(ndarray(view)) != owner || Py_REFCNT(view) > 1)) return 0;
    }
    return Py_REFCNT(owner) <= held;
}

/* What a record has of an operand, as `Tape.hold` says it. */
static PyObject *hold(PyObject *tape, PyObject *operand) {
    if (Py_TYPE(operand) == value_type) {
        Value *value = (Value *)operand, *root = value;
        while (is_set(root->owner)) root = (Value *)root->owner;
        if (root->recorded || value->tape == tape || is_private(value, root)) {
            value->recorded = root->recorded = 1;
            return Py_NewRef(operand);
        }
    } else if (!is_ndarray(operand))
        return Py_NewRef(operand);
    else if (PyArray_NBYTES(ndarray(operand)) <= SMALL) {
        PyObject *copy = PyArray_NewCopy(ndarray(operand), NPY_KEEPORDER);
        Value *value = copy == NULL ? NULL : new_value(copy);
        if (value != NULL) value->recorded = 1;
        return (PyObject *)value;
    }
    return PyObject_CallMethodObjArgs(tape, s_hold, operand, NULL);
}

static int append_record(PyObject *tape, PyObject *op, PyObject *const *values, Py_ssize_t n, PyObject *params,
                         Value *output) {
    PyObject *args = PyTuple_New(n), *outputs = PyTuple_Pack(1, output), *entry = NULL, *records = NULL;
    int failed = -1;
    if (args == NULL || outputs == NULL) goto done;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *held = hold(tape, values[i]);
        if (held == NULL) goto done;
        PyTuple_SET_ITEM(args, i, held);
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

/* What NumPy, or a kernel, makes of the operands: an array, and whether NumPy has a number there. */
static PyObject *computed(const KnownOp *op, PyObject *const *raw, Py_ssize_t n, PyObject *params, int *is_scalar) {
    PyObject *result = run_kernel(op, raw, n, params);
    if (result != NULL) {
        int gives_array = op->kernel == COPY_KERNEL || op->kernel == CAST_KERNEL; /* as does NumPy's own */
        *is_scalar = PyArray_NDIM(ndarray(result)) == 0 && !gives_array && !op->gives_view;
        return result;
    }
    if (params == NULL || PyDict_GET_SIZE(params) == 0)
        result = PyObject_Vectorcall(op->function, raw, n, NULL);
    else
        result = PyObject_VectorcallDict(op->function, raw, n, params);
    if (result == NULL) {
        /* Python runs it again and says more about the error. */
        if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
            PyErr_ExceptionMatches(PyExc_IndexError))
            forget_error();
        return NULL;
    }
    *is_scalar = !is_ndarray(result);
    if (*is_scalar) {
        if (PyTuple_Check(result))
            Py_CLEAR(result);
        else if (PyArray_IsScalar(result, Generic))
            Py_SETREF(result, PyArray_FromScalar(result, NULL));
        else
            Py_SETREF(result, PyObject_CallOneArg(asarray, result));
    }
    return result;
}

/* The result of an op, or NULL: with an exception set, or without one where Python has to do it. */
PyObject *run_here(PyObject *op, PyObject *const *args, Py_ssize_t n, PyObject *params) {
    if (is_paused) return NULL;
    Policy *policy = current_policy();
    const KnownOp *known = n > MAX_OPERANDS ? NULL : known_op(op);
    if (known == NULL) return NULL;
    if (known->operands >= 0 && n != known->operands) return NULL; /* an array to write to, behind those of a ufunc */
    int gives_view = n == 1 && known->gives_view; /* NumPy's: it shares memory */
    if (policy->mode == ASK && !gives_view) return NULL;
    PyObject *raw[MAX_OPERANDS], *values[MAX_OPERANDS], *tape = NULL;
    int has_array = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *x = args[i];
        raw[i] = values[i] = x;
        if (is_array(x)) {
            Value *value = readable(x);
            if (value == NULL || live_tape(value, &tape) < 0) {
                forget_error();
                return NULL;
            }
            values[i] = (PyObject *)value;
            raw[i] = value->numpy;
            has_array = 1;
        } else if (!PyFloat_CheckExact(x) && !PyLong_CheckExact(x) && !is_ndarray(x))
            return NULL;
    }
    if (!has_array) return NULL;
    int of_scalar = Py_TYPE(args[0]) == scalar_type; /* nobody can write to it, so nothing is a view of it */
    int is_spread = of_scalar && known->kernel == BROADCAST_KERNEL;
    if (of_scalar && (gives_view || known->gives_its_operand) && !is_spread) return NULL;
    if (policy->mode == LOOK_UP && !gives_view && is_numpy_faster(policy, op, raw, n) <= 0) return NULL;
    PyObject *copy = is_spread ? PyArray_NewCopy(ndarray(raw[0]), NPY_KEEPORDER) : NULL; /* `ufunc.at` writes to all */
    if (copy != NULL)
        raw[0] = copy;
    else if (is_spread)
        return NULL;
    int is_scalar;
    PyObject *result = computed(known, raw, n, params, &is_scalar);
    Py_XDECREF(copy);
    if (result == NULL) return NULL;
    Value *value = new_value(result);
    if (value == NULL) return NULL;
    if (known->is_constant) tape = NULL;
    if (tape != NULL && !PyArray_ISFLOAT(ndarray(result)) && !PyArray_ISCOMPLEX(ndarray(result))) {
        if (PyArray_ISOBJECT(ndarray(result))) { /* Python warns */
            Py_DECREF(value);
            return NULL;
        }
        tape = NULL;
    }
    if (params == NULL) params = no_params;
    count(policy, known->number);
    if (tape != NULL && append_record(tape, op, values, n, params, value) < 0) {
        Py_DECREF(value);
        return NULL;
    }
    Array *array = new_array(value, is_scalar);
    if (array != NULL && gives_view && !of_scalar && is_view_of(result, raw[0])) {
        PyObject *made_by = new_made_by(op, params);
        if (made_by == NULL)
            Py_CLEAR(array);
        else
            become_view(array, args[0], made_by);
    }
    if (array != NULL) saw(op, args, n, params, (PyObject *)array);
    return (PyObject *)array;
}

/* `bind(op, args, params)`: what an op calls with its first array. */
PyObject *bind_op(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    if (n != 3 || !PyTuple_Check(args[1]) || !PyDict_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "bind takes an op, a tuple of arguments and a dict of params");
        return NULL;
    }
    PyObject *result = run_here(args[0], &PyTuple_GET_ITEM(args[1], 0), PyTuple_GET_SIZE(args[1]), args[2]);
    if (result != NULL || PyErr_Occurred()) return result;
    saw_something_else();
    if (seen != NULL) seen->by_python = 1;
    return PyObject_Vectorcall(run_op, args, 3, NULL);
}

static int look_up_policy(Policy *policy, PyObject *object) {
    struct { PyObject *counts, *decisions; int mode, compiles; } found = {NULL, NULL, ASK, 0};
    if (object != Py_None) {
        PyObject *only_numpy = PyObject_GetAttr(object, s_only_numpy);
        PyObject *statistics = PyObject_GetAttr(object, s_statistics);
        PyObject *compiles = PyObject_GetAttr(object, s_compiles);
        found.decisions = PyObject_GetAttr(object, s_decisions);
        if (statistics != NULL) found.counts = PyObject_GetAttr(statistics, s_numpy);
        if (only_numpy != NULL && found.decisions != NULL)
            found.mode = only_numpy == Py_True ? ONLY_NUMPY : PyDict_Check(found.decisions) ? LOOK_UP : ASK;
        found.compiles = compiles == Py_True;
        Py_XDECREF(only_numpy);
        Py_XDECREF(statistics);
        Py_XDECREF(compiles);
        if (found.decisions == NULL || found.counts == NULL) {
            Py_XDECREF(found.decisions);
            Py_XDECREF(found.counts);
            return -1;
        }
    }
    if (add_counts(policy) < 0) return -1;
    PyObject *counts = policy->counts, *decisions = policy->decisions;
    policy->counts = found.counts;
    policy->decisions = found.decisions;
    policy->mode = found.mode;
    policy->compiles = found.compiles;
    Py_XDECREF(counts);
    Py_XDECREF(decisions);
    return 0;
}

PyObject *set_thread_policy(PyObject *module, PyObject *policy) {
    if (look_up_policy(&of_thread, policy) < 0) return NULL;
    Py_RETURN_NONE;
}

PyObject *set_process_policy(PyObject *module, PyObject *policy) {
    if (look_up_policy(&of_process, policy) < 0) return NULL;
    Py_RETURN_NONE;
}

PyObject *set_paused(PyObject *module, PyObject *flag) {
    is_paused = PyObject_IsTrue(flag);
    if (is_paused < 0) return NULL;
    Py_RETURN_NONE;
}

PyObject *register_op(PyObject *module, PyObject *args) {
    PyObject *name;
    KnownOp known = {NULL};
    if (!PyArg_ParseTuple(args, "OOUppplO", &known.op, &known.function, &name, &known.gives_view,
                          &known.gives_its_operand, &known.is_constant, &known.operands, &known.reduce))
        return NULL;
    if (n_ops == MOST_OPS) Py_RETURN_NONE; /* Python runs it */
    known.kernel = kernel_of(name);
    if (find_ufunc(&known) < 0) return NULL;
    known.number = n_ops;
    op_names[n_ops++] = Py_NewRef(name);
    KnownOp *place = place_of(Py_NewRef(known.op));
    if (known.kernel != NO_KERNEL) of_kernel[known.kernel] = place;
    Py_INCREF(known.function);
    Py_INCREF(known.reduce);
    *place = known;
    Py_RETURN_NONE;
}
