"""Our layers in other processes and threads: loaders' workers, forked and spawned children, shared weights."""

import threading
from functools import partial

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from scratchlayers import nn
from tests.compatibility.models import build, gradients, images, net, trained

row = partial(pytest.mark.compatible, "Processes and threads")


class Convolved(Dataset):
    """Each item is what the model makes of some images, gradients included."""

    def __init__(self):
        self.model = build(net, nn)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.model.zero_grad()
        return [t.clone() for t in gradients(self.model, images(index + 1))]


@row("DataLoader workers, start method {method}")
@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=[pytest.mark.slow, pytest.mark.alone])])
def test_workers_of_a_loader_compute_the_same(method):
    wanted = list(map(Convolved().__getitem__, range(4)))
    found = list(DataLoader(Convolved(), batch_size=None, num_workers=1, multiprocessing_context=method))
    assert len(found) == 4
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def fill(model, queue):
    torch.set_num_threads(1)
    with torch.no_grad():
        queue.put([y.tolist() for y in model(images())])
        for p in model.parameters():
            p.fill_(0.5)


@row("share_memory and torch.multiprocessing, start method {method}: a child changes our weights")
@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=[pytest.mark.slow, pytest.mark.alone])])
def test_a_child_shares_the_weights(method):
    model = build(net, nn).share_memory()
    wanted = model(images()).tolist()
    context = torch.multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    child = context.Process(target=fill, args=(model, queue))
    child.start()
    found = queue.get()
    child.join()
    assert child.exitcode == 0
    assert found == wanted
    assert all((p == 0.5).all() for p in model.parameters())


@row("four threads train a model each")
def test_threads_train_models_of_their_own():
    models = [build(net, nn) for _ in range(4)]
    threads = [threading.Thread(target=trained, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = trained(build(net, nn))
    for model in models:
        assert all(map(torch.equal, model.parameters(), wanted))


@row("torch.get_num_threads is left as it was")
def test_the_number_of_threads_is_torchs_to_say():
    before = torch.get_num_threads()
    try:
        for n in (2, 1):
            torch.set_num_threads(n)
            gradients(build(net, nn), images(64))
            assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(before)
