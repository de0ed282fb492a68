/* The short way from a call to a compiled graph.
 *
 * A route belongs to a compiled version of a region (compiler/routes.py makes it). It has *steps*, which look at
 * the arguments as signature and guards do: each one reads a value from others into a register, or says no.
 * Where all say yes, the graph runs on memory of its own, and what the region gives is made of its outputs; or
 * Python runs the version, with the values that the steps read. Whatever is unusual says no, and the call goes
 * through Python as without routes. */
#include "routes.h"
#include <time.h>

enum { FIXED, ATTRIBUTE, ITEM, CALL, IS, SAME, TYPE, EQUAL, LENGTH, KEYS, FLOATS, ARRAYS, HOLDS };
static const char *const step_names[] = {"fixed", "attribute", "item",   "call", "is",    "same",  "type",
                                         "equal", "length",    "keys",   "float", "array", "holds"};
enum { STEPS = sizeof step_names / sizeof *step_names };
enum { NDARRAYS = 1, MINPY_ARRAYS = 2, MINPY_SCALARS = 4 }; /* which classes an array may be of */

typedef struct {
    int kind, at, flags, ndim; /* `at`: the register that it looks at */
    PyObject *object;          /* what it expects, or the key that it reads by; operands of a call */
    npy_intp dims[NPY_MAXDIMS > 8 ? 8 : NPY_MAXDIMS];
} Step;

/* What is given: a result of the graph as a kind of value, an object, or a container of these. */
enum { AS_ARRAY, AS_SCALAR, AS_NDARRAY, AS_NUMPYS_SCALAR, AS_NUMBER, OBJECT, CONTAINER };
static const char *const form_names[] = {"minpy array", "minpy scalar", "numpy array", "numpy scalar"};

typedef struct Form {
    int kind;
    Py_ssize_t at, n; /* the result; how many parts a container has */
    PyObject *object; /* the object; of a container its type, of a dict itself, for its keys */
    struct Form *parts;
} Form;

typedef struct {
    PyObject_HEAD
    Py_ssize_t arity, n_steps, n_registers, n_inputs, n_outputs, *inputs;
    Step *steps;
    Bound *bound;
    PyObject *outputs; /* for each output an index into those of `bound`, or an array to copy */
    PyObject *finish, *run, *dtype;
    Form form;
    int has_form;
    Meter *function, *block, *plan, *graph;
    PyObject *weakrefs;
    int users; /* calls that are on it */
    char is_closed;
} Route;

static PyObject *s_routes, *s_call, *s_current, *s_numpy, *s_pyvals, *s_arranged, *output_type;
static _Thread_local long kept_out;

