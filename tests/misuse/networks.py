"""Misuses of ``minpy.nn``: functions, layers, losses, models, rules, iterators and files."""

from __future__ import annotations

import numpy

from minpy.errors import DTypeError, ModelError, ShapeError, StorageError

SETUP = """
from pathlib import Path
from minpy.nn import init, io, layers, model, model_builder as mb, optim, schedules, storage
from minpy.nn.solver import Solver
X, Y = numpy.ones((6, 4)), numpy.zeros(6, int)
IMAGES = numpy.ones((2, 3, 8, 8), "float32")
class Model(model.ModelBase):
    def __init__(self):
        super().__init__()
        self.add_param('w', shape=(4, 3))
    def forward(self, X, mode):
        return np.dot(X, self.params['w'])
    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)
def kernels(*shape):
    return numpy.ones(shape or (4, 3, 3, 3), "float32")
def damage(path, change):
    storage.save(path, {'w': X})
    Path(path).write_bytes(change(Path(path).read_bytes()))
def data(**settings):
    return io.NDArrayIter(X, Y, **{'batch_size': 2, **settings})
"""

FUNCTIONS = [
    ("F.conv2d(IMAGES, kernels(4, 2, 3, 3))", ShapeError, "channels"),
    ("F.conv2d(IMAGES, kernels(4, 3, 9, 9))", ShapeError, "(9, 9); larger; (2, 3, 8, 8)"),
    ("F.conv2d(IMAGES[0], kernels())", ShapeError, "(3, 8, 8)"),
    ("F.conv2d(IMAGES, kernels(), stride=0)", ShapeError, "stride; integer from 1; 0"),
    ("F.conv2d(IMAGES, kernels(), stride='2')", ShapeError, "stride; integer from 1; '2'"),
    ("F.conv2d(IMAGES, kernels(), padding=-1)", ShapeError, "padding; integer from 0; -1"),
    ("F.conv2d(IMAGES, kernels(), groups=2)", ShapeError, "3 channels; 2 group"),
    ("F.max_pool2d(IMAGES, 9)", ShapeError, "(2, 3, 8, 8); 9"),
    ("F.max_pool2d(IMAGES, 0)", ShapeError, "size; integer from 1; 0"),
    ("F.avg_pool2d(IMAGES, 2, stride=-2)", ShapeError, "stride; integer from 1; -2"),
    ("F.avg_pool2d(IMAGES[0, 0], 2)", ShapeError, "(8, 8)"),
    (
        "F.batch_norm(X, 1.0, 0.0, 0.0, 1.0, mode='training')",
        ValueError,
        "mode; 'train' or 'test'; 'training'",
    ),
    ("F.batch_norm(X, 1.0, 0.0, 0.0, 1.0, mode=None)", ValueError, "mode; 'train' or 'test'; None"),
    ("F.dropout(X, 1.0)", ValueError, "rate; less than 1; 1.0"),
    ("F.dropout(X, -0.1)", ValueError, "rate; at least 0; -0.1"),
    ("F.dropout(X, nan)", ValueError, "rate; nan"),
    ("F.dropout(X, 0.5, 'eval')", ValueError, "mode; 'train' or 'test'; 'eval'"),
    ("F.dropout([1.0, 2.0], 0.5, mode=1)", ValueError, "mode; 'train' or 'test'; 1"),
    ("F.embedding(numpy.array([0, 9]), X)", IndexError, "9; 6"),
    ("F.embedding(numpy.array([0.5]), X)", IndexError, "integer"),
    ("F.one_hot(numpy.array([0, 1]), -3)", ShapeError, "depth; integer from 0; -3"),
    ("F.one_hot(numpy.array([0]), 2.5)", ShapeError, "depth; integer from 0; 2.5"),
    ("F.softmax(X, axis=5)", numpy.AxisError, "axis 5"),
    ("F.log_softmax(X, axis='rows')", DTypeError, "log_softmax; 'str'; integer"),
]

