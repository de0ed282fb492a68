/* What a call of a compiled region gives, made of the results of its graph. */
#include "routes.h"

/* What is given: a result of the graph as a kind of value, an object, or a container of these. */
enum { AS_ARRAY, AS_SCALAR, AS_NDARRAY, AS_NUMPYS_SCALAR, AS_NUMBER, OBJECT, CONTAINER };
static const char *const form_names[] = {"minpy array", "minpy scalar", "numpy array", "numpy scalar"};

static PyObject *output_type;

PyObject *set_output(PyObject *module, PyObject *type) {
    output_type = Py_NewRef(type);
    Py_RETURN_NONE;
}

int prepare_form(Form *form, PyObject *given) {
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

void clear_form(Form *form) {
    for (Py_ssize_t i = 0; i < form->n; i++) clear_form(&form->parts[i]);
    PyMem_Free(form->parts);
    Py_CLEAR(form->object);
    form->n = 0;
    form->parts = NULL;
}

PyObject *made(const Form *form, PyObject *const *results) {
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
