"""Misuses of what stands around networks: files of data, workers, TensorBoard, symbols of MXNet; and of what
takes no argument, or none of this kind.
"""

from __future__ import annotations

from minpy.errors import DTypeError, ModelError, ShapeError, SymbolError

SETUP = """
from pathlib import Path
from minpy import distributed, io
from minpy.core import CustomOp, Function
from minpy.dispatch import policy
from minpy.nn import callbacks, exchange, init, layers, model_builder as mb, model_gallery as gallery
from minpy.nn import optim, schedules
from minpy.nn.io import NDArrayIter
from minpy.utils import minprof
from minpy.visualization import summaryOps as summary
from minpy.visualization.writer import LegacySummaryWriter, SummaryWriter
X, Y = numpy.ones((6, 4)), numpy.zeros(6, int)
IMAGES = numpy.ones((2, 3, 8, 8), "float32")
def written(text):
    Path('data').write_text(text)
    return 'data'
def data():
    return NDArrayIter(X, Y, 2)
"""

PROCESS = [
    ("minpy.current_context(1)", TypeError, "current_context(); 0 positional"),
    ("minpy.num_gpus(1)", TypeError, "num_gpus(); 0 positional"),
    ("minpy.default_dtype(3)", TypeError, "default_dtype(); 0 positional"),
    ("minpy.get_global_policy(1)", TypeError, "get_global_policy(); 0 positional"),
    ("minpy.PreferMXNetPolicy(3)", TypeError, "positional argument"),
    ("minpy.Policy().decide(None, (), {}, None)", NotImplementedError, "define decide(self, op,"),
    ("policy.show_op_stat(3)", TypeError, "show_op_stat(); 0 positional"),
    ("minpy.stop_gradient()", TypeError, "stop_gradient(); 'x'"),
    ("minpy.Array()", TypeError, "'data'"),
    ("minpy.array.Number()", TypeError, "'data'"),
    ("CustomOp(3, 'numpy')", TypeError, "customop takes a function, not 3"),
    ("Function(3, {})", SymbolError, "Symbol; int"),
    ("minprof.minprof(3)", TypeError, "minprof; function; 3"),
    ("minprof.FuncCallProfiler(3)", TypeError, "positional argument"),
]

FILES = [
    ("io.CSVIter(data_csv='no', data_shape=(3,), batch_size=2)", FileNotFoundError, "'no'"),
    ("io.CSVIter(data_csv=written(''), data_shape=(3,), batch_size=2)", ValueError, "CSVIter; data"),
    (
        "io.CSVIter(data_csv=written('a,b'), data_shape=(2,), batch_size=1)",
        ValueError,
        "CSVIter; [2]; row-length=0",
    ),
    (
        "io.CSVIter(data_csv=written('1,2'), data_shape=(3,), batch_size=1)",
        ValueError,
        "CSVIter; [3]; row-length=2",
    ),
    ("io.CSVIter(data_csv=written('1,2'), batch_size=1)", ValueError, "CSVIter; data_shape"),
    (
        "io.CSVIter(data_csv=written('1'), data_shape=(1,), batch_size=1, shape=2)",
        TypeError,
        "'shape'; data_shape",
    ),
    ("io.LibSVMIter(data_libsvm='no', data_shape=(3,), batch_size=2)", FileNotFoundError, "'no'"),
    ("io.LibSVMIter(data_libsvm=written('a b'), data_shape=(3,), batch_size=2)", ValueError, "no batch; 2"),
    ("io.MNISTIter(image='no', label='no', batch_size=2)", FileNotFoundError, "'no'"),
    (
        "io.MNISTIter(image=written(''), label='data', batch_size=2)",
        ValueError,
        "MNISTIter; invalid mnist format",
    ),
    ("io.ImageRecordIter(path_imgrec='no', data_shape=(3, 8, 8), batch_size=2)", FileNotFoundError, "'no'"),
    (
        "io.ImageRecordIter(path_imgrec=written('x' * 96), data_shape=(3, 8, 8), batch_size=2)",
        ValueError,
        "no batch; 2",
    ),
    (
        "io.ImageRecordIter(path_imgrec=written('x'), data_shape=(3, 8), batch_size=2)",
        ValueError,
        "data_shape; [3,8]",
    ),
    (
        "io.ImageRecordUInt8Iter(path_imgrec='no', data_shape=(3, 8, 8), batch_size=2)",
        FileNotFoundError,
        "'no'",
    ),
    (
        "io.ImageRecordInt8Iter(path_imgrec='no', data_shape=(3, 8, 8), batch_size=2)",
        FileNotFoundError,
        "'no'",
    ),
    (
        "io.ImageDetRecordIter(path_imgrec='no', data_shape=(3, 8, 8), batch_size=2)",
        FileNotFoundError,
        "'no'",
    ),
    ("io.ResizeIter(3, 2)", TypeError, "data_iter; int; NDArrayIter"),
    ("io.ResizeIter(data(), -1)", ValueError, "size; positive integer; -1"),
    ("io.ResizeIter(data(), 'x')", ValueError, "size; positive integer; 'x'"),
    ("io.DataBatch(3)", TypeError, "'label'"),
    ("io.DataIter().next()", NotImplementedError, "define next(self)"),
]