static double now(void) {
    struct timespec t;
#ifdef _WIN32
    timespec_get(&t, TIME_UTC);
#else
    clock_gettime(CLOCK_MONOTONIC, &t);
#endif
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Making a route --------------------------------------------------------------------------------- */

static int prepare_step(Step *step, PyObject *given, Py_ssize_t n_registers) {
    const char *name;
    PyObject *x = Py_None, *shape = NULL, *dtype = NULL;
    int at = 0, flags = 0;
    if (!PyArg_ParseTuple(given, "s|iOiOO", &name, &at, &x, &flags, &shape, &dtype)) return -1;
    step->kind = 0;
    while (step->kind < STEPS && strcmp(step_names[step->kind], name)) step->kind++;
    if (step->kind == STEPS || at < 0 || at >= (n_registers ? n_registers : 1) || (shape && !PyTuple_Check(shape))) {
        PyErr_Format(PyExc_ValueError, "no step: %R", given);
        return -1;
    }
    step->at = at;
    step->flags = flags;
    if (step->kind == ARRAYS) {
        step->ndim = (int)PyTuple_GET_SIZE(shape);
        if (step->ndim > 8) {
            PyErr_SetString(PyExc_ValueError, "too many axes");
            return -1;
        }
        for (int i = 0; i < step->ndim; i++) step->dims[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
        x = dtype;
    }
    step->object = Py_NewRef(x);
    return PyErr_Occurred() ? -1 : 0;
}

static int prepare_form(Form *form, PyObject *given) {
    if (Py_TYPE(given) == (PyTypeObject *)output_type) { /* a named tuple: which, as what */
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(given, 1));
        if (name == NULL) return -1;
        form->at = PyLong_AsSsize_t(PyTuple_GET_ITEM(given, 0));
        while (form->kind < AS_NUMBER && strcmp(form_names[form->kind], name)) form->kind++;
        return 0;
    }
    int is_dict = PyDict_CheckExact(given);
    if (!is_dict && !PyTuple_CheckExact(given) && !PyList_CheckExact(given)) {
        form->kind = OBJECT;
        form->object = Py_NewRef(given);
        return 0;
    }
    form->kind = CONTAINER;
    form->object = is_dict ? Py_NewRef(given) : Py_NewRef((PyObject *)Py_TYPE(given));
    Py_ssize_t n = is_dict ? PyDict_GET_SIZE(given) : PySequence_Fast_GET_SIZE(given), position = 0;
    form->parts = PyMem_Calloc(n + 1, sizeof(Form));
    if (form->parts == NULL) return -1;
    PyObject *key, *item;
    while (form->n < n) {
        if (is_dict)
            PyDict_Next(given, &position, &key, &item);
        else
            item = PySequence_Fast_GET_ITEM(given, form->n);
        if (prepare_form(&form->parts[form->n++], item) < 0) return -1;
    }
    return 0;
}

static void clear_form(Form *form) {
    for (Py_ssize_t i = 0; i < form->n; i++) clear_form(&form->parts[i]);
    PyMem_Free(form->parts);
    Py_CLEAR(form->object);
    form->n = 0;
    form->parts = NULL;
}

static int route_init(Route *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"arity", "steps", "inputs", "meters", "bound", "outputs", "form", "finish", "run", NULL};
    PyObject *steps, *inputs, *bound = Py_None, *outputs = Py_None, *form = Py_None, *finish = Py_None, *run = Py_None;
    Meter *meters[4];
    if (self->steps != NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "nO!O!(O!O!O!O!)|OOOOO", names, &self->arity, &PyList_Type, &steps,
                                     &PyList_Type, &inputs, &MeterType, &meters[0], &MeterType, &meters[1], &MeterType,
                                     &meters[2], &MeterType, &meters[3], &bound, &outputs, &form, &finish, &run))
        return -1;
    self->function = (Meter *)Py_NewRef((PyObject *)meters[0]);
    self->block = (Meter *)Py_NewRef((PyObject *)meters[1]);
    self->plan = (Meter *)Py_NewRef((PyObject *)meters[2]);
    self->graph = (Meter *)Py_NewRef((PyObject *)meters[3]);
    self->finish = Py_NewRef(finish);
    self->run = Py_NewRef(run);
    self->outputs = Py_NewRef(outputs);
    self->dtype = Py_NewRef(PyList_GET_ITEM(default_dtype, 0));
    if (Py_TYPE(bound) == &BoundType) self->bound = (Bound *)Py_NewRef(bound);
    self->steps = PyMem_Calloc(PyList_GET_SIZE(steps) + 1, sizeof(Step));
    self->inputs = PyMem_Calloc(PyList_GET_SIZE(inputs) + 1, sizeof(Py_ssize_t));
    if (self->steps == NULL || self->inputs == NULL) return -1;
    self->n_registers = self->arity;
    for (; self->n_steps < PyList_GET_SIZE(steps); self->n_steps++) {
        Step *step = &self->steps[self->n_steps];
        if (prepare_step(step, PyList_GET_ITEM(steps, self->n_steps), self->n_registers) < 0) return -1;
        self->n_registers += step->kind <= CALL;
    }
    for (; self->n_inputs < PyList_GET_SIZE(inputs); self->n_inputs++)
        self->inputs[self->n_inputs] = PyLong_AsSsize_t(PyList_GET_ITEM(inputs, self->n_inputs));
    if (PyTuple_Check(outputs)) self->n_outputs = PyTuple_GET_SIZE(outputs);
    self->has_form = form != Py_None;
    if (self->has_form && prepare_form(&self->form, form) < 0) return -1;
    return PyErr_Occurred() ? -1 : 0;
}

