/* What calls.c and numpys.c share: a call, and what it comes down to. */
#pragma once
#include "fast.h"

#define MOST_WORDS 96   /* longer descriptions are not made */
#define MOST_OBJECTS 16 /* objects in them */

/* A call as far as the choice of the op may depend on it. Objects are told apart by their address, so what
 * remembers a description holds them. */
typedef struct {
    int64_t words[MOST_WORDS];
    PyObject *operands[MAX_OPERANDS], *objects[MOST_OBJECTS];
    Py_ssize_t n_words, n_operands, n_objects;
} Call;

/* What a call comes down to: an op, its params, and the places of its operands in the call; or, where `op` is
 * NULL, what NumPy has for the function, and what its results look like; or the array that it makes. */
typedef struct {
    uint64_t hash, result;
    Py_ssize_t n_words, n_operands;
    PyObject *op, *params, *numpy, *constant, *objects;
    long number;
    char holds_for_decisions; /* a policy that decides op by op had NumPy do each */
    char places[MAX_OPERANDS];
    int64_t words[];
} Known;

uint64_t hash_of(const Call *call);
Known **look_up(const Call *call, uint64_t hash);
int remember(Call *call, uint64_t hash, Known what, const char *places);

/* numpys.c */
int learn_numpys(Call *call, uint64_t hash, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, Seen *what,
                 PyObject *result);
PyObject *call_numpys(Known *known, Call *call, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);

/* constants.c */
PyObject *dtype_of_new(void);
int learn_constant(Call *call, uint64_t hash, PyObject *const *args, PyObject *result);
PyObject *copy_constant(Known *known);
