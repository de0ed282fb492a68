"""Programs that once showed a bug, as ``Program.parse`` reads them: the inputs, an empty line, the rest."""

from __future__ import annotations

VALUES = {
    "a number does not change with the name that it had": """
b = numpy.array([1.0, 2.0])

v1 = u1 = np.max(b)
v1 *= 2
""",
    "a number takes the dtype of what is added": """
b = np.array([1, 2])

b[1] *= 0.5
v1 = np.max(b)
v1 -= 0.5
""",
    "no write reaches a number": """
a = np.array(0.5)

v1 = a + 1
v2 = v1[None]
v2[0] = 7
v1[...] = 3
""",
    "powers of arrays keep the dtype": """
a = np.array(0.5, dtype=np.float32)
b = np.array([True, False])
c = np.array([[1, -2]])

v1 = a**2
v2 = a**0
v3 = a**1
v4 = b**2
v5 = b**2.0
v6 = c**2.0
v7 = a[()] ** 2
v8 = b ** np.max(c)
v9 = b ** np.array(2)
v10 = b ** (np.max(c) + 1)
""",
    "both parts of a complex number are rounded": """
a = np.array([1.3 + 1.7j, -0.5 - 2.5j])

v1 = np.around(a)
v2 = a.round()
""",
    "integers are not copied when rounded": """
b = np.array([[3, -4], [1, 0]])

v1 = np.round(b)
v1[0] = 7
""",
    "padding of an empty array": """
b = np.zeros((0, 0, 1))

v1 = np.pad(b, (1, 0), "constant", constant_values=1.5)
""",
    "quantiles and their kin are numbers, in C order": """
a = np.arange(12.0).reshape(4, 1, 3)

v1 = np.quantile(a, [0.25, 0.5], axis=2)
v2 = v1.reshape(8)
v2[...] = v2[::-1] * 0.5
v3 = np.percentile(a, 20)
v4 = np.median(a)
v5 = np.median(np.array(2.0), keepdims=True)
v6 = np.inner(a[0, 0], a[1, 0])
v3 += v4
""",
    "norms and choices of float32": """
b = np.array([0.5, -1.5], dtype=np.float32)

v1 = np.linalg.norm(b, 3)
v2 = np.select([b[:1] > 1, b[:1] > 0], [b[:1], numpy.float32(-3.0)], 0.5)
""",
    "dtypes are looked at before shapes": """
a = np.zeros((4, 1))
b = np.zeros((4, 2, 2))

v1 = a | b
v2 = np.percentile(a > 0, 75.0, axis=3)
""",
    "an array of a number": """
a = np.array([1.5, 2.0])

v1 = np.asarray(a[0])
v2 = v1
v1 += 1
""",
    "infinity is no integer": """
c = np.array([3, 4])

c[0] /= numpy.array(False)
""",
    "numbers, not arrays without axes": """
a = np.array(3)
b = np.array([1.5, 2.0])
c = np.array(1 + 2j)

v1 = np.around(a)
v2 = a.round()
v3 = b.flat[0]
v4 = u4 = b.flat[-1]
v4 += 1
v5 = np.nan_to_num(a)
v8 = np.real(3.0)
v9 = np.real(numpy.array(3.0))
v10 = np.real(numpy.float64(3.0))
v11 = np.real(2)
v6 = np.nan_to_num(c)
v7 = [0.5, 1.5][np.any(b)]
""",
    "the shape is set": """
a = np.arange(6.0)
b = np.array([[1.0, 2.0], [3.0, 4.0]])

v1 = a[1:]
v2 = v1[::2]
a.shape = (2, -1)
v3 = a[1]
a.shape = (3, 2)
a[0] = 7
v1[3] = 8
v3 *= 2
v4 = b.T
v4.shape = (4,)
v5 = np.sum(b)
v5.shape = (1,)
""",
    "an array that is filled can be written": """
a = np.array([1.0, 2.0, 3.0])

v1 = np.full((2, 3), a)
v1[0] = 7
v2 = np.full((2, 2), a[0])
v2[0] += 1
v3 = v1.reshape(6)
v3[-1] = 8
""",
    "what is taken, repeated, padded and deleted is in C order": """
a = np.arange(6.0).reshape(2, 3)

v1 = np.take(a, [2, 0], axis=1)
v2 = v1.ravel()
v2[0] = 7
v3 = np.repeat(a, 2, axis=1)
v4 = v3.reshape(-1)
v3 += 1
v5 = np.pad(a, (0, 2), "edge")
v6 = v5.ravel()
v5 -= 1
v7 = np.delete(a, 1, axis=1)
v8 = v7.reshape(4)
v8[...] = 8
v9 = np.pad(np.moveaxis(np.zeros((2, 3, 2)), 0, 1), 1)
v10 = v9.ravel()
v10[0] = 9
""",
    "an array of nothing in a shape can be written": """
b = np.zeros((0, 2))

v1 = np.resize(b, (2, 3))
v1[0] = 7
""",
    "infinities are not missing": """
b = np.array([np.inf, 1.0, np.nan])

v1 = np.nanstd(b)
v2 = np.nanvar(b[:2])
v3 = np.nanstd(b[1:])
""",
    "the array itself": """
b = np.array([1.0, 2.0])

v1 = np.squeeze(b) is b
v2 = b.conj() is b
v3 = np.broadcast_arrays(b, b)[0] is b
v4 = np.meshgrid(b, copy=False)[0]
v4[0] = 7
""",
    "columns of a row": """
b = np.arange(6.0).reshape(2, 3)

v1 = b.reshape((3, 2), order="F")
v2 = np.ravel(b, order="F")
v3 = np.take(b, [4, -1], axis=1, mode="clip")
v4 = np.take(b, [4, -1], axis=0, mode="wrap")
v5 = np.copy(b)
v6 = np.ascontiguousarray(b)
v6[0] = 7
v7 = np.ascontiguousarray(b.T)
v7[0] = 8
v8 = np.linalg.matrix_power(np.stack([b[:, :2], b[:, 1:]]), 0)
""",
}