static int route_traverse(Route *self, visitproc visit, void *arg) {
    for (Py_ssize_t i = 0; i < self->n_steps; i++) Py_VISIT(self->steps[i].object);
    Py_VISIT(self->outputs);
    Py_VISIT(self->finish);
    Py_VISIT(self->run);
    return 0;
}

static int route_clear(Route *self) {
    self->is_closed = 1;
    for (; self->n_steps > 0; self->n_steps--) Py_CLEAR(self->steps[self->n_steps - 1].object);
    Py_CLEAR(self->outputs);
    Py_CLEAR(self->finish);
    Py_CLEAR(self->run);
    Py_CLEAR(self->bound);
    clear_form(&self->form);
    return 0;
}

static void route_dealloc(Route *self) {
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL) PyObject_ClearWeakRefs((PyObject *)self);
    route_clear(self);
    PyMem_Free(self->steps);
    PyMem_Free(self->inputs);
    Py_XDECREF(self->dtype);
    Py_XDECREF(self->function);
    Py_XDECREF(self->block);
    Py_XDECREF(self->plan);
    Py_XDECREF(self->graph);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *route_close(Route *self, PyObject *nothing) {
    self->is_closed = 1;
    if (self->users == 0) route_clear(self); /* else the last user does it */
    Py_RETURN_NONE;
}

static PyMethodDef route_methods[] = {
    {"close", (PyCFunction)route_close, METH_NOARGS, "The version is given up."},
    {NULL},
};

PyTypeObject RouteType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.Route",
    .tp_basicsize = sizeof(Route),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)route_init,
    .tp_dealloc = (destructor)route_dealloc,
    .tp_traverse = (traverseproc)route_traverse,
    .tp_clear = (inquiry)route_clear,
    .tp_weaklistoffset = offsetof(Route, weakrefs),
    .tp_methods = route_methods,
};

/* Taking a route --------------------------------------------------------------------------------- */

/* A value that a step has read, and NumPy's array in it. */
typedef struct {
    PyObject *object, *raw;
} Register;

/* NumPy's array on the CPU in an array, a new reference; NULL where there is none, or a gradient watches it. */
static PyObject *raw_of(PyObject *x, int flags) {
    if (is_ndarray(x)) return flags & NDARRAYS ? Py_NewRef(x) : NULL;
    PyTypeObject *type = Py_TYPE(x);
    if (!(type == array_type && flags & MINPY_ARRAYS) && !(type == scalar_type && flags & MINPY_SCALARS)) return NULL;
    Value *value = readable(x);
    PyObject *current = NULL, *raw = NULL, *tape = NULL;
    if (value == NULL) { /* a view that is out of date, or an array of MXNet's */
        current = PyObject_CallMethodNoArgs(x, s_current);
        if (current == NULL || Py_TYPE(current) != value_type) goto done;
        value = (Value *)current;
        if (value->context != cpu) goto done;
    }
    if (live_tape(value, &tape) != 0) goto done;
    raw = is_set(value->numpy) ? Py_NewRef(value->numpy) : PyObject_CallMethodNoArgs((PyObject *)value, s_numpy);
done:
    Py_XDECREF(current);
    return raw;
}

static int is_like(const Step *step, PyArrayObject *array) {
    if (PyArray_NDIM(array) != step->ndim) return 0;
    for (int i = 0; i < step->ndim; i++)
        if (PyArray_DIM(array, i) != step->dims[i]) return 0;
    return (PyObject *)PyArray_DESCR(array) == step->object;
}

static PyObject *call_step(const Step *step, const Register *registers) {
    PyObject *args[8];
    Py_ssize_t n = PyTuple_GET_SIZE(step->object) - 1; /* the function, its operands */
    if (n > 8) return NULL;
    for (Py_ssize_t i = 0; i < n; i++) args[i] = registers[PyLong_AsSsize_t(PyTuple_GET_ITEM(step->object, i + 1))].object;
    return PyObject_Vectorcall(PyTuple_GET_ITEM(step->object, 0), args, n, NULL);
}

