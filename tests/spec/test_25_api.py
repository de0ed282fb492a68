"""MinPy API: its modules, and the names that the chapters use, with the arguments that they give."""

from __future__ import annotations

import importlib
import inspect

import pytest

#: module: names of it, with arguments as the chapters give them; "" where the name is all they show
NAMES = {
    "minpy": {
        "set_global_policy": "policy",
        "get_global_policy": "",
        "wrap_policy": "policy",
        "PreferMXNetPolicy": "",
        "OnlyNumPyPolicy": "",
        "OnlyMXNetPolicy": "",
        "BlacklistPolicy": "",
        "AutoBlacklistPolicy": "gen_rule append_rule",
        "array": "",
        "context": "",
        "core": "",
        "dispatch": "",
        "numpy": "",
        "primitive": "",
        "tape": "",
    },
    "minpy.array": {"Array": "", "Number": ""},
    "minpy.context": {"cpu": "", "gpu": "device_id", "set_context": "context"},
    "minpy.core": {
        "grad": "function argnum",
        "grad_and_loss": "function argnum",
        "Function": "symbol input_shapes name",
        "customop": "library",
    },
    "minpy.core.Function": {
        "get_params": "",
        "get_aux_params": "",
        "get_one_output_shape": "",
    },
    "minpy.dispatch.policy": {
        "PreferMXNetPolicy": "",
        "OnlyNumPyPolicy": "",
        "OnlyMXNetPolicy": "",
        "BlacklistPolicy": "",
        "AutoBlacklistPolicy": "gen_rule append_rule",
    },
    "minpy.primitive": {"customop": "library"},
    "minpy.tape": {"Tape": ""},
    "minpy.numpy": {
        "policy": "",
        "random": "",
        "linalg": "",
        "slice_axis": "axis begin end",
        "sigmoid": "x",
    },
    "minpy.utils.gradient_checker": {"quick_grad_check": "function arg"},
    "minpy.utils.minprof": {"minprof": ""},
    "minpy.io": {
        "MNISTIter": "",
        "ImageRecordIter": "",
        "CSVIter": "",
        "PrefetchingIter": "",
        "ResizeIter": "",
        "NDArrayIter": "data label batch_size shuffle",
    },
    "minpy.nn.io": {"NDArrayIter": "data label batch_size shuffle"},
    "minpy.nn.io.NDArrayIter": {"getnumiterations": "", "reset": "", "getsubiter": "num_samples"},
    "minpy.nn.layers": {
        "affine": "x w b",
        "relu": "x",
        "sigmoid": "x",
        "softmax_loss": "x label",
        "softmax_cross_entropy": "prob label",
        "l2_loss": "x label",
        "batchnorm": "x gamma beta mode running_mean running_var",
        "dropout": "x prob mode",
        "rnn_step": "x prev_h Wx Wh b",
        "lstm_step": "x prev_h prev_c Wx Wh b",
        "gru_step": "x prev_h Wx Wh b Wxh Whh bh",
    },
    "minpy.nn.model": {"ModelBase": ""},
    "minpy.nn.model.ModelBase": {
        "add_param": "name shape",
        "add_params": "",
        "add_aux_param": "name value",
        "forward": "X mode",
        "forward_batch": "batch mode",
        "loss": "predict y",
    },
    "minpy.nn.model_builder": {
        "Sequential": "",
        "Convolution": "",
        "ReLU": "",
        "Pooling": "mode kernel_shape stride",
        "Flatten": "",
        "Affine": "",
        "Model": "",
        "Module": "",
    },
    "minpy.nn.model_builder.Module": {
        "forward": "input params",
        "output_shape": "input_shape",
        "parameter_shape": "input_shape",
        "parameter_settings": "",
    },
    "minpy.nn.model_gallery": {},
    "minpy.nn.optim": {
        "sgd": "w dw config",
        "sgd_momentum": "w dw config",
        "rmsprop": "w dw config",
        "adam": "w dw config",
    },
    "minpy.nn.solver": {
        "Solver": "model train_dataiter test_dataiter init_rule init_config update_rule optim_config "
        "num_epochs task_type verbose print_every visualize summaries_dir train_acc_num_samples"
    },
    "minpy.nn.solver.Solver": {"init": "", "train": "", "check_accuracy": "dataiter num_samples"},
    "minpy.visualization.writer": {"SummaryWriter": "logdir", "LegacySummaryWriter": "logdir"},
    "minpy.visualization.writer.SummaryWriter": {"add_summary": "summary global_step", "close": ""},
    "minpy.visualization.summaryOps": {"scalarSummary": "tag scalar"},
    "examples.utils.data_utils": {
        "gaussian_cluster_generator": "num_samples num_features num_classes",
        "adding_problem_generator": "N seq_len high",
        "get_CIFAR10_data": "",
    },
}


def found(path):
    """A module, or a class in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("path", NAMES)
def test_names(path):
    owner = found(path)
    for name, arguments in NAMES[path].items():
        thing = getattr(owner, name)
        if arguments:
            missing = set(arguments.split()) - set(inspect.signature(thing).parameters)
            assert not missing, f"{path}.{name} has no argument {missing}"
