/* What Python tells these files when it starts: see runtime/objects.py. */
#define IMPORTS_NUMPY
#include "routes.h"

static PyObject *configure(PyObject *module, PyObject *args) {
    PyObject *values, *arrays, *made_by;
    if (!PyArg_ParseTuple(args, "O!O!OO!OOO", &PyType_Type, &values, &PyType_Type, &arrays, &aval_type,
                          &PyType_Type, &made_by, &cpu, &asarray, &as_value))
        return NULL;
    PyObject *held[] = {values, arrays, aval_type, made_by, cpu, asarray, as_value};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) Py_INCREF(held[i]);
    value_type = (PyTypeObject *)values;
    array_type = (PyTypeObject *)arrays;
    made_by_type = (PyTypeObject *)made_by;
    value_type->tp_dealloc = (destructor)value_dealloc;
    array_type->tp_dealloc = (destructor)array_dealloc;
    accelerate_indexing(array_type);
    if (own_attributes(array_type) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef bind_definition = {"bind", (PyCFunction)(void (*)(void))bind_op, METH_FASTCALL, "Apply an op."};

static PyObject *accelerate(PyObject *module, PyObject *args) {
    PyObject *scalars, *ufuncs;
    if (!PyArg_ParseTuple(args, "OOO!O!", &run_op, &getitem, &PyType_Type, &scalars, &PyType_Type, &ufuncs))
        return NULL;
    scalar_type = (PyTypeObject *)Py_NewRef(scalars);
    ufunc_type = (PyTypeObject *)Py_NewRef(ufuncs);
    scalar_type->tp_dealloc = (destructor)array_dealloc;
    accelerate_updates(array_type, scalar_type);
    Py_INCREF(run_op);
    Py_INCREF(getitem);
    return PyCFunction_New(&bind_definition, NULL);
}

static PyMethodDef functions[] = {
    {"configure", configure, METH_VARARGS, "The classes, and what they are made with."},
    {"accelerate", accelerate, METH_VARARGS, "Gives bind(op, args, params)."},
    {"accelerate_calls", accelerate_calls, METH_O, "A class whose instances are called."},
    {"accelerated", accelerated, METH_O, "The method of ops that applies them, for the one in Python."},
    {"remembered", remembered, METH_O, "A function that remembers which op a call comes down to."},
    {"shortened", shortened, METH_VARARGS, "A method of arrays with a short way of its own, by its name."},
    {"register_op", register_op, METH_VARARGS, "An op, NumPy's function for it, its name; what it gives."},
    {"register_operator", register_operator, METH_VARARGS, "A name, its op, the operator in Python."},
    {"register_settings", register_settings, METH_VARARGS, "What new arrays depend on."},
    {"set_thread_policy", set_thread_policy, METH_O, "The policy of this thread, None for that of the process."},
    {"set_process_policy", set_process_policy, METH_O, "The policy of the process."},
    {"flush_counts", flush_counts, METH_NOARGS, "Add what ran since the last time to the statistics."},
    {"protect", protect, METH_VARARGS, "Whether a tape relies on the data of the values in records."},
    {"pause", set_paused, METH_O, "Whether every op is left to Python."},
    {"set_forward", set_forward, METH_VARARGS, "Addresses of MXExecutorForward and MXSetNumOMPThreads; threads, or 0."},
    {"set_output", set_output, METH_O, "The class that stands for a result of a graph."},
    {"close_routes", close_routes, METH_O, "Whether every call goes through Python."},
    {"keep_out", keep_out, METH_O, "How deep in code that is not compiled this thread is."},
    {"tick", tick, METH_NOARGS, "A number that is larger at each call."},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_fast", "The short way through eager mode.", -1, functions,
};

PyMODINIT_FUNC PyInit__fast(void) {
    struct { const char *name; PyTypeObject *type; } types[] = {
        {"ValueSlots", &ValueSlots}, {"ArraySlots", &ArraySlots}, {"Bound", &BoundType},   {"Meter", &MeterType},
        {"Route", &RouteType},       {"Routes", &RoutesType},     {"Routed", &RoutedType},
    };
    const size_t n = sizeof types / sizeof *types;
    import_array();
    for (size_t i = 0; i < n; i++)
        if (PyType_Ready(types[i].type) < 0) return NULL;
    if (prepare_running() < 0 || prepare_calls() < 0 || prepare_numpys() < 0 || prepare_constants() < 0 ||
        prepare_kernels() < 0 || prepare_loops() < 0 || prepare_steps() < 0 || prepare_routes() < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || PyModule_AddObject(module, "fingerprint", PyLong_FromUnsignedLong(FINGERPRINT)) < 0) return NULL;
    for (size_t i = 0; i < n; i++)
        if (PyModule_AddObject(module, types[i].name, Py_NewRef((PyObject *)types[i].type)) < 0) return NULL;
    return module;
}