/* What a step reads, a new reference. */
static PyObject *read_step(const Step *step, const Register *registers) {
    PyObject *x = registers[step->at].object, *key = step->object;
    switch (step->kind) {
    case FIXED: return Py_NewRef(key);
    case CALL: return call_step(step, registers);
    case ATTRIBUTE: return PyObject_GetAttr(x, key);
    default: return PyDict_CheckExact(x) ? Py_XNewRef(PyDict_GetItemWithError(x, key)) : PyObject_GetItem(x, key);
    }
}

static int has_keys(PyObject *dict, PyObject *keys) {
    if (!PyDict_Check(dict) || PyDict_GET_SIZE(dict) != PyTuple_GET_SIZE(keys)) return 0;
    PyObject *key, *item;
    Py_ssize_t position = 0, i = 0;
    while (PyDict_Next(dict, &position, &key, &item)) {
        PyObject *expected = PyTuple_GET_ITEM(keys, i++);
        if (key == expected) continue;
        Py_INCREF(key);
        int same = PyObject_RichCompareBool(key, expected, Py_EQ);
        Py_DECREF(key);
        if (same <= 0 || PyDict_GET_SIZE(dict) != PyTuple_GET_SIZE(keys)) return 0;
    }
    return 1;
}

/* Whether what a step looks at is as it has to be. */
static int holds(const Step *step, Register *registers) {
    Register *at = &registers[step->at];
    PyObject *x = at->object, *expected = step->object;
    switch (step->kind) {
    case IS: return x == expected;
    case SAME: return x == registers[step->flags].object;
    case TYPE: return (PyObject *)Py_TYPE(x) == expected;
    case EQUAL: return x == expected || (Py_TYPE(x) == Py_TYPE(expected) && PyObject_RichCompareBool(x, expected, Py_EQ) == 1);
    case LENGTH: return PyObject_Size(x) == step->flags;
    case KEYS: return has_keys(x, expected);
    case FLOATS: { /* one that float32 can hold, or not: see `_sign` in plans.py */
        if (!PyFloat_CheckExact(x)) return 0;
        double number = PyFloat_AS_DOUBLE(x);
        return (!(-3.4028234663852886e38 <= number && number <= 3.4028234663852886e38) && number - number == 0) == step->flags;
    }
    case ARRAYS:
        if (at->raw == NULL) at->raw = raw_of(x, step->flags);
        return at->raw != NULL && is_like(step, ndarray(at->raw));
    default: {
        PyObject *answer = call_step(step, registers);
        int is_true = answer != NULL && PyObject_IsTrue(answer) == 1;
        Py_XDECREF(answer);
        return is_true;
    }
    }
}

static PyObject *made(const Form *form, PyObject *const *results) {
    PyObject *array = form->kind < OBJECT ? Py_NewRef(results[form->at]) : NULL, *result;
    switch (form->kind) {
    case AS_ARRAY:
    case AS_SCALAR: return (PyObject *)new_array(new_value(array), form->kind == AS_SCALAR);
    case AS_NDARRAY: return array;
    case AS_NUMPYS_SCALAR:
        result = PyArray_ToScalar(PyArray_DATA(ndarray(array)), ndarray(array));
        Py_DECREF(array);
        return result;
    case AS_NUMBER:
        result = PyArray_GETITEM(ndarray(array), PyArray_DATA(ndarray(array)));
        Py_DECREF(array);
        return result;
    case OBJECT: return Py_NewRef(form->object);
    }
    int is_dict = PyDict_CheckExact(form->object);
    PyObject *key, *item, *container;
    container = is_dict ? PyDict_New() : form->object == (PyObject *)&PyList_Type ? PyList_New(form->n) : PyTuple_New(form->n);
    Py_ssize_t position = 0;
    for (Py_ssize_t i = 0; container != NULL && i < form->n; i++) {
        PyObject *part = made(&form->parts[i], results);
        int failed = part == NULL;
        if (failed) {
        } else if (is_dict) {
            PyDict_Next(form->object, &position, &key, &item);
            failed = PyDict_SetItem(container, key, part) < 0;
            Py_DECREF(part);
        } else if (PyList_CheckExact(container))
            PyList_SET_ITEM(container, i, part);
        else
            PyTuple_SET_ITEM(container, i, part);
        if (failed) Py_CLEAR(container);
    }
    return container;
}