WORKERS = [
    ("distributed.all_reduce(3, op='max')", ValueError, "op; 'mean', 'sum'; 'max'"),
    ("distributed.all_reduce({'a': 'x'})", DTypeError, "arrays['a']; real numbers"),
    ("distributed.barrier(3)", TypeError, "barrier(); 0 positional"),
    ("distributed.broadcast(1.0, root=7)", TypeError, "broadcast(); 'root'"),
    ("distributed.num_workers(1)", TypeError, "num_workers(); 0 positional"),
    ("distributed.rank(1)", TypeError, "rank(); 0 positional"),
    ("distributed.shard(3)", TypeError, "iterator; int; NDArrayIter"),
    ("distributed.init('nccl')", ValueError, "kvstore; 'dist_sync'; 'nccl'"),
]

TENSORBOARD = [
    ("SummaryWriter(3)", TypeError, "PathLike; int"),
    ("SummaryWriter('/dev/null/x')", NotADirectoryError, "/dev/null/x"),
    ("LegacySummaryWriter('run').add_summary(3)", TypeError, "summary; summaryOps; 3"),
    ("SummaryWriter('run').add_scalar('x', 'y')", TypeError, "'x'; real numbers; U1"),
    ("SummaryWriter('run').add_graph(3)", TypeError, "minpy.jit; 3"),
    ("summary.scalarSummary(3, 1.0)", TypeError, "tag; text; 3"),
    ("summary.scalarSummary('x', [1, 2])", ValueError, "'x'; one number; (2,)"),
    ("summary.histogramSummary('x', 'abc')", TypeError, "'x'; real numbers; U3"),
    ("summary.imageSummary('x', numpy.ones(3))", ValueError, "'x'; (3,); CHW; dataformats="),
    ("summary.imageSummary('x', 'abc')", TypeError, "'x'; real numbers; U3"),
    ("summary.textSummary('x', 3)", TypeError, "text is a text, not 3"),
]

FUNCTIONS = [
    ("F.avg_pool1d(X, 3)", ShapeError, "nn.avg_pool1d; (batch, channels, *spatial); (6, 4)"),
    ("F.avg_pool3d(IMAGES, 3)", ShapeError, "nn.avg_pool3d; (batch, channels, *spatial); (2, 3, 8, 8)"),
    ("F.max_pool1d(IMAGES, 2)", ShapeError, "nn.max_pool1d; (batch, channels, *spatial); (2, 3, 8, 8)"),
    ("F.max_pool3d(IMAGES, 0)", ShapeError, "nn.max_pool3d; size; 3 of them; 0"),
    ("F.conv1d(IMAGES, IMAGES)", ShapeError, "conv1d; weights; 3 axes; (2, 3, 8, 8)"),
    ("F.conv3d(IMAGES, IMAGES)", ShapeError, "conv3d; weights; 5 axes; (2, 3, 8, 8)"),
    ("F.layer_norm(X, numpy.ones(3), numpy.ones(4))", ShapeError, "(6, 4) (3,)"),
    ("F.relu('x')", DTypeError, "relu: 'x'"),
    ("F.sigmoid('x')", DTypeError, "sigmoid: 'x'"),
    ("F.standardize(1.0)", IndexError, "1.0"),
    ("layers.attention(X, X[:, :3], X)", ShapeError, "(6, 4) and (3, 6)"),
    ("layers.convolution(IMAGES, IMAGES[:, :, :3, :3], numpy.ones(5))", ShapeError, "bias; 2 filters; (5,)"),
    ("layers.flatten(1.0)", AttributeError, "shape"),
    ("layers.elu('x')", TypeError, "'str'"),
    ("layers.leaky_relu('x')", TypeError, "'str'"),
    ("layers.gelu('x')", TypeError, "float"),
    ("layers.gru_step(X, X, X, X, X, X, X, X)", ShapeError, "gru_step; (N, D); (6, 4)"),
    ("layers.gru_temporal(X, X, X, X, X, X, X, X)", ShapeError, "gru_temporal; (N, T, D); (6, 4)"),
    ("layers.lstm_step(X, X, X, X, X, X)", ShapeError, "lstm_step; (H, 4H); (6, 4)"),
    ("layers.rnn_step(X, X, X, X, X)", ShapeError, "rnn_step; (H, H); (6, 4)"),
    ("layers.softmax_cross_entropy(X, X[:2])", ShapeError, "softmax_cross_entropy; labels; (2, 4)"),
    ("layers.softmax_cross_entropy(X, Y + 9)", IndexError, "labels; from 0 to 3; [0] is 9"),
]

