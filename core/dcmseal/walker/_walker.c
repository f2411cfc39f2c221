/* The walker for Python, on the stable ABI of CPython 3.11. Arguments are checked here; walker.c does the work, and
 * the GIL is released meanwhile. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "walker.h"

enum { ELEMENTS_AT_ONCE = 512 };

/* Take over the input; false with an exception if it is not usable. Bytes objects never change. */
static bool set_input(struct walk *w, PyObject *buffer, int encoding, PyObject *dictionary) {
    char *data, *slots;
    Py_ssize_t size, slots_size;
    if (PyBytes_AsStringAndSize(buffer, &data, &size) < 0) return false;
    if (PyBytes_AsStringAndSize(dictionary, &slots, &slots_size) < 0) return false;
    bool is_usable = encoding >= 0 && encoding < WALK_ENCODINGS && w->position >= 0 && w->position <= size &&
                     w->end <= WALK_NEVER;
    if (encoding == IMPLICIT_LITTLE)
        is_usable = is_usable && slots_size == DICTIONARY_SLOTS * (Py_ssize_t)sizeof(uint64_t) &&
                    (uintptr_t)slots % sizeof(uint64_t) == 0;
    if (!is_usable) {
        PyErr_SetString(PyExc_ValueError, "invalid position, encoding or dictionary");
        return false;
    }
    w->data = (const uint8_t *)data;
    w->size = size;
    w->encoding = (enum walk_encoding)encoding;
    w->dictionary = encoding == IMPLICIT_LITTLE ? (const uint64_t *)(const void *)slots : NULL;
    return true;
}

static PyObject *gather(PyObject *args, enum walk_stop (*walk)(struct walk *)) {
    struct walk w = {0};
    PyObject *buffer, *dictionary, *result = NULL;
    Py_buffer room;
    long long position, end;
    int encoding, check_padding;
    if (!PyArg_ParseTuple(args, "OLLw*iOpII", &buffer, &position, &end, &room, &encoding, &dictionary,
                          &check_padding, &w.rules, &w.context))
        return NULL;
    w.position = position;
    w.end = end;
    w.check_padding = check_padding;
    w.out = room.buf;
    w.room = room.len;
    if (set_input(&w, buffer, encoding, dictionary)) {
        enum walk_stop stop;
        Py_BEGIN_ALLOW_THREADS
        stop = walk(&w);
        Py_END_ALLOW_THREADS
        result = Py_BuildValue("iLLLI", stop, (long long)w.position, (long long)w.written, (long long)w.open_items, w.notes);
    }
    PyBuffer_Release(&room);
    return result;
}

static PyObject *gather_items(PyObject *module, PyObject *args) {
    (void)module;
    return gather(args, walk_items);
}

static PyObject *gather_elements(PyObject *module, PyObject *args) {
    (void)module;
    return gather(args, walk_elements);
}

/* Append what was found to the lists; false with an exception if there is no memory. */
static bool append_elements(PyObject *tags, PyObject *starts, const uint32_t *found_tags, const int64_t *found_starts,
                            int64_t count, long long base) {
    for (int64_t i = 0; i < count; i++) {
        PyObject *tag = PyLong_FromUnsignedLong(found_tags[i]), *start = PyLong_FromLongLong(found_starts[i] + base);
        bool is_done = tag && start && PyList_Append(tags, tag) == 0 && PyList_Append(starts, start) == 0;
        Py_XDECREF(tag);
        Py_XDECREF(start);
        if (!is_done) return false;
    }
    return true;
}

static PyObject *scan_level(PyObject *module, PyObject *args) {
    struct walk w = {0};
    PyObject *buffer, *dictionary, *tags, *starts;
    long long position, end, base;
    int encoding;
    uint32_t found_tags[ELEMENTS_AT_ONCE];
    int64_t found_starts[ELEMENTS_AT_ONCE], count;
    (void)module;
    if (!PyArg_ParseTuple(args, "OLLLiOO!O!", &buffer, &position, &end, &base, &encoding, &dictionary, &PyList_Type,
                          &tags, &PyList_Type, &starts))
        return NULL;
    w.position = position;
    w.end = end;
    if (!set_input(&w, buffer, encoding, dictionary)) return NULL;
    do {
        Py_BEGIN_ALLOW_THREADS
        count = walk_level(&w, found_tags, found_starts, ELEMENTS_AT_ONCE);
        Py_END_ALLOW_THREADS
        if (!append_elements(tags, starts, found_tags, found_starts, count, base)) return NULL;
    } while (count == ELEMENTS_AT_ONCE);
    return PyLong_FromLongLong(w.position);
}

static PyObject *build_dictionary(PyObject *module, PyObject *entries) {
    PyObject *dictionary = PyBytes_FromStringAndSize(NULL, DICTIONARY_SLOTS * sizeof(uint64_t));
    Py_ssize_t count = PySequence_Size(entries);
    (void)module;
    if (!dictionary || count < 0) goto failed;
    uint64_t *slots = (uint64_t *)(void *)PyBytes_AsString(dictionary);
    for (int i = 0; i < DICTIONARY_SLOTS; i++) slots[i] = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(entries, i);
        uint64_t entry = item ? PyLong_AsUnsignedLongLong(item) : 0;
        Py_XDECREF(item);
        if (PyErr_Occurred()) goto failed;
        if (!entry || !walk_add_entry(slots, entry)) {
            PyErr_SetString(PyExc_ValueError, "invalid entry, or too many entries");
            goto failed;
        }
    }
    return dictionary;
failed:
    Py_XDECREF(dictionary);
    return NULL;
}

static PyObject *find_mark(PyObject *module, PyObject *args) {
    Py_buffer buffer;
    long long start, end, found = -1;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*LL", &buffer, &start, &end)) return NULL;
    if (start < 0 || end > buffer.len)
        PyErr_SetString(PyExc_ValueError, "invalid range");
    else
        found = walk_find_mark(buffer.buf, start, end);
    PyBuffer_Release(&buffer);
    return PyErr_Occurred() ? NULL : PyLong_FromLongLong(found);
}

static PyMethodDef METHODS[] = {
    {"gather_items", gather_items, METH_VARARGS, "Gather the items of a sequence for the MAC, as far as they are ordinary."},
    {"gather_elements", gather_elements, METH_VARARGS, "Gather plain elements for the MAC, as far as they are ordinary."},
    {"scan_level", scan_level, METH_VARARGS, "Append the tags and starts of plain elements to two lists."},
    {"find_mark", find_mark, METH_VARARGS, "Find the tag of an item or of the end of a sequence in a buffer."},
    {"build_dictionary", build_dictionary, METH_O, "Build the dictionary of implicit VR from its entries."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{0, NULL}};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_walker", "The compiled walker.", 0, METHODS, SLOTS, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__walker(void);
PyMODINIT_FUNC PyInit__walker(void) { return PyModuleDef_Init(&MODULE); }