/* The values that the guards of the version find, as a tuple. */
static PyObject *found_values(const Route *self, const Register *registers) {
    PyObject *found = PyTuple_New(self->n_inputs);
    for (Py_ssize_t i = 0; found != NULL && i < self->n_inputs; i++)
        PyTuple_SET_ITEM(found, i, Py_NewRef(registers[self->inputs[i]].object));
    return found;
}

/* Run the graph on its own memory. NULL without an exception: Python has to do it. */
static PyObject *run_graph(Route *self, const Register *registers) {
    PyObject *small[16], **arrays = small, *result = NULL;
    Py_ssize_t n = self->n_inputs > self->n_outputs ? self->n_inputs : self->n_outputs, n_results = 0;
    if (n > 16 && (arrays = PyMem_Malloc(n * sizeof *arrays)) == NULL) return NULL;
    double started = now();
    for (Py_ssize_t i = 0; i < self->n_inputs; i++) {
        const Register *given = &registers[self->inputs[i]];
        arrays[i] = given->raw == NULL ? given->object : given->raw;
    }
    int ran = run_bound(self->bound, arrays, self->n_inputs);
    for (; ran == 1 && n_results < self->n_outputs; n_results++) {
        PyObject *source = PyTuple_GET_ITEM(self->outputs, n_results);
        PyArrayObject *memory = is_ndarray(source) ? ndarray(source) : self->bound->outputs[PyLong_AsSsize_t(source)];
        arrays[n_results] = copy_of(memory);
        if (arrays[n_results] == NULL) break;
    }
    if (ran == 1) self->bound->is_running = 0;
    if (ran == 1 && n_results == self->n_outputs) {
        self->graph->calls++;
        self->graph->seconds += now() - started;
        if (self->has_form)
            result = made(&self->form, arrays);
        else {
            PyObject *list = PyList_New(n_results), *found = found_values(self, registers);
            for (Py_ssize_t i = 0; list != NULL && i < n_results; i++) {
                Py_INCREF(arrays[i]);
                PyList_SET_ITEM(list, i, (PyObject *)new_array(new_value(arrays[i]), 0));
            }
            if (list != NULL && found != NULL && !PyErr_Occurred())
                result = PyObject_CallFunctionObjArgs(self->finish, list, found, NULL);
            Py_XDECREF(list);
            Py_XDECREF(found);
        }
    }
    while (n_results > 0) Py_DECREF(arrays[--n_results]);
    if (arrays != small) PyMem_Free(arrays);
    return result;
}

static PyObject *run_version(Route *self, const Register *registers) {
    PyObject *values = PyTuple_New(self->arity), *found = found_values(self, registers), *result = NULL;
    for (Py_ssize_t i = 0; values != NULL && i < self->arity; i++)
        PyTuple_SET_ITEM(values, i, Py_NewRef(registers[i].object));
    if (values != NULL && found != NULL) result = PyObject_CallFunctionObjArgs(self->run, values, found, NULL);
    Py_XDECREF(values);
    Py_XDECREF(found);
    return result;
}

/* The result of a call. NULL without an exception where the route is not for it. */
static PyObject *take(Route *self, PyObject *const *args, double started) {
    Register small[64], *registers = small;
    Py_ssize_t n = 0;
    if (self->n_registers > 64 && (registers = PyMem_Malloc(self->n_registers * sizeof *registers)) == NULL) return NULL;
    for (; n < self->arity; n++) registers[n] = (Register){Py_NewRef(args[n]), NULL};
    int does_hold = 1;
    for (Py_ssize_t i = 0; does_hold && i < self->n_steps; i++) {
        const Step *step = &self->steps[i];
        if (step->kind <= CALL) {
            PyObject *x = read_step(step, registers);
            does_hold = x != NULL;
            if (does_hold) registers[n++] = (Register){x, NULL};
        } else
            does_hold = holds(step, registers);
    }
    PyObject *result = NULL;
    if (!does_hold || PyErr_Occurred())
        PyErr_Clear();
    else {
        double compiling = self->block->compile_seconds;
        self->plan->calls++;
        self->plan->last_used = next_use();
        int has_graph = self->bound != NULL && !(self->bound->has_failed && self->run != Py_None);
        if (!has_graph) /* a tape asks who else holds an array */
            for (Py_ssize_t i = 0; i < n; i++) Py_CLEAR(registers[i].raw);
        result = has_graph ? run_graph(self, registers) : run_version(self, registers);
        if (result == NULL && !PyErr_Occurred())
            self->plan->calls--;
        else {
            self->function->calls++;
            self->block->seconds += now() - started - (self->block->compile_seconds - compiling);
        }
    }
    while (n > 0) {
        n--;
        Py_DECREF(registers[n].object);
        Py_XDECREF(registers[n].raw);
    }
    if (registers != small) PyMem_Free(registers);
    return result;
}

