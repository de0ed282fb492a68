/* The short way from a call to a compiled graph.
 *
 * A route belongs to a compiled version of a region (compiler/routes.py makes it). It has *steps*, which look at
 * the arguments as signature and guards do: each one reads a value from others into a register, or says no.
 * Where all say yes, the graph runs on memory of its own, and what the region gives is made of its outputs; or
 * Python runs the version, with the values that the steps read. Whatever is unusual says no, and the call goes
 * through Python as without routes. */
#include "routes.h"
#include <time.h>

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

static PyObject *s_routes, *s_call, *s_pyvals, *s_arranged;
static _Thread_local long kept_out;
static int are_closed; /* every call goes through Python, so that it is seen there */

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
        self->n_registers += reads(step);
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

/* The values that the guards of the version find, as a tuple. */
static PyObject *found_values(const Route *self, const Register *registers) {
    PyObject *found = PyTuple_New(self->n_inputs);
    for (Py_ssize_t i = 0; found != NULL && i < self->n_inputs; i++)
        PyTuple_SET_ITEM(found, i, Py_NewRef(registers[self->inputs[i]].object));
    return found;
}

/* The result of the graph that stands first or once more in what a route gives: itself, or a copy. */
static PyObject *given_result(const Route *self, PyObject **results, PyObject **arrays, Py_ssize_t i) {
    PyObject *source = PyTuple_GET_ITEM(self->outputs, i);
    if (is_ndarray(source)) return copy_of(ndarray(source));
    Py_ssize_t at = PyLong_AsSsize_t(source);
    PyObject *result = results[at];
    results[at] = NULL;
    for (Py_ssize_t j = 0; result == NULL && j < i; j++) {
        PyObject *other = PyTuple_GET_ITEM(self->outputs, j);
        if (!is_ndarray(other) && PyLong_AsSsize_t(other) == at) return copy_of(ndarray(arrays[j]));
    }
    return result;
}

/* Run the graph. NULL without an exception: Python has to do it. */
static PyObject *run_graph(Route *self, Register *registers) {
    PyObject *small[32], **arrays = small, *result = NULL;
    Py_ssize_t n = self->n_inputs > self->n_outputs ? self->n_inputs : self->n_outputs, n_results = 0;
    Py_ssize_t n_made = self->bound->n_outputs;
    if (n + n_made > 32 && (arrays = PyMem_Malloc((n + n_made) * sizeof *arrays)) == NULL) return NULL;
    PyObject **results = arrays + n;
    double started = now();
    for (Py_ssize_t i = 0; i < self->n_inputs; i++) {
        Register *given = &registers[self->inputs[i]];
        if (given->raw == NULL) given->raw = raw_of(given->object, ANY_ARRAYS); /* of what was drawn */
        arrays[i] = given->raw == NULL ? given->object : given->raw;
    }
    int ran = run_bound(self->bound, arrays, self->n_inputs, results);
    for (; ran == 1 && n_results < self->n_outputs; n_results++) {
        arrays[n_results] = given_result(self, results, arrays, n_results);
        if (arrays[n_results] == NULL) break;
    }
    for (Py_ssize_t i = 0; ran == 1 && i < n_made; i++) Py_XDECREF(results[i]);
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
    if (result == Py_NotImplemented) Py_CLEAR(result);
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
        if (reads(step)) {
            PyObject *x = read_step(step, registers);
            does_hold = x != NULL;
            if (does_hold) registers[n++] = (Register){x, NULL};
        } else
            does_hold = holds(step, registers);
    }
    PyObject *result = NULL;
    if (!does_hold || PyErr_Occurred())
        forget_error();
    else {
        double compiling = self->block->compile_seconds;
        self->plan->calls++;
        self->plan->last_used = next_use();
        int has_graph = self->bound != NULL && !(self->bound->has_failed && self->run != Py_None);
        if (has_graph) result = run_graph(self, registers);
        if (result == NULL && !PyErr_Occurred() && self->run != Py_None) { /* with what the steps drew, if they did */
            for (Py_ssize_t i = 0; i < n; i++) Py_CLEAR(registers[i].raw); /* a tape asks who else holds an array */
            result = run_version(self, registers);
        }
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
    if (is_paused || are_closed || kept_out || !policy_compiles()) return 0;
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
            forget_error();
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

PyObject *close_routes(PyObject *module, PyObject *flag) {
    are_closed = PyObject_IsTrue(flag);
    if (are_closed < 0) return NULL;
    Py_RETURN_NONE;
}

int prepare_routes(void) {
    s_routes = PyUnicode_InternFromString("routes");
    s_call = PyUnicode_InternFromString("call_slowly");
    s_arranged = PyUnicode_InternFromString("arranged");
    s_pyvals = PyUnicode_InternFromString("UFUNC_PYVALS");
    return s_pyvals == NULL ? -1 : 0;
}
