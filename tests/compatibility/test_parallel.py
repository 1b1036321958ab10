"""Training by several processes: each holds the model, or a part of its weights."""

from functools import partial

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from scratchlayers import nn
from tests.compatibility.models import build, gradients, images, net, same, trained

row = partial(pytest.mark.compatible, "Parallel training")


def sharded(model):
    for layer in (model[0], model[3], model[6]):
        fully_shard(layer)
    fully_shard(model)
    assert all(isinstance(p, DTensor) and p.to_local().numel() < p.numel() for p in model.parameters())
    assert isinstance(model[0], nn.Conv2d)
    return model


WAYS = {
    "DistributedDataParallel": DistributedDataParallel,
    "DistributedDataParallel, static graph": partial(DistributedDataParallel, static_graph=True),
    "DistributedDataParallel, compiled": lambda m: torch.compile(DistributedDataParallel(m), backend="aot_eager"),
    "FSDP2, fully_shard": sharded,
    "FSDP2, fully_shard, compiled": lambda model: torch.compile(sharded(model), backend="aot_eager"),
}


def work(rank, folder):
    """What each of two processes does: in every way, some steps with its half of the images."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    for way, wrap in WAYS.items():
        model = wrap(build(net, nn))
        trained(model, torch.optim.Adam(model.parameters(), lr=0.01), x=images(4)[2 * rank : 2 * rank + 2])
        weights = [p.full_tensor() if isinstance(p, DTensor) else p.detach() for p in model.parameters()]
        torch.save(weights, f"{folder}/{way}, {rank}")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where two processes have left the weights that they learned."""
    folder = tmp_path_factory.mktemp("parallel")
    mp.spawn(work, (str(folder),), nprocs=2)
    return folder


@pytest.mark.slow
@pytest.mark.alone
@row("{way}")
@pytest.mark.parametrize("way", WAYS)
def test_two_processes_learn_what_one_does_with_torchs_layers(way, folder):
    model = build(net, torch.nn)
    alone = trained(model, torch.optim.Adam(model.parameters(), lr=0.01), x=images(4))
    for rank in (0, 1):
        torch.testing.assert_close(torch.load(folder / f"{way}, {rank}", weights_only=True), alone)


@row("DataParallel on the CPU, that is of one replica")
def test_data_parallel_of_one_device_is_the_model():
    same(lambda model: gradients(torch.nn.DataParallel(model)))