LAYERS = [
    ("layers.affine(X, numpy.ones((5, 3)), numpy.ones(3))", ShapeError, "affine; (6, 4); (5, 3)"),
    ("layers.affine(X, numpy.ones((4, 3)), numpy.ones(2))", ShapeError, "affine; (2,)"),
    ("layers.affine(X, numpy.ones(4), numpy.ones(3))", ShapeError, "affine; (4,); (D, M)"),
    (
        "layers.temporal_affine(X, numpy.ones((4, 3)), numpy.ones(3))",
        ShapeError,
        "temporal_affine; (N, T, D); (6, 4)",
    ),
    ("layers.pooling(IMAGES, 'median', 2)", ValueError, "pooling; 'max' or 'avg'; 'median'"),
    ("layers.pooling(IMAGES, 'max', 20)", ShapeError, "window (20, 20); larger"),
    ("layers.batchnorm(X, numpy.ones(3), numpy.ones(4))", ShapeError, "batchnorm; (3,)"),
    ("layers.group_norm(IMAGES, numpy.ones(3), numpy.ones(3), groups=2)", ShapeError, "group_norm; 3; 2"),
    ("layers.group_norm(IMAGES, numpy.ones(3), numpy.ones(3), groups=0)", ShapeError, "group_norm; 0"),
    ("layers.dropout(X, 2.0)", ValueError, "2.0"),
    ("layers.embedding(numpy.array([7]), X)", IndexError, "7"),
    ("layers.softmax_loss(X, numpy.array([0, 1, 2, 3, 0, 9]))", IndexError, "9; 4"),
    ("layers.softmax_loss(X, numpy.array([0, 1, 2, 3, 0, -5]))", IndexError, "-5"),
    ("layers.softmax_loss(X, numpy.zeros(5, int))", ShapeError, "softmax_loss; (6, 4); (5,)"),
    ("layers.softmax_loss(X[0], Y)", ShapeError, "softmax_loss; (4,)"),
    ("layers.svm_loss(X, numpy.zeros((6, 3)))", ShapeError, "svm_loss; (6, 4); (6, 3)"),
    ("layers.logistic_loss(X, numpy.zeros((2, 2)))", ShapeError, "logistic_loss; (6, 4); (2, 2)"),
    ("layers.l2_loss(X, numpy.zeros((6, 5)))", ShapeError, "l2_loss; (6, 4); (6, 5)"),
    ("layers.l1_loss(X, numpy.zeros(7))", ShapeError, "l1_loss; (6, 4); (7,)"),
    ("layers.huber_loss(1.0, 2.0)", ShapeError, "huber_loss; single number"),
    ("layers.temporal_softmax_loss(X, Y)", ShapeError, "temporal_softmax_loss; (N, T, C); (6, 4)"),
    ("layers.rnn_temporal(X, X, X, X, X)", ShapeError, "rnn_temporal; (N, T, D); (6, 4)"),
    ("layers.lstm_temporal(IMAGES[0], IMAGES[0, 0], X, X, X)", ShapeError, "lstm_step; (D, 4H); (6, 4)"),
]

TRAINING = [
    ("init.initialize('xavir', (3, 4))", ValueError, "'xavir'; 'xavier'"),
    ("init.initialize('gaussian', (3, 4), {'sigma': 1})", ValueError, "'sigma'; 'stdvar'"),
    ("init.initialize('he', (3, 4), {'fan': 'up'})", ValueError, "fan; 'in' or 'out'; 'up'"),
    ("init.initialize('constant', (3, 4), {'value': numpy.ones(5)})", ShapeError, "(5,); (3, 4)"),
    (
        "init.initialize('custom', (3, 4), {'function': lambda shape: numpy.ones(2)})",
        ShapeError,
        "(2,); (3, 4)",
    ),
    ("init.initialize('custom', (3, 4), {'function': 3})", ValueError, "function; 3"),
    ("init.initialize('gaussian', (3, 4), {'stdvar': -1})", ValueError, "stdvar; from 0; -1"),
    ("init.initialize('gaussian', (3, 4), {'stdvar': nan})", ValueError, "stdvar; from 0; nan"),
    ("optim.start('adm', X)", ValueError, "'adm'; adam"),
    ("optim.start('adam', X, {'lr': 1e-3})", ValueError, "'adam'; 'lr'; learning_rate"),
    ("optim.start('sgd', X, {'learning_rate': nan})", ValueError, "learning_rate; nan"),
    ("optim.start('sgd', X, {'learning_rate': 'fast'})", TypeError, "learning_rate; 'fast'"),
    ("optim.start('sgd_momentum', X, {'velocity': numpy.ones(3)})", ShapeError, "velocity; (3,); (6, 4)"),
    ("optim.clip_by_global_norm([X], -1.0)", ValueError, "limit; -1.0"),
    ("optim.clip_by_value([X], nan)", ValueError, "limit; nan"),
    ("schedules.step(0)", ValueError, "every; 0"),
    ("schedules.step(-3)", ValueError, "every; -3"),
    ("schedules.cosine(0)", ValueError, "steps; 0"),
    ("schedules.warmup(-1)", ValueError, "steps; -1"),
    ("schedules.sequence([schedules.constant()], [3, 4])", ValueError, "1 schedules; [3, 4]"),
    ("io.NDArrayIter(X, Y, batch_size=0)", ValueError, "batch_size; positive integer; 0"),
    ("io.NDArrayIter(X, Y, batch_size='2')", ValueError, "batch_size; positive integer; '2'"),
    ("io.NDArrayIter(X, Y[:3], batch_size=2)", ValueError, "as many samples; 3"),
    ("io.NDArrayIter(X[:0], Y[:0], batch_size=2)", ValueError, "no samples"),
    ("io.NDArrayIter({}, batch_size=2)", ValueError, "data has no arrays"),
    ("io.NDArrayIter(['a', 'b'], batch_size=1)", TypeError, "data"),
    ("io.NDArrayIter(numpy.float64(3), batch_size=1)", TypeError, "data"),
    ("data(last_batch_handle='drop')", ValueError, "last_batch_handle; 'drop'; discard"),
    ("data(batch_size=9, last_batch_handle='discard')", ValueError, "6 samples; 9"),
    ("it = data()\nfor _ in range(4): it.next()", StopIteration, ""),
    ("io.PrefetchingIter(data(), depth=0)", ValueError, "depth; positive; 0"),
]