/* Whether compiled graphs run in this thread now: `compiles_now` in compiler/eager.py. */
static int compiles_now(void) {
    if (is_paused || kept_out || !policy_compiles()) return 0;
    PyObject *of_thread = PyThreadState_GetDict();
    PyObject *handling = of_thread == NULL ? NULL : PyDict_GetItemWithError(of_thread, s_pyvals); /* NumPy's errstate */
    if (handling == NULL || !PyList_Check(handling) || PyList_GET_SIZE(handling) < 2) return !PyErr_Occurred();
    return !(PyLong_AsLong(PyList_GET_ITEM(handling, 1)) & 06666);
}

typedef struct {
    PyObject_HEAD
    PyObject *routes;  /* a list, in the order in which Python looks at the versions */
    PyObject *cleaned; /* of a function: called with the traceback of an error */
    PyObject *known;   /* a dict for who adds routes */
    int arranges;      /* the arguments of a call are never those of a route */
} Routes;

/* Try the routes of `self` for a call. NULL without an exception where there is none. */
static PyObject *try_routes(Routes *self, PyObject *const *args, Py_ssize_t n) {
    PyObject *result = NULL;
    if (!compiles_now()) return NULL;
    double started = now();
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(self->routes); i++) {
        Route *route = (Route *)PyList_GET_ITEM(self->routes, i);
        if (route->is_closed) {
            if (PyList_SetSlice(self->routes, i, i + 1, NULL) < 0) return NULL;
            i--;
            continue;
        }
        if (route->arity != n || route->dtype != PyList_GET_ITEM(default_dtype, 0)) continue;
        Py_INCREF(route);
        route->users++;
        result = take(route, args, started);
        if (--route->users == 0 && route->is_closed) route_clear(route);
        Py_DECREF(route);
        if (result != NULL || PyErr_Occurred()) return result;
    }
    return NULL;
}

static PyObject *routes_add(Routes *self, PyObject *route) {
    if (Py_TYPE(route) != &RouteType) return PyErr_Format(PyExc_TypeError, "no route: %R", route);
    if (self->routes == NULL && (self->routes = PyList_New(0)) == NULL) return NULL;
    if (PyList_Append(self->routes, route) < 0) return NULL;
    Py_RETURN_NONE;
}

static int routes_init(Routes *self, PyObject *args, PyObject *kwargs) {
    PyObject *cleaned = Py_None;
    if (!PyArg_ParseTuple(args, "|Op", &cleaned, &self->arranges)) return -1;
    Py_XSETREF(self->cleaned, cleaned == Py_None ? NULL : Py_NewRef(cleaned));
    Py_XSETREF(self->known, PyDict_New());
    return self->known == NULL ? -1 : 0;
}

static int routes_traverse(Routes *self, visitproc visit, void *arg) {
    Py_VISIT(self->routes);
    Py_VISIT(self->cleaned);
    Py_VISIT(self->known);
    return 0;
}

static int routes_clear(Routes *self) {
    Py_CLEAR(self->routes);
    Py_CLEAR(self->cleaned);
    Py_CLEAR(self->known);
    return 0;
}

