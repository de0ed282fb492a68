/* Lets MXNet's own backward operators stand in any graph.
 *
 * A cached graph of MXNet derives a backward graph for itself when it is made, although MinPy never runs it, and
 * refuses operators that have no gradient unless all of their outputs are used. `give(library, name)` registers a
 * gradient of zeros for such an operator; then a graph computes those outputs that it uses, and no others.
 *
 * MXNet's table of operators is reached by what its library exports. Its classes are written down here as far as
 * they are used, with the memory layout of the release that MinPy runs on; what cannot be recognized is left
 * alone. Compiled with the string class of before C++11, as MXNet is. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Node; /* nnvm::Node */

struct NodeEntry { /* nnvm::NodeEntry */
    std::shared_ptr<Node> node;
    uint32_t index, version;
};

using Gradient = std::function<std::vector<NodeEntry>(const std::shared_ptr<Node> &, const std::vector<NodeEntry> &)>;

struct Op { /* the beginning of nnvm::Op */
    std::string name;
};

struct Registry { /* the beginning of dmlc::Registry<nnvm::Op>: an operator's place is its index */
    std::vector<Op *> ops;
};

struct OpMap { /* nnvm::OpMap<nnvm::FGradient>: by the index of an operator, with a level of priority */
    std::string attribute;
    std::vector<std::pair<Gradient, int>> of;
};

struct Any { /* dmlc::any that holds an OpMap */
    const void *type;
    OpMap *content;
};

/* nnvm::Node begins with its attrs: a pointer, a string, a hash map (of GCC 4.8), an any, a vector. */
constexpr size_t place_of_inputs = 8 + 8 + 48 + 32 + 24;

int (*create_symbol)(void *, uint32_t, const char **, const char **, void **);
int (*free_symbol)(void *);
void *zeros;

std::vector<NodeEntry> no_gradient(const std::shared_ptr<Node> &node, const std::vector<NodeEntry> &) {
    auto &inputs = *reinterpret_cast<std::vector<NodeEntry> *>(reinterpret_cast<char *>(node.get()) + place_of_inputs);
    std::vector<NodeEntry> found;
    for (size_t i = 0; i < inputs.size(); i++) {
        void *symbol = nullptr; /* whose outputs stand at its beginning */
        if (create_symbol(zeros, 0, nullptr, nullptr, &symbol) != 0) break;
        found.push_back(reinterpret_cast<std::vector<NodeEntry> *>(symbol)->at(0));
        free_symbol(symbol);
    }
    return found;
}

template <typename Function>
bool find(void *library, const char *name, Function *&function) {
    function = reinterpret_cast<Function *>(dlsym(library, name));
    return function != nullptr;
}

size_t index_of(const Registry &registry, const char *name) {
    size_t i = 0;
    while (i < registry.ops.size() && registry.ops[i]->name != name) i++;
    return i;
}

bool give_zeros(const char *path, const char *name) {
    void *library = dlopen(path, RTLD_NOLOAD | RTLD_LAZY);
    Registry *(*registry_of_ops)();
    const Any *(*attributes)(const std::string &);
    if (library == nullptr || !find(library, "_ZN4dmlc8RegistryIN4nnvm2OpEE3GetEv", registry_of_ops) ||
        !find(library, "_ZN4nnvm2Op10GetAttrMapERKSs", attributes) ||
        !find(library, "MXSymbolCreateAtomicSymbol", create_symbol) || !find(library, "MXSymbolFree", free_symbol))
        return false;
    const Registry &registry = *registry_of_ops();
    const Any *any = attributes("FGradient");
    if (any == nullptr || any->content == nullptr || any->content->attribute != "FGradient") return false;
    auto &gradients = any->content->of;
    size_t known = index_of(registry, "Convolution"), place_of_zeros = index_of(registry, "_zeros");
    size_t wanted = index_of(registry, name), size = registry.ops.size();
    if (known >= gradients.size() || !gradients[known].first || place_of_zeros == size || wanted == size) return false;
    zeros = registry.ops[place_of_zeros];
    if (gradients.size() < size) gradients.resize(size);
    if (!gradients[wanted].first) gradients[wanted] = {Gradient(no_gradient), 10};
    return true;
}

PyObject *give(PyObject *, PyObject *args) {
    const char *path, *name;
    if (!PyArg_ParseTuple(args, "ss", &path, &name)) return nullptr;
    return PyBool_FromLong(give_zeros(path, name));
}

PyMethodDef functions[] = {
    {"give", give, METH_VARARGS, "Whether the operator of the library has a gradient now, if only zeros."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_zero_gradients", "Gradients for backward operators.", -1, functions,
                          nullptr, nullptr, nullptr, nullptr};

} /* namespace */

PyMODINIT_FUNC PyInit__zero_gradients(void) { return PyModule_Create(&definition); }