JIT = {
    "a sum of a number": """
a = np.array(0.5)
b = np.array([1.0, 2.0, 3.0])

v0 = b * np.sum(a)
v1 = v0[2].clip(-0.5, 1)
""",
    "what a mask chooses has too few axes": """
a = np.array([0.5, -1.0, 2.0])
b = np.array([[[1.0]]])

a[a > 0.0] += b
""",
    "a number broadcast is read-only": """
b = numpy.array(0.75)

v0 = np.broadcast_to(b * 1, (3,))
try:
    v0[0] = v0[0] * 0.5
except ValueError:
    v1 = v0 * 2
""",
    "a ravel of what has gaps is a copy": """
a = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

v0 = a[:, 0].ravel()
v0[0] = 7
v1 = a * 2
""",
    "arrays get more and more axes": """
weights_ = numpy.array([0.5, -0.5])

weights = np.subtract.outer(weights, weights)
weights[:-1] = weights[1:]
""",
    "an accumulation into no axes": """
c = np.array(True)

np.cumsum(c, axis=0, out=c)
""",
    "a gradient that is one number many times": """
a = numpy.array([1.0, 2.0])
b = np.array([[1.0, 2.0], [3.0, 4.0]])
rows = [np.array([1.0, 2.0]), np.array([-1.0, 0.5])]

rows[0] = rows[0] + 1
return b
""",
    "a view of what turns out to be a copy": """
a = numpy.array(numpy.arange(1, 13).reshape(1, 3, 4))

v0 = a.ravel(order="F")
v1 = v0[1:-6:1]
try:
    assert v0.ravel()[0], "not so"
    v2 = a * 3
except AssertionError:
    v2 = a * 0
return v1
""",
    "a function gives back what it is given": """
a = numpy.array([[0.5, 2.0], [-1.0, 1.5]])

v0 = np.fft.fftn(a, axes=())
v1 = np.diff(a, 0)
v0 += 1
return v0, v1, np.linalg.matrix_power(a, 1)
""",
    "a list is no element, though it has only one": """
b = np.array([[0.5, 2.0], [-1.0, 1.5]])

v0 = b * 1
try:
    v0[0] = [[3.0, 4.0]]
except ValueError:
    v0[1] = np.array([[3.0, 4.0]])
b[0, -1] = [0.0]
return v0
""",
    "what is taken from an empty array is not checked": """
a = numpy.zeros((1, 3, 0))
b = np.zeros((1, 3, 0))

v0 = np.where(b > 0.5, b, 0.5)
return v0[[-3, 0, 3]], a[[-3, 0, 3]], b[:, [7]]
""",
    "all of an array is overwritten": """
a = np.array([1.0, 2.0])

v0 = a / 0
v0.flat = 2
v1 = np.zeros(2)
np.divide(a, 0, out=v1)
return v0, v1 * np.array([0.0, 1.0])
""",
    "what a mask leaves out was computed before a line that stays with Python": """
c = np.array([0.0, 2.0])

v0 = 1 / c
v1 = v0 * 2
print(end="")
return np.where(c > 0, v0, 0), np.where(c > 0, v1, 0)
""",
    "NumPy writes into an array that no gradient reaches": """
a = np.array([1.0, 2.0])

v = np.array([1.0, numpy.nan])
v0 = v * 2
v1 = a * 2
np.nan_to_num(v, copy=False)
return v1 * v
""",
    "a variable that is deleted has no value": """
a = np.array([1.0, 2.0])

v0 = weights
if total < 1.0:
    del v0
v1 = v0
""",
    "the derivative of what is not asked for is infinite, or not there": """
a = np.array([0.0, 1.0])

v0 = np.log(a)
v1 = a * 2
print(end="")
v2 = [v0, np.spacing(a)]
print(end="")
return v2, v1, [v2[1] * 2]
""",
    "an argument that is written through a view": """
a = np.array([[1.0, 2.0], [3.0, 4.0]])

v0 = a.T
v0[0] = 1
return -v0
""",
    "one array as two arguments, of which one is written": """
a = np.array([[1.0, 2.0], [3.0, 4.0]])
b = np.array([[1.5, -2.0], [0.5, 1.0]])

a[0] *= 3
return a, b * 2
""",
    "what is written shows the memory that it goes to": """
b = np.array([3, 4, 5])

v0 = weights * 0.5
v0[numpy.array([-2, 2, -3])] = v0
b.flat[[1, 2, 0]] = b[::-1]
return v0
""",
    "integers are rounded each time": """
b = np.array([3, 4, 5])

np.subtract.at(b, [0, -3], numpy.float32(3.5))
np.add.at(b, [calls, 0], 1.75)
""",
    "the array itself": """
a = np.array([1.0, 2.0])

v0 = np.squeeze(weights)
v1 = np.broadcast_arrays(a, a)
v2 = table["w"].conj()
return v0, v1, v2
""",
    "a method of NumPy's on arrays of MinPy's": """
a = np.array([1.0, 2.0])
b = numpy.array([1.0, 2.0])

v0 = b.dot(a)
v1 = b.clip(a, 3)
return v0, v1, b.take(a.astype(int) - 1)
""",
    "numbers stay numbers": """
a = numpy.array([1.0, 2.0])

v0 = np.real(np.max(weights))
v1 = np.sum(weights).copy()
for v2 in zip(a, (1, 2)):
    v2 = np.real(v2[0])
v3 = np.real(a)
if calls < 2:
    v4 = np.array(2.0) * scale
else:
    v4 = np.array([2.0])
calls += 1
v4[...] = 3
return v0, v1, v2, v3, v4
""",
    "numbers have no dot": """
a = np.array([1.0, 2.0, 3.0])

v0 = weights.dot(a)
return v0, np.sum(a).dot(a)
""",
    "NumPy's arrays with keys of MinPy's": """
a = numpy.array([1.0, 2.0, 3.0])

v0 = a[np.array([1, 1, -2])]
v1 = a[np.array([True, False, True])]
a[np.array([0, 1])] = 7
return v0, v1
""",
    "a slice of a dict": """
a = numpy.array([1.0, 2.0, 3.0])

if np.sum(a) > 2.5:
    v0 = a * 2
else:
    v0 = {"p": a}
v1 = v0[::2]
""",
    "complex numbers where real ones are": """
a = np.array([1.0, 2.0])

weights[::-1] = 1j
""",
    "a view by einsum": """
a = np.array([1.0, 2.0])

v0 = np.einsum("i->i", weights)
v0[0] = 7
v1 = np.einsum("ij->ji", table["w"])
return v0, v1
""",
    "a value with two axes at a mask of which nothing is true": """
a = numpy.array([[2.0]])
b = numpy.ones(3)

b[[False, False, False]] = a
""",
    "a sum of zeros": """
a = numpy.array([0.5, -1.5, 2.0])

v0 = np.split(np.zeros(a.shape), [2])[1]
return v0
""",
}

