"""Which problems are timed? Layers of well-known nets, each in the shape that it has there, and whole nets.

28 convolutions, 8 poolings and 6 paddings of training, layers on one image, tiny calls, and nets, compiled ones too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from . import nets
from .problems import FORWARD, INPUT, STEP, Problem

FEW, DENSE, POINTWISE, DEPTHWISE = "few channels", "dense 3x3", "1x1", "depthwise"
OTHER, POOLING, PADDING = "other convolutions", "pooling", "padding"
ONE, TINY, NETS, COMPILED = "one image", "tiny", "whole nets", "compiled nets"
GROUPS = (FEW, DENSE, POINTWISE, DEPTHWISE, OTHER, POOLING, PADDING, ONE, TINY, NETS, COMPILED)


_conv2d = partial(partial, nn.Conv2d)  # its arguments → what builds it


def _depthwise(channels: int, k: int, stride: int = 1) -> Callable[[], nn.Module]:
    return _conv2d(channels, channels, k, stride, k // 2, groups=channels)


CONVOLUTIONS = (
    Problem("c01", "LeNet-5 conv1", FEW, (64, 1, 28, 28), _conv2d(1, 6, 5, padding=2), quick=64),
    Problem("c02", "LeNet-5 conv2", FEW, (64, 6, 14, 14), _conv2d(6, 16, 5)),
    Problem("c03", "MNIST example conv1", FEW, (64, 1, 28, 28), _conv2d(1, 32, 3)),
    Problem("c04", "MNIST example conv2", OTHER, (64, 32, 26, 26), _conv2d(32, 64, 3), quick=16),
    Problem("c05", "ResNet-20 stage 1", OTHER, (128, 16, 32, 32), _conv2d(16, 16, 3, padding=1)),
    Problem("c06", "VGG-16 conv1_1", FEW, (8, 3, 224, 224), _conv2d(3, 64, 3, padding=1)),
    Problem("c07", "VGG-16 conv3_2", DENSE, (4, 256, 56, 56), _conv2d(256, 256, 3, padding=1)),
    Problem("c08", "ResNet-50 stem 7x7 /2", FEW, (16, 3, 224, 224), _conv2d(3, 64, 7, 2, 3), quick=2),
    Problem("c09", "ResNet-50 layer 1, 3x3", DENSE, (16, 64, 56, 56), _conv2d(64, 64, 3, padding=1), quick=2),
    Problem("c10", "ResNet-50 layer 2, 3x3 /2", DENSE, (16, 128, 56, 56), _conv2d(128, 128, 3, 2, 1)),
    Problem("c11", "ResNet-50 layer 3, 3x3", DENSE, (16, 256, 14, 14), _conv2d(256, 256, 3, padding=1)),
    Problem("c12", "ResNet-50 layer 4, 3x3", DENSE, (16, 512, 7, 7), _conv2d(512, 512, 3, padding=1)),
    Problem("c13", "ResNet-50 layer 1, 1x1 up", POINTWISE, (16, 64, 56, 56), _conv2d(64, 256, 1), quick=2),
    Problem("c14", "ResNet-50 layer 3, 1x1 down", POINTWISE, (16, 1024, 14, 14), _conv2d(1024, 256, 1)),
    Problem("c15", "ResNet-50 layer 2, 1x1 /2", POINTWISE, (16, 256, 56, 56), _conv2d(256, 512, 1, 2)),
    Problem(
        "c16",
        "ResNeXt-50 3x3, 32 groups",
        OTHER,
        (16, 256, 28, 28),
        _conv2d(256, 256, 3, padding=1, groups=32),
        quick=2,
    ),
    Problem("c17", "MobileNetV2 3x3", DEPTHWISE, (16, 144, 56, 56), _depthwise(144, 3), quick=2),
    Problem("c18", "MobileNetV2 3x3 /2", DEPTHWISE, (16, 96, 112, 112), _depthwise(96, 3, 2)),
    Problem("c19", "MobileNetV3 5x5", DEPTHWISE, (16, 120, 28, 28), _depthwise(120, 5)),
    Problem("c20", "ConvNeXt-T 7x7", DEPTHWISE, (8, 96, 56, 56), _depthwise(96, 7), quick=1),
    Problem("c21", "RepLKNet 31x31", DEPTHWISE, (2, 128, 56, 56), _depthwise(128, 31)),
    Problem("c22", "DeepLabv3 3x3, dilation 2", DENSE, (2, 512, 33, 33), _conv2d(512, 512, 3, padding=2, dilation=2)),
    Problem(
        "c23",
        "U-Net up 2x2 /2, transposed",
        OTHER,
        (4, 128, 64, 64),
        partial(nn.ConvTranspose2d, 128, 64, 2, 2),
        quick=1,
    ),
    Problem("c24", "DCGAN 4x4 /2, transposed", OTHER, (32, 256, 8, 8), partial(nn.ConvTranspose2d, 256, 128, 4, 2, 1)),
    Problem("c25", "3-D U-Net 3x3x3", OTHER, (1, 32, 32, 32, 32), partial(nn.Conv3d, 32, 64, 3, padding=1)),
    Problem(
        "c26", "WaveNet 2, dilation 64", OTHER, (4, 64, 16000), partial(nn.Conv1d, 64, 128, 2, dilation=64), quick=1
    ),
    Problem("c27", "M5 audio stem 80 /16", FEW, (32, 1, 8000), partial(nn.Conv1d, 1, 32, 80, 16)),
    Problem("c28", "Conformer 31", DEPTHWISE, (8, 256, 1000), partial(nn.Conv1d, 256, 256, 31, padding=15, groups=256)),
)


def _linear(id: str, *words: Any, **options: Any) -> Problem:
    """A layer without weights."""
    return Problem(id, *words, passes=(FORWARD, INPUT, STEP), **options)


POOLINGS = (
    _linear("p1", "ResNet-50 max 3x3 /2", POOLING, (16, 64, 112, 112), partial(nn.MaxPool2d, 3, 2, 1), quick=2),
    _linear("p2", "VGG max 2x2", POOLING, (8, 64, 224, 224), partial(nn.MaxPool2d, 2)),
    _linear("p3", "LeNet max 2x2", POOLING, (64, 6, 28, 28), partial(nn.MaxPool2d, 2)),
    _linear("p4", "Inception avg 3x3", POOLING, (8, 288, 35, 35), partial(nn.AvgPool2d, 3, 1, 1)),
    _linear("p5", "DenseNet avg 2x2", POOLING, (8, 128, 56, 56), partial(nn.AvgPool2d, 2)),
    _linear("p6", "global avg 7x7", POOLING, (32, 2048, 7, 7), partial(nn.AvgPool2d, 7)),
    _linear("p7", "SPPF max 5x5", POOLING, (8, 256, 20, 20), partial(nn.MaxPool2d, 5, 1, 2)),
    _linear("p8", "3-D max 2x2x2", POOLING, (1, 32, 64, 64, 64), partial(nn.MaxPool3d, 2)),
)

PADDINGS = (
    _linear("q1", "CycleGAN reflect 3", PADDING, (4, 3, 256, 256), partial(nn.ReflectionPad2d, 3), quick=4),
    _linear("q2", "reflect 1", PADDING, (8, 64, 128, 128), partial(nn.ReflectionPad2d, 1)),
    _linear("q3", "circular 1", PADDING, (8, 64, 128, 128), partial(nn.CircularPad2d, 1)),
    _linear("q4", "3-D replicate 1", PADDING, (1, 16, 64, 64, 64), partial(nn.ReplicationPad3d, 1)),
    _linear("q5", "zeros 1", PADDING, (8, 64, 128, 128), partial(nn.ZeroPad2d, 1)),
    Problem(
        "q6",
        "circular 3x3 convolution",
        PADDING,
        (8, 64, 64, 64),
        _conv2d(64, 64, 3, padding=1, padding_mode="circular"),
    ),
)


def _one_image(problem: Problem) -> Problem:
    shape = (1, *problem.shape[1:])
    name = f"{problem.name}, one image"
    return Problem(f"{problem.id}n1", name, ONE, shape, problem.build, problem.passes, small=True)


ONE_IMAGE = tuple(
    _one_image(problem)
    for problem in (*CONVOLUTIONS, *POOLINGS)
    if problem.id in ("c01", "c02", "c09", "c13", "c17", "p3")
)


def _tiny(id: str, name: str, shape: tuple[int, ...], build: Callable[[], nn.Module], bare: Any = None) -> Problem:
    return Problem(id, name, TINY, shape, build, (FORWARD, STEP), bare, small=True, quick=1)


def _bare_conv2d(space: Any, module: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda x: space.conv2d(x, module.weight, module.bias)


TINY_CALLS = (
    _tiny("t1", "Conv2d 1→1 3x3, 4x4", (1, 1, 4, 4), _conv2d(1, 1, 3)),
    _tiny("t2", "Conv2d 4→4 3x3, 8x8", (1, 4, 8, 8), _conv2d(4, 4, 3)),
    _tiny("t3", "F.conv2d 1→1 3x3, 4x4", (1, 1, 4, 4), _conv2d(1, 1, 3), _bare_conv2d),
    _tiny("t4", "F.conv2d 4→4 3x3, 8x8", (1, 4, 8, 8), _conv2d(4, 4, 3), _bare_conv2d),
    _tiny("t5", "MaxPool2d 2, 4x8x8", (1, 4, 8, 8), partial(nn.MaxPool2d, 2)),
    _tiny(
        "t6",
        "F.max_pool2d 2, 4x8x8",
        (1, 4, 8, 8),
        partial(nn.MaxPool2d, 2),
        lambda space, _: lambda x: space.max_pool2d(x, 2),
    ),
    _tiny("t7", "ReflectionPad2d 1, 4x8x8", (1, 4, 8, 8), partial(nn.ReflectionPad2d, 1)),
)


def _net(id: str, name: str, shape: tuple[int, ...], build: Callable[[], nn.Module], **options: Any) -> Problem:
    return Problem(id, name, NETS, shape, build, **({"passes": (FORWARD, STEP), "net": True} | options))


WHOLE_NETS = (
    _net("e1", "LeNet-5, MNIST", (64, 1, 28, 28), nets.lenet5, quick=64),
    _net("e2", "MNIST example of PyTorch", (64, 1, 28, 28), nets.mnist_example),
    _net("e3", "ResNet-20, CIFAR", (128, 3, 32, 32), nets.resnet20),
    _net("e4", "ResNet-50", (16, 3, 224, 224), nets.resnet50, quick=2),
    _net("e5", "MobileNetV2, one image", (1, 3, 224, 224), nets.mobilenet_v2, passes=(FORWARD,), small=True),
    _net("e6", "MobileNetV2", (16, 3, 224, 224), nets.mobilenet_v2),
    _net("e7", "ConvNeXt-T", (4, 3, 224, 224), nets.convnext_tiny, passes=(FORWARD,)),
    _net("e8", "U-Net, small", (4, 1, 128, 128), nets.unet),
)


def _compiled(id: str, net: Problem) -> Problem:
    """Return the problem of a net under ``torch.compile``, with torch's layers and with ours."""
    return replace(net, id=id, name=f"{net.name}, compiled", group=COMPILED, bare=_compile, quick=None)


def _compile(space: Any, module: nn.Module) -> Any:
    torch.compiler.reset()  # so that no other net's programs count towards Dynamo's limit of them
    return torch.compile(module)


COMPILED_NETS = tuple(_compiled(f"k{i}", net) for i, net in enumerate(WHOLE_NETS[:3], 1))

SUITE = (*CONVOLUTIONS, *POOLINGS, *PADDINGS, *ONE_IMAGE, *TINY_CALLS, *WHOLE_NETS, *COMPILED_NETS)