MODELS = [
    ("Model().add_param('w', shape=(2,))", ModelError, "'w' already; another name"),
    ("Model().add_param(3, shape=(2,))", ModelError, "name; text; 3"),
    ("Model().add_param('v', shape=(2, -1))", ModelError, "'v'; positive integers; (2, -1)"),
    ("Model().add_param('v', shape=3.5)", ModelError, "'v'; tuple; 3.5"),
    ("Model().add_param('v', shape=(2,), int_rule='xavier')", ModelError, "'v'; no int_rule; init_rule"),
    ("Model().add_params({'v': {}})", ModelError, "'v'; shape"),
    ("Model().save('model.npz')", ModelError, "nothing to save; w"),
    ("Model().load('missing.model')", FileNotFoundError, "missing.model"),
    (
        "Path('broken.model').write_bytes(b'junk')\nModel().load('broken.model')",
        StorageError,
        "broken.model; damaged",
    ),
    ("Path('empty.model').touch()\nModel().load('empty.model')", StorageError, "empty.model; damaged"),
    (
        "Path('huge.model').write_bytes(b'\\xff' * 8 + b'{}')\nModel().load('huge.model')",
        StorageError,
        "huge.model; damaged",
    ),
    (
        "damage('a.model', lambda content: content[:-8])\nstorage.load('a.model')",
        StorageError,
        "a.model; damaged",
    ),
    (
        "damage('b.model', lambda content: content[:-8] + bytes(8))\nstorage.load('b.model')",
        StorageError,
        "b.model; damaged",
    ),
    ("storage.save('c.model', {'w': object()})", StorageError, "w; object"),
    ("storage.save('c.model', {3: X})", StorageError, "key; text; 3"),
    ("storage.save('no/such/folder.model', {'w': X})", FileNotFoundError, "no/such"),
    ("model.ModelBase().forward(X, 'train')", NotImplementedError, "forward(self, X, mode)"),
    ("model.ModelBase().loss(X, Y)", NotImplementedError, "loss(self, predict, y)"),
    ("mb.Affine(0)", ModelError, "Affine; whole number from 1; 0"),
    ("mb.Affine('10')", ModelError, "Affine; whole number from 1; '10'"),
    ("mb.Dropout(1.5)", ModelError, "Dropout; less than 1; 1.5"),
    ("mb.Pooling('median', (2, 2))", ModelError, "Pooling; 'max'; 'median'"),
    ("mb.Convolution((0, 3), 4)", ModelError, "kernel; from 1; (0, 3)"),
    ("mb.Sequential(3)", ModelError, "Sequential; 3"),
    ("mb.Model(mb.Sequential(mb.Affine(3)), 'sofmax', (4,))", ModelError, "'sofmax'; softmax"),
    (
        "mb.Model(mb.Sequential(mb.Convolution((9, 9), 4)), 'softmax', (3, 8, 8))",
        ModelError,
        "Convolution; (3, 8, 8)",
    ),
    ("Solver(Model, data())", TypeError, "model; ModelBase; class"),
    ("Solver(Model(), data(), num_epoch=3)", TypeError, "'num_epoch'; 'num_epochs'"),
    ("Solver(Model(), data(), num_epochs=0)", ValueError, "num_epochs; positive integer; 0"),
    ("Solver(Model(), data(), num_epochs=2.5)", ValueError, "num_epochs; positive integer; 2.5"),
    ("Solver(Model(), data(), print_every=-1)", ValueError, "print_every; -1"),
    ("Solver(Model(), data(), init_rule='xavir')", ValueError, "'xavir'; 'xavier'"),
    ("Solver(Model(), data(), update_rule='adm')", ValueError, "'adm'; adam"),
    ("Solver(Model(), data(), optim_config={'lr': 0.1})", ValueError, "'lr'; learning_rate"),
    ("Solver(Model(), data(), optim_config={'learning_rate': nan})", ValueError, "learning_rate; nan"),
    ("Solver(Model(), data(), lr_decay=nan)", ValueError, "lr_decay; nan"),
    ("Solver(Model(), data(), lr_decay=-1)", ValueError, "lr_decay; -1"),
    ("Solver(Model(), data(), clip_norm=-1)", ValueError, "clip_norm; -1"),
    ("Solver(Model(), data(), task_type='cluster')", ValueError, "task_type; 'cluster'; classification"),
    ("Solver(Model(), data(), seed='x')", TypeError, "seed; 'x'"),
    ("Solver(Model(), data(), checkpoint_every=0, checkpoint='c')", ValueError, "checkpoint_every; 0"),
    ("Solver(Model(), data(), callbacks=[3])", TypeError, "callbacks; 3"),
]
