"""Many tiny products: the hand of a robot arm, each joint a rotation; gradient with respect to the angles."""

from __future__ import annotations

import numpy

from benchmarks.work import Symbol, Work

JOINTS = 35
TARGET = (1.0, 2.0, 3.0)


def write(np):
    def rotation(angle, axis):
        c, s = np.cos(angle), np.sin(angle)
        if axis == "z":
            return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])

    def distance(angles, link, target):
        turned, hand = np.eye(3, dtype="float64"), np.zeros(3, dtype="float64")
        for j in range(JOINTS):
            turned = np.dot(turned, rotation(angles[j], "zx"[j % 2]))
            hand = hand + np.dot(turned, link)
        return np.sum((hand - target) ** 2)

    return distance


def torch_function(angles, link, target):
    import torch

    zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    cosines, sines = angles.cos().unbind(), angles.sin().unbind()
    turned, hand = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for j, (c, s) in enumerate(zip(cosines, sines)):
        entries = (
            [one, zero, zero, zero, c, -s, zero, s, c]
            if j % 2
            else [c, -s, zero, s, c, zero, zero, zero, one]
        )
        turned = turned @ torch.stack(entries).view(3, 3)
        hand = hand + turned @ link
    return (hand - target).square().sum()


# Where cosine, sine and one stand in a rotation around z and around x: entries = [cos, sin, 1] @ PLACES.
PLACES = numpy.zeros((2, 3, 9))
PLACES[0, 0, [0, 4]] = PLACES[0, 2, 8] = PLACES[1, 0, [4, 8]] = PLACES[1, 2, 0] = 1
PLACES[0, 1, [1, 3]] = PLACES[1, 1, [5, 7]] = (-1, 1)


def symbol(F, angles, link, target, places, start):
    """All rotations by two products, then a chain of 3x3 products."""
    ones = F.ones_like(angles)
    entries = F.stack(F.cos(angles), F.sin(angles), ones, axis=1)
    both = [
        F.split(
            F.reshape(F.dot(entries, F.slice_axis(places, axis=0, begin=3 * k, end=3 * k + 3)), (-1, 3, 3)),
            num_outputs=JOINTS,
            axis=0,
            squeeze_axis=True,
        )
        for k in (0, 1)
    ]
    turned, hand = start, 0
    for j in range(JOINTS):
        turned = F.dot(turned, both[j % 2][j])
        hand = hand + F.dot(turned, link)
    return F.sum(F.square(hand - target))


def by_hand(angles, link, target):
    """Each joint turns what comes after it: the gradient needs no chain of products backwards."""
    cosines, sines = numpy.cos(angles), numpy.sin(angles)
    ones = numpy.ones(JOINTS)
    turned = numpy.eye(3)
    joints, places, hand = [], [], numpy.zeros(3)
    for j in range(JOINTS):
        joints.append(turned[:, 2] if j % 2 == 0 else turned[:, 0])
        places.append(hand)
        rotation = numpy.array([cosines[j], sines[j], ones[j]]) @ PLACES[j % 2]
        turned = turned @ rotation.reshape(3, 3)
        hand = hand + turned @ link
    levers = numpy.cross(numpy.array(joints), hand - numpy.array(places))
    return [numpy.sum((hand - target) ** 2), levers @ (2 * (hand - target))]


def chain() -> Work:
    link, target = numpy.array([0.1, 0.2, 0.3]), numpy.array(TARGET)
    return Work(
        title=f"{JOINTS} chained 3 x 3 products of sines and cosines, gradient, float64",
        kind="gradient",
        params=numpy.random.RandomState(0).uniform(-1, 1, JOINTS),
        data=[link, target],
        numpy=write,
        torch=torch_function,
        symbol=Symbol(symbol, [link, target, PLACES.reshape(6, 9), numpy.eye(3)]),
        by_hand=by_hand,
        leave_out={"torch.compile": "compiles for more than two minutes"},
    )


WORKS = {"chain": chain}
