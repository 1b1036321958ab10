"""ONNX: what torch's layers become, ours become, and onnxruntime computes it."""

from functools import partial

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from scratchlayers import nn
from tests.programs.models import agree, nets

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the exporters' own, of torch.jit and of onnxscript
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Constant folding - Only steps=1 can be:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*legacy TorchScript-based ONNX export.*"),
]
row = partial(pytest.mark.compatible, "Programs for elsewhere")
exporters = pytest.mark.parametrize("dynamo", [True, False], ids=["torch.export", "TorchScript"])

LAYERS = {
    "Conv1d": (lambda s: s.Conv1d(2, 4, 3, stride=2, padding=1), (2, 2, 9), "Conv"),
    "Conv2d": (lambda s: s.Conv2d(2, 4, (3, 2), dilation=2, groups=2, bias=False), (2, 2, 9, 8), "Conv"),
    "Conv2d, same": (lambda s: s.Conv2d(2, 4, 3, padding="same"), (2, 2, 9, 8), "Conv"),
    "Conv3d": (lambda s: s.Conv3d(2, 4, 2), (1, 2, 4, 5, 6), "Conv"),
    "ConvTranspose2d": (lambda s: s.ConvTranspose2d(2, 4, 3, 2, 1, 1), (2, 2, 5, 4), "ConvTranspose"),
    "MaxPool2d": (lambda s: s.MaxPool2d(3, 2, 1), (2, 2, 9, 8), "MaxPool"),
    "AvgPool2d": (lambda s: s.AvgPool2d(2), (2, 2, 8, 8), "AveragePool"),
    "ZeroPad2d": (lambda s: s.ZeroPad2d((1, 0, 2, 1)), (2, 2, 4, 5), "Pad"),
    "ReflectionPad2d": (lambda s: s.ReflectionPad2d(1), (2, 2, 4, 5), "Pad"),
    "ReplicationPad1d": (lambda s: s.ReplicationPad1d(2), (2, 2, 5), "Pad"),
}


def exported(model, x, path, dynamo):
    """The kinds of the nodes, and what onnxruntime computes."""
    torch.onnx.export(model, (x,), path, dynamo=dynamo, **({"verbose": False} if dynamo else {}))
    program = onnx.load(path)
    onnx.checker.check_model(program)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {session.get_inputs()[0].name: np.asarray(x)})
    return [node.op_type for node in program.graph.node], torch.from_numpy(y)


@row("ONNX: {name} gives the nodes that torch's gives, one for the layer; onnxruntime computes it")
@exporters
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_the_node_that_torchs_is(name, dynamo, tmp_path):
    build, shape, node = LAYERS[name]
    ours, torchs = (build(space).eval() for space in (nn, torch.nn))
    ours.load_state_dict(torchs.state_dict())
    x = torch.randn(shape)
    nodes, y = exported(ours, x, tmp_path / "ours.onnx", dynamo)
    wanted, _ = exported(torchs, x, tmp_path / "torchs.onnx", dynamo)
    assert nodes == wanted
    assert nodes.count(node) == 1
    agree(y, torchs(x))


@row("ONNX: a net, by both of torch's exporters")
@exporters
def test_a_net(dynamo, tmp_path):
    ours, torchs, x = nets()
    nodes, y = exported(ours, x, tmp_path / "net.onnx", dynamo)
    assert nodes.count("Conv") == 2
    assert nodes.count("ConvTranspose") == 1
    agree(y, torchs(x))
