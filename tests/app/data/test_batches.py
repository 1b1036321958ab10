import pickle

import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_app.data.batches import InOrder, Pick, Pictures, Shuffled, moved
from lightning_app.data.images import Labelled

sizes = st.integers(1, 60)
worlds = st.integers(1, 4)


def epoch(number: int = 0, **options) -> list[Pick]:
    sampler = Shuffled(**{"n": 50, "batch_size": 8, "shift": 2, "seed": 1, **options})
    sampler.set_epoch(number)
    return list(sampler)


def flat(picks: list[Pick]) -> list[int]:
    return [int(index) for pick in picks for index in pick.index]


@given(n=sizes, batch_size=sizes, world=worlds)
def test_every_image_is_trained_on_once_by_exactly_one_process(n, batch_size, world):
    ranks = [epoch(n=n, batch_size=batch_size, rank=rank, world=world) for rank in range(world)]
    assert sorted(index for picks in ranks for index in flat(picks)) == list(range(n))
    assert len({len(picks) for picks in ranks}) == 1  # the same number of steps, or gradients could not be shared


@given(n=sizes, batch_size=sizes, world=worlds)
def test_every_image_is_evaluated_once_by_exactly_one_process(n, batch_size, world):
    ranks = [InOrder(n, batch_size, rank, world) for rank in range(world)]
    assert sorted(index for rank in ranks for index in flat(list(rank))) == list(range(n))
    assert [len(list(rank)) for rank in ranks] == [len(rank) for rank in ranks]


@given(n=sizes, batch_size=sizes)
def test_no_batch_is_much_smaller_than_another(n, batch_size):
    lengths = [len(pick.index) for pick in epoch(n=n, batch_size=batch_size)]
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= batch_size


def test_processes_share_the_batches_of_one():
    alone, shared = epoch(), [epoch(rank=rank, world=2) for rank in (0, 1)]
    for whole, *parts in zip(alone, *shared, strict=True):
        assert sorted(flat([whole])) == sorted(flat(parts))
        shifts = {int(i): s.tolist() for part in parts for i, s in zip(part.index, part.shift, strict=True)}
        assert all(shifts[int(i)] == s.tolist() for i, s in zip(whole.index, whole.shift, strict=True))


def test_an_epoch_is_a_function_of_seed_and_number():
    torch.manual_seed(1)
    first = epoch(3)
    torch.manual_seed(2)
    again = epoch(3)
    assert flat(first) == flat(again)
    assert all(torch.equal(a.shift, b.shift) for a, b in zip(first, again, strict=True))
    assert flat(first) != flat(epoch(4)) != flat(epoch(3, seed=2))


def test_shifts_reach_every_place_and_no_further():
    shifts = torch.cat([pick.shift for pick in epoch(n=2000)])
    assert {tuple(s) for s in shifts.tolist()} == {(a, b) for a in range(-2, 3) for b in range(-2, 3)}
    assert all(pick.shift is None for pick in epoch(shift=0))


@given(st.integers(-3, 3), st.integers(-3, 3), st.integers(1, 3))
def test_moving_is_moving_and_zeros_come_in(down, right, channels):
    x = torch.randint(1, 256, (2, channels, 7, 6), dtype=torch.uint8)
    y = moved(x, torch.tensor([[down, right], [0, 0]]))
    rolled = x[0].roll((down, right), (1, 2))
    rows, columns = torch.arange(7), torch.arange(6)
    inside = ((rows - down >= 0) & (rows - down < 7))[:, None] & ((columns - right >= 0) & (columns - right < 6))
    assert torch.equal(y[0], rolled * inside)
    assert torch.equal(y[1], x[1])
    assert y.is_contiguous()


def test_pictures_are_looked_up_by_the_batch():
    data = Labelled(torch.arange(12, dtype=torch.uint8).reshape(3, 1, 2, 2), torch.tensor([5, 6, 7]))
    x, y = Pictures(data)[Pick(torch.tensor([2, 0]))]
    assert y.tolist() == [7, 5]
    assert x[:, 0, 0, 0].tolist() == [8, 0]
    assert len(pickle.loads(pickle.dumps(Pictures(data)))) == 3  # as a worker process would get it