MODULES = [
    ("mb.GRU(0)", ModelError, "GRU; whole number from 1; 0"),
    ("mb.LSTM(-1)", ModelError, "LSTM; whole number from 1; -1"),
    ("mb.RNN(2.5)", ModelError, "RNN; whole number from 1; 2.5"),
    ("mb.Add(mb.ReLU(), 3)", ModelError, "Add joins modules; 3"),
    ("mb.Mul(3)", ModelError, "Mul joins modules; 3"),
    ("mb.Sub(3)", ModelError, "Sub joins modules; 3"),
    ("mb.Concatenate()", ModelError, "Concatenate; at least one module"),
    ("mb.BatchNorm(size=3)", TypeError, "'size'"),
    ("mb.BatchNormalization(3, 4, 5)", TypeError, "positional"),
    ("mb.SpatialBatchNormalization(3, 4, 5)", TypeError, "positional"),
    ("mb.Export('x')", TypeError, "'storage'"),
    ("mb.Flatten(3)", TypeError, "Flatten() takes no arguments"),
    ("mb.Identity(3)", TypeError, "Identity() takes no arguments"),
    ("mb.Module(3)", TypeError, "Module() takes no arguments"),
    ("mb.ReLU(3)", TypeError, "ReLU() takes no arguments"),
    ("mb.Sigmoid(3)", TypeError, "Sigmoid() takes no arguments"),
    ("mb.Tanh(3)", TypeError, "Tanh() takes no arguments"),
    ("mb.Reshape('x')", ModelError, "Reshape takes a shape; 'x'"),
    ("mb.Reshape((2.5, 3))", ModelError, "Reshape takes a shape; 2.5"),
    ("gallery.mlp()", ModelError, "mlp; sizes of its layers; mlp(512, 10)"),
    ("gallery.lenet(0)", ModelError, "whole number from 1; 0"),
    ("gallery.vgg(12)", ModelError, "11, 13, 16, 19; 12"),
    ("gallery.cifar_resnet(19)", ModelError, "6n + 2; 19"),
    ("gallery.resnet18('x')", ModelError, "whole number from 1; 'x'"),
    ("gallery.PaddedShortcut(3)", TypeError, "PaddedShortcut() takes no arguments"),
    ("exchange.export_mxnet(3, 'net', (2, 4))", TypeError, "model; 3"),
    ("exchange.import_mxnet('no', (2, 4))", FileNotFoundError, "no-symbol.json"),
    ("exchange.SymbolModel(3)", TypeError, "'data_name'"),
    ("exchange.Exported(3)", TypeError, "'params'"),
]

TRAINING = [
    ("callbacks.EarlyStopping(patience='x')", ValueError, "patience; positive integer; 'x'"),
    ("callbacks.Callback(3)", TypeError, "Callback() takes no arguments"),
    ("callbacks.Lines(3)", TypeError, "Lines() takes no arguments"),
    ("callbacks.ProgressBar(3)", TypeError, "ProgressBar; positional"),
    ("init.fans(())", ShapeError, "(inputs, outputs); ()"),
    ("init.orthogonal((3, -3))", ValueError, "negative"),
    ("init.identity((-3, 3))", ValueError, "negative"),
    ("init.check('no')", ValueError, "'no'; 'gaussian'"),
    ("optim.rmsprop(X)", TypeError, "'dw'"),
    ("optim.adagrad(X, Y)", ShapeError, "(6, 4) (6,)"),
    ("optim.adamw(X, Y)", ShapeError, "(6, 4) (6,)"),
    ("optim.global_norm(['x'])", TypeError, "'str'"),
    ("schedules.exponential('x')", ValueError, "factor; positive number; 'x'"),
    ("schedules.exponential(0.5, every=0)", ValueError, "every; positive number; 0"),
    ("schedules.product(3)", TypeError, "schedules are functions; 3"),
]
