/* A graph on memory of its own: what `Bound` in runtime/bound.py is in Python. */
#include "routes.h"

static int (*forward)(void *, int); /* MXExecutorForward */
static int (*set_threads)(int);     /* MXSetNumOMPThreads */
static int n_threads;               /* 0 where it stays as it is */

PyObject *set_forward(PyObject *module, PyObject *args) {
    unsigned long long run, set;
    if (!PyArg_ParseTuple(args, "KKi", &run, &set, &n_threads)) return NULL;
    forward = (int (*)(void *, int))(uintptr_t)run;
    set_threads = (int (*)(int))(uintptr_t)set;
    Py_RETURN_NONE;
}

/* Put an array, or a number of Python, into the memory of an input: 1, or 0 where it does not fit, or -1. */
static int copy_in(PyArrayObject *memory, PyObject *x) {
    if (is_ndarray(x)) {
        if (PyArray_IS_C_CONTIGUOUS(ndarray(x)) && PyArray_DESCR(ndarray(x)) == PyArray_DESCR(memory) &&
            PyArray_NBYTES(ndarray(x)) == PyArray_NBYTES(memory)) {
            memcpy(PyArray_DATA(memory), PyArray_DATA(ndarray(x)), PyArray_NBYTES(memory));
            return 1;
        }
        return PyArray_CopyInto(memory, ndarray(x)) < 0 ? -1 : 1;
    }
    if (PyArray_NDIM(memory) != 0) return 0;
    if (PyFloat_CheckExact(x) && PyArray_TYPE(memory) == NPY_DOUBLE) {
        *(double *)PyArray_DATA(memory) = PyFloat_AS_DOUBLE(x);
        return 1;
    }
    if (PyLong_CheckExact(x) && PyArray_TYPE(memory) == NPY_LONG) {
        int overflow;
        long number = PyLong_AsLongAndOverflow(x, &overflow);
        *(long *)PyArray_DATA(memory) = number;
        return !overflow;
    }
    return 0;
}

/* Run on arrays by position: 1, and then nobody else can run it before `is_running` is 0 again; 0 where it is
 * running already or fails; -1 with an exception. */
int run_bound(Bound *self, PyObject *const *arrays, Py_ssize_t n) {
    if (self->has_failed || self->is_running) return 0;
    self->is_running = 1;
    int copied = 1, failed = 0;
    for (Py_ssize_t i = 0; copied == 1 && i < self->n_inputs; i++)
        copied = self->positions[i] < n ? copy_in(self->inputs[i], arrays[self->positions[i]]) : 0;
    if (copied == 1) {
        Py_BEGIN_ALLOW_THREADS
        if (self->one_thread && n_threads) set_threads(1);
        failed = forward(self->handle, 0);
        if (self->one_thread && n_threads) set_threads(n_threads);
        Py_END_ALLOW_THREADS
    }
    if (copied == 1 && !failed) return 1;
    self->is_running = 0;
    if (failed) self->has_failed = 1;
    return copied < 0 ? -1 : 0;
}

static PyObject *bound_run(Bound *self, PyObject *arrays) {
    PyObject *given = PySequence_Fast(arrays, "run takes a sequence of arrays");
    if (given == NULL) return NULL;
    int ran = run_bound(self, PySequence_Fast_ITEMS(given), PySequence_Fast_GET_SIZE(given));
    Py_DECREF(given);
    if (ran < 0) return NULL;
    if (ran == 0) Py_RETURN_NONE;
    PyObject *results = PyList_New(self->n_outputs);
    for (Py_ssize_t i = 0; results != NULL && i < self->n_outputs; i++) {
        PyObject *copy = copy_of(self->outputs[i]);
        if (copy == NULL)
            Py_CLEAR(results);
        else
            PyList_SET_ITEM(results, i, copy);
    }
    self->is_running = 0;
    return results;
}

static int bound_init(Bound *self, PyObject *args, PyObject *kwargs) {
    PyObject *executor, *inputs, *outputs, *handle;
    int one_thread;
    if (self->executor != NULL || !PyArg_ParseTuple(args, "OO!O!p", &executor, &PyList_Type, &inputs, &PyList_Type, &outputs, &one_thread))
        return -1;
    self->one_thread = one_thread;
    if ((handle = PyObject_GetAttrString(executor, "handle")) == NULL) return -1;
    Py_SETREF(handle, PyObject_GetAttrString(handle, "value"));
    self->handle = handle == NULL ? NULL : PyLong_AsVoidPtr(handle);
    Py_XDECREF(handle);
    Py_ssize_t n_inputs = PyList_GET_SIZE(inputs), n_outputs = PyList_GET_SIZE(outputs);
    self->positions = PyMem_Calloc(n_inputs + 1, sizeof *self->positions);
    self->inputs = PyMem_Calloc(n_inputs + 1, sizeof *self->inputs);
    self->outputs = PyMem_Calloc(n_outputs + 1, sizeof *self->outputs);
    if (self->handle == NULL || self->positions == NULL || self->inputs == NULL || self->outputs == NULL) return -1;
    self->executor = Py_NewRef(executor);
    for (; self->n_inputs < n_inputs; self->n_inputs++) {
        PyObject *memory;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(inputs, self->n_inputs), "nO!", &self->positions[self->n_inputs],
                              &PyArray_Type, &memory))
            return -1;
        self->inputs[self->n_inputs] = ndarray(Py_NewRef(memory));
    }
    for (; self->n_outputs < n_outputs; self->n_outputs++)
        self->outputs[self->n_outputs] = ndarray(Py_NewRef(PyList_GET_ITEM(outputs, self->n_outputs)));
    return 0;
}

static void bound_dealloc(Bound *self) {
    for (Py_ssize_t i = 0; i < self->n_inputs; i++) Py_DECREF(self->inputs[i]);
    for (Py_ssize_t i = 0; i < self->n_outputs; i++) Py_DECREF(self->outputs[i]);
    PyMem_Free(self->positions);
    PyMem_Free(self->inputs);
    PyMem_Free(self->outputs);
    Py_XDECREF(self->executor);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef bound_methods[] = {
    {"run", (PyCFunction)bound_run, METH_O, "The results for arrays, or None."},
    {NULL},
};

static PyMemberDef bound_members[] = {
    {"has_failed", T_BOOL, offsetof(Bound, has_failed), 0, NULL},
    {NULL},
};

PyTypeObject BoundType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.Bound",
    .tp_basicsize = sizeof(Bound),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)bound_init,
    .tp_dealloc = (destructor)bound_dealloc,
    .tp_methods = bound_methods,
    .tp_members = bound_members,
};

/* How often something ran, how long, and when last: `Meter` in runtime/meter.py. */
static PyMemberDef meter_members[] = {
    {"calls", T_PYSSIZET, offsetof(Meter, calls), 0, NULL},
    {"last_used", T_PYSSIZET, offsetof(Meter, last_used), 0, NULL},
    {"seconds", T_DOUBLE, offsetof(Meter, seconds), 0, NULL},
    {"compile_seconds", T_DOUBLE, offsetof(Meter, compile_seconds), 0, NULL},
    {NULL},
};

PyTypeObject MeterType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.Meter",
    .tp_basicsize = sizeof(Meter),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_members = meter_members,
};

static Py_ssize_t uses;

Py_ssize_t next_use(void) { return ++uses; }

PyObject *tick(PyObject *module, PyObject *nothing) { return PyLong_FromSsize_t(next_use()); }
