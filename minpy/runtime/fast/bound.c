/* A graph on memory of its own, or a program of kernels: what `Bound` in runtime/bound.py is in Python. */
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

/* Whether an array lies in memory as if it were `like`. */
static int is_like(PyArrayObject *x, PyArrayObject *like) {
    return PyArray_ISCARRAY_RO(x) && PyArray_DESCR(x) == PyArray_DESCR(like) && PyArray_NBYTES(x) == PyArray_NBYTES(like);
}

/* Put a number of Python into the memory of an array without axes: 1, or 0 where it does not fit. */
static int number_in(void *memory, PyArrayObject *like, PyObject *x) {
    if (PyArray_NDIM(like) != 0) return 0;
    if (PyFloat_CheckExact(x) && PyArray_TYPE(like) == NPY_DOUBLE) {
        *(double *)memory = PyFloat_AS_DOUBLE(x);
        return 1;
    }
    if (PyLong_CheckExact(x) && PyArray_TYPE(like) == NPY_LONG) {
        int overflow;
        *(long *)memory = PyLong_AsLongAndOverflow(x, &overflow);
        return !overflow;
    }
    return 0;
}

/* Put an array, or a number of Python, into the memory of an input: 1, or 0 where it does not fit, or -1. */
static int copy_in(PyArrayObject *memory, PyObject *x) {
    if (!is_ndarray(x)) return number_in(PyArray_DATA(memory), memory, x);
    if (!is_like(ndarray(x), memory)) return PyArray_CopyInto(memory, ndarray(x)) < 0 ? -1 : 1;
    memcpy(PyArray_DATA(memory), PyArray_DATA(ndarray(x)), PyArray_NBYTES(memory));
    return 1;
}

/* What a program reads: where an input is, if need be a copy of it, or a number. */
typedef struct {
    void *at;
    PyObject *copy;
    Number number;
} Given;

/* Find an input for a program: 1, or 0 where it does not fit, or -1. */
static int find_input(Given *given, PyArrayObject *like, PyObject *x) {
    if (!is_ndarray(x)) {
        given->at = &given->number;
        return number_in(given->at, like, x);
    }
    if (!is_like(ndarray(x), like)) {
        Py_INCREF(PyArray_DESCR(like));
        x = given->copy = PyArray_FromArray(ndarray(x), PyArray_DESCR(like), NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST);
        if (x == NULL) return -1;
        if (PyArray_NBYTES(ndarray(x)) != PyArray_NBYTES(like)) {
            PyErr_SetString(PyExc_ValueError, "a program was given an array of another shape");
            return -1;
        }
    }
    given->at = PyArray_DATA(ndarray(x));
    return 1;
}

/* An array for a result: the one whose memory it may take, if that is as it has to be, or a new one. */
static PyObject *new_result(PyArrayObject *like, PyObject *memory) {
    if (memory != NULL && is_ndarray(memory) && is_like(ndarray(memory), like) && PyArray_ISWRITEABLE(ndarray(memory)))
        return Py_NewRef(memory);
    Py_INCREF(PyArray_DESCR(like));
    return PyArray_NewFromDescr(&PyArray_Type, PyArray_DESCR(like), PyArray_NDIM(like), PyArray_DIMS(like), NULL, NULL, 0,
                                NULL);
}

/* The same as `run_bound` for a program of kernels, which any number of threads can run. It may fail each time. */
static int run_program(Bound *self, PyObject *const *arrays, Py_ssize_t n, PyObject *const *memory, PyObject **results) {
    Py_ssize_t n_inputs = self->n_inputs, n_outputs = self->n_outputs, n_made = 0;
    Given small[16], *given = n_inputs > 16 ? PyMem_Malloc(n_inputs * sizeof *given) : small;
    void *few[32], **pointers = n_inputs + n_outputs > 32 ? PyMem_Malloc((n_inputs + n_outputs) * sizeof *pointers) : few;
    int found = given == NULL || pointers == NULL ? -1 : 1;
    if (found == 1)
        for (Py_ssize_t i = 0; i < n_inputs; i++) given[i].copy = NULL;
    for (Py_ssize_t i = 0; found == 1 && i < n_inputs; i++) {
        Py_ssize_t at = self->positions[i];
        PyObject *x = at < 0 ? (PyObject *)self->inputs[i] : at < n ? arrays[at] : Py_None;
        found = find_input(&given[i], self->inputs[i], x);
        pointers[i] = given[i].at;
    }
    for (; found == 1 && n_made < n_outputs; n_made++) {
        results[n_made] = new_result(self->outputs[n_made], memory == NULL ? NULL : memory[n_made]);
        if (results[n_made] == NULL) {
            found = -1;
            break;
        }
        pointers[n_inputs + n_made] = PyArray_DATA(ndarray(results[n_made]));
    }
    if (found == 1) {
        int ran;
        Py_BEGIN_ALLOW_THREADS
        ran = self->run(self->handle, pointers, pointers + n_inputs);
        Py_END_ALLOW_THREADS
        if (ran <= 0) found = ran < 0 ? 0 : -1;
        if (ran == 0) PyErr_SetString(PyExc_MemoryError, "no memory for what a compiled graph needs on its way");
    }
    if (found < 0 && !PyErr_Occurred()) PyErr_NoMemory();
    if (given != NULL)
        for (Py_ssize_t i = 0; i < n_inputs; i++) Py_XDECREF(given[i].copy);
    for (; found != 1 && n_made > 0; n_made--) Py_CLEAR(results[n_made - 1]);
    if (given != small) PyMem_Free(given);
    if (pointers != few) PyMem_Free(pointers);
    return found;
}