GRADIENTS = {
    "copies and other orders": """
a = numpy.arange(6.0).reshape(2, 3)

v1 = a.reshape((3, 2), order="F") * a.ravel(order="F")[:2]
v2 = np.take(np.copy(a), [4, -1], axis=1, mode="clip") ** 2
v3 = np.take(np.ascontiguousarray(a), [4, -1], axis=0, mode="wrap") * v2[:, :1]
v4 = np.linalg.matrix_power(v2, 0)
""",
    "the shape is set, of a view and of what has views": """
a = numpy.arange(6.0) + 0.5

v1 = a[1:]
v2 = v1[::2]
a.shape = (2, 3)
v3 = a[0]
a.shape = (3, 2)
a[1, 1] *= a[0, 0]
v1[0] = a[0, 0] * 5
v2[1] = v2[0] * v2[1]
v3 *= 2
a.shape = (6,)
""",
    "what is written shows the memory that it goes to": """
a = numpy.array([[0.5, 1.5], [-1.0, 2.0], [0.25, -0.75]])
b = numpy.array([0.5, -1.5])

b[np.array([1, -1])] = b
v0 = np.asarray(a)
v0[[1, 2, 0]] = a
v1 = a[:, 0]
v1[numpy.array([2, 0])] = v1[:0:-1]
v1[v1 > 0.3] = v1[:1]
v2 = a.T
v2.flat[[1, 2, 3]] = v2[0]
v2[:, [0, 1]] = a[:2] * 2
""",
    "an array without axes stays one around what stays with Python": """
a = numpy.array([0.5, -1.5, 2.0])

v0 = np.tensordot(a, a, axes=([0], [0]))
v1 = np.sum(a)
print(end="")
v0[()] *= v1
v2 = v1
v2 += v0
""",
    "an input is changed": """
c = numpy.array([[0.5, 2.0], [-1.0, 1.5]])

v2 = c / (1 + np.abs(c))
c *= v2
v3 = c.T
v3 += v2
""",
}
