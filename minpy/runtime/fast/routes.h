/* What bound.c and routes.c share: compiled graphs, and the way from a call to one. */
#pragma once
#include "fast.h"

typedef struct {
    PyObject_HEAD
    PyObject *executor;
    void *handle;
    Py_ssize_t n_inputs, n_outputs, *positions;
    PyArrayObject **inputs, **outputs;
    char is_running, has_failed, one_thread;
} Bound;

typedef struct {
    PyObject_HEAD
    Py_ssize_t calls, last_used;
    double seconds, compile_seconds;
} Meter;

extern PyTypeObject BoundType, MeterType, RouteType, RoutesType, RoutedType;
int run_bound(Bound *self, PyObject *const *arrays, Py_ssize_t n);
PyObject *copy_of(PyArrayObject *memory);
Py_ssize_t next_use(void);
PyObject *tick(PyObject *module, PyObject *nothing);
PyObject *set_forward(PyObject *module, PyObject *args);
PyObject *keep_out(PyObject *module, PyObject *depth);
PyObject *set_output(PyObject *module, PyObject *type);
int prepare_routes(void);
