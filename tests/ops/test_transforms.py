"""torch.func over every function: each transform, alone and nested, gives what it gives over torch's own."""

import pytest
import torch
import torch.nn.functional as torch_functional
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from scratchlayers import functional as F
from scratchlayers import nn, registry

# torch compiles its own rules for forward mode when it is first used
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")


def fixed(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def circular(space):
    layer = nn if space is F else torch.nn
    layer = layer.Conv2d(4, 6, 3, padding=1, padding_mode="circular", groups=2).double()
    return lambda x, w, b: functional_call(layer, {"weight": w, "bias": b}, (x,))


W, B = fixed(6, 2, 3, 2, seed=1), fixed(6, seed=2)
X = fixed(2, 4, 4, 3)
CALLS = {
    "conv1d": (lambda s: lambda x, w, b: s.conv1d(x, w, b, 2, 1, 1, 2), (X[0], W[..., 0], B)),
    "conv2d": (lambda s: lambda x, w, b: s.conv2d(x, w, b, (2, 1), (1, 0), 1, 2), (X, W, B)),
    "conv2d, unbatched": (lambda s: lambda x, w, b: s.conv2d(x, w, b, 1, 1, (1, 2)), (X[0, :2], W, B)),
    "conv3d": (lambda s: lambda x, w: s.conv3d(x, w, None, 1, 1), (X[:, :2, None], W[..., None])),
    "conv2d, circular": (circular, (X, fixed(6, 2, 3, 3, seed=1), B)),
    "conv_transpose2d": (lambda s: lambda x, w, b: s.conv_transpose2d(x, w, b, (2, 1), 1, 0, 2), (X, W[:4], B[:4])),
    "max_pool2d": (lambda s: lambda x: s.max_pool2d(x, 3, 2, 1), (X,)),
    "max_pool1d": (lambda s: lambda x: s.max_pool1d(x, 2, 1), (X[0],)),
    "avg_pool2d": (lambda s: lambda x: s.avg_pool2d(x, 2, 1, 1, True, False), (X,)),
    "avg_pool3d": (lambda s: lambda x: s.avg_pool3d(x, (1, 2, 3), 1), (X,)),
    "pad, 2": (lambda s: lambda x: s.pad(x, (1, 2, -1, 1), value=2.0), (X,)),
    "pad, reflect": (lambda s: lambda x: s.pad(x, (1, 2, 0, 1), "reflect"), (X,)),
    "pad, replicate": (lambda s: lambda x: s.pad(x, (1, 2, 0, 1), "replicate"), (X,)),
    "pad, circular": (lambda s: lambda x: s.pad(x, (1, 2, 0, 1), "circular"), (X,)),
}
ARGUMENTS = [(name, i) for name, (_, operands) in CALLS.items() for i in range(len(operands))]


def tangent(z):
    return fixed(*z.shape, seed=3)


def slices(z, axis):
    return torch.stack([z, 2 * z, z.sin()], axis)


def energy(f):
    return lambda z: f(z).sin().sum()


TRANSFORMS = {
    "grad": lambda f, z: grad(energy(f))(z),
    "vjp": lambda f, z: vjp(f, z)[1](tangent(f(z).detach()))[0],
    "jvp": lambda f, z: jvp(f, (z,), (tangent(z),))[1],
    "vmap": lambda f, z: vmap(f, 1)(slices(z, 1)),
    "jacrev": lambda f, z: jacrev(f)(z),
    "jacfwd": lambda f, z: jacfwd(f)(z),
    "hessian": lambda f, z: hessian(energy(f))(z),
    "a gradient for each slice": lambda f, z: vmap(grad(energy(f)), -1, 0)(slices(z, -1)),
    "grad of jvp": lambda f, z: grad(lambda z: jvp(energy(f), (z,), (tangent(z),))[1])(z),
    "jvp of grad": lambda f, z: jvp(grad(energy(f)), (z,), (tangent(z),))[1],
    "jacrev of jacfwd": lambda f, z: jacrev(jacfwd(energy(f)))(z),
    "vmap of vmap": lambda f, z: vmap(vmap(f, 1), 0)(slices(slices(z, 1), 0)),
    "forward mode": lambda f, z: dual(f, z),
}


def dual(f, z):
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(f(forward_ad.make_dual(z, tangent(z)))).tangent


@pytest.mark.compatible("Transforms: torch.func, forward mode", "{transform}")
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize(("name", "i"), ARGUMENTS)
def test_it_is_what_it_is_over_torchs(name, i, transform, requires_grad):
    call, operands = CALLS[name]
    operands = [z.clone().requires_grad_(requires_grad) for z in operands]

    def of_one(space):
        function = call(space)
        return lambda z: function(*operands[:i], z, *operands[i + 1 :])

    ours, torchs = (TRANSFORMS[transform](of_one(space), operands[i]) for space in (F, torch_functional))
    assert torchs.count_nonzero()  # silent zeros are what must not be
    torch.testing.assert_close(ours, torchs)


def one_by_one(f, z, gys, create_graph=False):
    return torch.stack([torch.autograd.grad(f(z), z, gy, create_graph=create_graph)[0] for gy in gys])


def at_once(f, z, gys, create_graph=False):
    return torch.autograd.grad(f(z), z, gys, is_grads_batched=True, create_graph=create_graph)[0]


def twice(batched, f, z):
    """Differentiate each of a batch of gradients of a function that bends, in a batch again."""
    gys = slices(tangent(f(z).detach()), 0)
    ggs = slices(fixed(len(gys), *z.shape, seed=4), 0)
    return batched(lambda z: batched(lambda z: f(z).sin(), z, gys, create_graph=True), z, ggs)


WITHOUT_FUNC = torch.autograd.functional
BATCHED = {
    "is_grads_batched": (
        lambda f, z: at_once(f, z, slices(tangent(f(z).detach()), 0)),
        lambda f, z: one_by_one(f, z, slices(tangent(f(z).detach()), 0)),
    ),
    "is_grads_batched of gradients": (
        lambda f, z: twice(at_once, f, z),
        lambda f, z: twice(one_by_one, f, z),
    ),
    "autograd.functional.jacobian, vectorized": (
        lambda f, z: WITHOUT_FUNC.jacobian(f, z, vectorize=True),
        WITHOUT_FUNC.jacobian,
    ),
    "autograd.functional.jacobian, vectorized, in forward mode": (
        lambda f, z: WITHOUT_FUNC.jacobian(f, z, vectorize=True, strategy="forward-mode"),
        WITHOUT_FUNC.jacobian,
    ),
    "autograd.functional.hessian, vectorized": (
        lambda f, z: WITHOUT_FUNC.hessian(energy(f), z, vectorize=True),
        lambda f, z: WITHOUT_FUNC.hessian(energy(f), z),
    ),
    "autograd.functional.hessian, vectorized, forward over reverse": (
        lambda f, z: WITHOUT_FUNC.hessian(energy(f), z, vectorize=True, outer_jacobian_strategy="forward-mode"),
        lambda f, z: WITHOUT_FUNC.hessian(energy(f), z),
    ),
}


@pytest.mark.compatible("Transforms: torch.func, forward mode", "{way}")
@pytest.mark.parametrize("way", BATCHED)
@pytest.mark.parametrize(("name", "i"), ARGUMENTS)
def test_a_batch_of_derivatives_is_torchs_one_by_one(name, i, way):
    call, operands = CALLS[name]
    batched, single = BATCHED[way]
    operands = [z.clone().requires_grad_() for z in operands]

    def of_one(space):
        function = call(space)
        return lambda z: function(*operands[:i], z, *operands[i + 1 :])

    ours, torchs = batched(of_one(F), operands[i]), single(of_one(torch_functional), operands[i])
    assert torchs.count_nonzero()
    torch.testing.assert_close(ours, torchs)


@pytest.mark.compatible("Transforms: torch.func, forward mode", "vmap over all operands at once")
@pytest.mark.parametrize("name", CALLS)
def test_all_operands_have_slices(name):
    call, operands = CALLS[name]
    ours, torchs = (vmap(call(space))(*(slices(z, 0) for z in operands)) for space in (F, torch_functional))
    torch.testing.assert_close(ours, torchs)


@pytest.mark.compatible(
    "Transforms: torch.func, forward mode", "gradcheck and gradgradcheck in forward mode and forward over reverse"
)
@pytest.mark.parametrize("name", CALLS)
def test_forward_mode_agrees_with_differences(name):
    call, operands = CALLS[name]
    operands = [z.clone().requires_grad_() for z in operands]
    assert gradcheck(call(F), operands, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(call(F), operands, check_fwd_over_rev=True, fast_mode=True)


@pytest.mark.compatible("Transforms: torch.func, forward mode", "indices of max pooling under vmap")
def test_indices_of_slices():
    ours, torchs = (
        vmap(lambda x, s=s: s.max_pool2d(x, 2, return_indices=True))(slices(X, 0)) for s in (F, torch_functional)
    )
    torch.testing.assert_close(ours, torchs)


@pytest.mark.compatible("Transforms: torch.func, forward mode", "per-sample gradients of a model")
def test_a_gradient_for_each_image_of_a_net():
    def gradients(space):
        torch.manual_seed(0)
        net = torch.nn.Sequential(
            space.Conv2d(4, 6, 3, padding=1),
            torch.nn.ReLU(),
            space.MaxPool2d(2),
            space.Conv2d(6, 3, 1),
            space.AvgPool2d(1),
        ).double()
        weights = dict(net.named_parameters())
        loss = grad(lambda w, x: functional_call(net, w, (x[None],)).sin().sum())
        return vmap(loss, (None, 0))(weights, X)

    torch.testing.assert_close(gradients(nn), gradients(torch.nn))


def test_the_fast_kernels_run_under_a_transform():
    seen = []
    numba = registry.get("numba")

    def conv(*operands):
        seen.append(type(operands[0]))
        return numba.kernels["conv"](*operands)

    registry.register(registry.Backend("watched", {"conv": conv}, frozenset({"cpu"})))
    try:
        with registry.use_backend("watched"):
            vmap(grad(lambda x: F.conv2d(x, W, groups=2).sum()))(X[:, None])
    finally:
        registry.unregister("watched")
    assert seen == [torch.Tensor]