/* Run an executor of MXNet on its memory, which nobody else can run meanwhile. */
static int run_executor(Bound *self, PyObject *const *arrays, Py_ssize_t n, PyObject **results) {
    if (self->has_failed || self->is_running) return 0;
    self->is_running = 1;
    int copied = 1;
    for (Py_ssize_t i = 0; copied == 1 && i < self->n_inputs; i++)
        copied = self->positions[i] < n ? copy_in(self->inputs[i], arrays[self->positions[i]]) : 0;
    if (copied == 1) {
        int failed;
        Py_BEGIN_ALLOW_THREADS
        if (self->one_thread && n_threads) set_threads(1);
        failed = forward(self->handle, 0);
        if (self->one_thread && n_threads) set_threads(n_threads);
        Py_END_ALLOW_THREADS
        if (failed) {
            self->has_failed = 1;
            copied = 0;
        }
    }
    for (Py_ssize_t i = 0; copied == 1 && i < self->n_outputs; i++) {
        results[i] = copy_of(self->outputs[i]);
        if (results[i] == NULL) {
            for (; i > 0; i--) Py_CLEAR(results[i - 1]);
            copied = -1;
        }
    }
    self->is_running = 0;
    return copied;
}

/* Run on arrays by position: 1, with all results as new arrays; 0 where another thread is running it, or it fails; -1
 * with an exception. */
int run_bound(Bound *self, PyObject *const *arrays, Py_ssize_t n, PyObject **results) {
    return self->run != NULL ? run_program(self, arrays, n, NULL, results) : run_executor(self, arrays, n, results);
}

static PyObject *bound_run_into(Bound *self, PyObject *args) {
    PyObject *arrays, *memory;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &arrays, &PyList_Type, &memory)) return NULL;
    if (self->run == NULL || PyList_GET_SIZE(memory) != self->n_outputs)
        return PyErr_Format(PyExc_ValueError, "a program has %zd results", self->n_outputs);
    PyObject *results = PyList_New(self->n_outputs);
    if (results == NULL) return NULL;
    int ran = run_program(self, PySequence_Fast_ITEMS(arrays), PyList_GET_SIZE(arrays), PySequence_Fast_ITEMS(memory),
                          PySequence_Fast_ITEMS(results));
    if (ran == 1) return results;
    Py_DECREF(results);
    if (ran < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *bound_run(Bound *self, PyObject *arrays) {
    PyObject *given = PySequence_Fast(arrays, "run takes a sequence of arrays"), *results = PyList_New(self->n_outputs);
    int ran = given == NULL || results == NULL ? -1 : 0;
    if (ran == 0) /* the list has no items yet, and owns those that it is given */
        ran = run_bound(self, PySequence_Fast_ITEMS(given), PySequence_Fast_GET_SIZE(given), PySequence_Fast_ITEMS(results));
    Py_XDECREF(given);
    if (ran == 1) return results;
    Py_XDECREF(results);
    if (ran < 0) return NULL;
    Py_RETURN_NONE;
}

static int bound_init(Bound *self, PyObject *args, PyObject *kwargs) {
    PyObject *executor, *inputs, *outputs, *handle;
    int one_thread;
    unsigned long long program = 0, run = 0;
    if (self->executor != NULL || !PyArg_ParseTuple(args, "OO!O!p|KK", &executor, &PyList_Type, &inputs, &PyList_Type,
                                                    &outputs, &one_thread, &program, &run))
        return -1;
    self->one_thread = one_thread;
    self->run = (int (*)(void *, void **, void **))(uintptr_t)run;
    if (self->run != NULL)
        self->handle = (void *)(uintptr_t)program;
    else {
        if ((handle = PyObject_GetAttrString(executor, "handle")) == NULL) return -1;
        Py_SETREF(handle, PyObject_GetAttrString(handle, "value"));
        self->handle = handle == NULL ? NULL : PyLong_AsVoidPtr(handle);
        Py_XDECREF(handle);
    }
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
    {"run_into", (PyCFunction)bound_run_into, METH_VARARGS, "The same of a program, which may take memory."},
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
