/* What bound.c, steps.c, forms.c and routes.c share: compiled graphs, and the way from a call to one. */
#pragma once
#include "fast.h"

typedef struct {
    PyObject_HEAD
    PyObject *executor;
    void *handle;
    Py_ssize_t n_inputs, n_outputs, *positions;
    PyArrayObject **inputs, **outputs;
    int (*run)(void *, void **, void **); /* of a program of kernels, which `handle` is then */
    char is_running, has_failed, one_thread;
} Bound;

typedef struct {
    PyObject_HEAD
    Py_ssize_t calls, last_used;
    double seconds, compile_seconds;
} Meter;

/* A step of a route: it reads a value into a register, or says whether a value is as it has to be. */
typedef struct {
    int kind, at, flags, ndim; /* `at`: the register that it looks at */
    PyObject *object;          /* what it expects, or the key that it reads by; operands of a call */
    npy_intp dims[NPY_MAXDIMS > 8 ? 8 : NPY_MAXDIMS];
} Step;

/* A value that a step has read, and NumPy's array in it. */
typedef struct {
    PyObject *object, *raw;
} Register;

typedef struct Form {
    int kind;
    Py_ssize_t at, n; /* the result; how many parts a container has */
    PyObject *object; /* the object; of a container its type, of a dict itself, for its keys */
    struct Form *parts;
} Form;

extern PyTypeObject BoundType, MeterType, RouteType, RoutesType, RoutedType;
int run_bound(Bound *self, PyObject *const *arrays, Py_ssize_t n, PyObject **results);
Py_ssize_t next_use(void);
PyObject *tick(PyObject *module, PyObject *nothing);
PyObject *set_forward(PyObject *module, PyObject *args);
PyObject *keep_out(PyObject *module, PyObject *depth);
PyObject *close_routes(PyObject *module, PyObject *flag);
int prepare_routes(void);

/* steps.c */
enum { NDARRAYS = 1, MINPY_ARRAYS = 2, MINPY_SCALARS = 4, ANY_ARRAYS = 7 }; /* which classes an array may be of */
int prepare_steps(void);
PyObject *raw_of(PyObject *x, int classes);
int prepare_step(Step *step, PyObject *given, Py_ssize_t n_registers);
int reads(const Step *step);
PyObject *read_step(const Step *step, const Register *registers);
int holds(const Step *step, Register *registers);

/* forms.c */
int prepare_form(Form *form, PyObject *given);
void clear_form(Form *form);
PyObject *made(const Form *form, PyObject *const *results);
PyObject *set_output(PyObject *module, PyObject *type);