static void routes_dealloc(Routes *self) {
    PyObject_GC_UnTrack(self);
    routes_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* A copy of what has routes finds its own. */
static PyObject *routes_reduce(Routes *self, PyObject *nothing) { return Py_BuildValue("O(Oi)", Py_TYPE(self), Py_None, self->arranges); }

static PyMethodDef routes_methods[] = {
    {"add", (PyCFunction)routes_add, METH_O, "Take this route where it fits."},
    {"__reduce__", (PyCFunction)routes_reduce, METH_NOARGS, NULL},
    {NULL},
};

static PyMemberDef routes_members[] = {
    {"known", T_OBJECT, offsetof(Routes, known), READONLY, NULL},
    {NULL},
};

PyTypeObject RoutesType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.Routes",
    .tp_basicsize = sizeof(Routes),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)routes_init,
    .tp_dealloc = (destructor)routes_dealloc,
    .tp_traverse = (traverseproc)routes_traverse,
    .tp_clear = (inquiry)routes_clear,
    .tp_methods = routes_methods,
    .tp_members = routes_members,
};

/* Of a function: its value instead of what its block gives, and errors that end at the user's line. */
static PyObject *as_function(Routes *self, PyObject *result) {
    if (result != NULL) {
        PyObject *value = PyTuple_GET_SIZE(result) > 1 ? PyTuple_GET_ITEM(result, 1) : Py_None;
        Py_INCREF(value);
        Py_DECREF(result);
        return value;
    }
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    if (traceback != NULL) {
        PyObject *cleaned = PyObject_CallOneArg(self->cleaned, traceback);
        if (cleaned == NULL)
            PyErr_Clear();
        else
            Py_SETREF(traceback, cleaned);
    }
    PyErr_Restore(type, error, traceback);
    return NULL;
}

/* The arguments in the order of the parameters, a new reference; NULL without an exception where that is not known. */
static PyObject *arranged(PyObject *self, Routes *routes, PyObject *args, PyObject *kwargs) {
    int has_names = kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0;
    Py_ssize_t arity = ((Route *)PyList_GET_ITEM(routes->routes, 0))->arity; /* of all of them */
    if (!has_names && !routes->arranges && PyTuple_GET_SIZE(args) == arity) return Py_NewRef(args);
    PyObject *names = has_names ? Py_NewRef(kwargs) : PyDict_New(), *values = NULL;
    if (names != NULL) values = PyObject_CallMethodObjArgs(self, s_arranged, args, names, NULL);
    Py_XDECREF(names);
    if (values == NULL || PyTuple_CheckExact(values)) return values;
    Py_DECREF(values);
    return NULL;
}

/* What has `routes`, `arranged` and `call_slowly` can be called. */
static PyObject *routed_call(PyObject *self, PyObject *args, PyObject *kwargs) {
    PyObject *found = PyObject_GetAttr(self, s_routes), *result = NULL;
    if (found == NULL) return NULL;
    Routes *routes = (Routes *)found;
    if (Py_TYPE(found) == &RoutesType && routes->routes != NULL && PyList_GET_SIZE(routes->routes) > 0) {
        PyObject *values = arranged(self, routes, args, kwargs);
        if (values != NULL) result = try_routes(routes, &PyTuple_GET_ITEM(values, 0), PyTuple_GET_SIZE(values));
        Py_XDECREF(values);
        if ((result != NULL || PyErr_Occurred()) && routes->cleaned != NULL) result = as_function(routes, result);
    }
    Py_DECREF(found);
    if (result != NULL || PyErr_Occurred()) return result;
    PyObject *call = PyObject_GetAttr(self, s_call);
    if (call == NULL) return NULL;
    result = PyObject_Call(call, args, kwargs);
    Py_DECREF(call);
    return result;
}

PyTypeObject RoutedType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minpy.runtime._fast.Routed",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_call = routed_call,
};

PyObject *keep_out(PyObject *module, PyObject *depth) {
    kept_out = PyLong_AsLong(depth);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

PyObject *set_output(PyObject *module, PyObject *type) {
    output_type = Py_NewRef(type);
    Py_RETURN_NONE;
}

int prepare_routes(void) {
    s_routes = PyUnicode_InternFromString("routes");
    s_call = PyUnicode_InternFromString("call_slowly");
    s_current = PyUnicode_InternFromString("_current");
    s_numpy = PyUnicode_InternFromString("numpy");
    s_arranged = PyUnicode_InternFromString("arranged");
    s_pyvals = PyUnicode_InternFromString("UFUNC_PYVALS");
    return s_pyvals == NULL ? -1 : 0;
}
