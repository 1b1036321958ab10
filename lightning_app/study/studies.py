"""Which nets does each study compare, and how may its outcome be read? Nets are lists as in configs/mnist.yaml."""

from collections.abc import Callable
from dataclasses import dataclass

from lightning_app.net import Entry

FOLLOWED = "CNN, max pool, flatten"  # the net whose maps are watched when digits move
TRAINED_SHIFT = 4  # pixels, for the net that is shown shifted digits while it learns


@dataclass(frozen=True)
class Variant:
    """One net of a study: its place is ``value`` on ``line`` ("": the only one). ``crop``: pixels cut off all round."""

    line: str
    value: int | str
    net: tuple[Entry, ...]
    images: int | None = None
    shift: int = 0
    crop: int = 0

    @property
    def name(self) -> str:
        """For people."""
        return ", ".join(str(part) for part in (self.line, self.value) if part != "")


@dataclass(frozen=True)
class Study:
    """``varied`` names the axis; ``reading`` says what may be concluded, whatever comes out, and what may not."""

    question: str
    varied: str
    variants: tuple[Variant, ...]
    reading: str


def conv(channels: int, kernel: int, **options: object) -> list[Entry]:
    """A convolution with its batch norm and ReLU."""
    return [{"conv": {"out_channels": channels, "kernel_size": kernel, "bias": False, **options}}, "batch_norm", "relu"]


END: list[Entry] = ["flatten", {"linear": "classes"}]
PAIR = {"max": "max_pool", "average": "avg_pool"}


def kernel() -> Study:
    """Row by row: equal numbers of filters, of parameters, and equal receptive fields."""
    variants = []
    for k in (1, 3, 5, 7):
        variants.append(Variant("8 and 16 filters", k, (*_two(k, 8), *END)))
        variants.append(Variant("equal parameters", k, (*_two(k, _filters(k)), *END)))
    for k, layers in ((3, 6), (5, 3), (7, 2), (13, 1)):
        stack = [entry for _ in range(layers) for entry in conv(4, k, padding=k // 2)]
        variants.append(Variant("equal receptive field (13)", k, (*stack, {"max_pool": 4}, *END)))
    return Study(
        "Is a small kernel better than a large one?",
        "kernel size",
        tuple(variants),
        "A large kernel has more weights and more multiplications, so it is compared three ways: as it is, with as "
        "many parameters (fewer filters), and as one layer against several small ones that see as far.",
    )


def stride() -> Study:
    """In the convolution, or by pooling after it."""
    variants = []
    for s in (1, 2, 3, 4):
        after = conv(16, 3, padding=1)
        variants.append(Variant("in the convolution", s, (*conv(8, 5, stride=s, padding=2), *after, *END)))
        pool = [{"max_pool": {"kernel_size": s, "stride": s, "ceil_mode": True}}] if s > 1 else []
        variants.append(Variant("max pool after it", s, (*conv(8, 5, padding=2), *pool, *after, *END)))
    return Study(
        "What does a stride cost, and what does it save?",
        "stride",
        tuple(variants),
        "A stride keeps one position in s² of the map; the linear layer and all later convolutions shrink with it. "
        "Pooling keeps the largest of the s² values instead, after the whole map was computed.",
    )


def padding() -> Study:
    """How much, with what, and with digits that touch the edge."""
    ways: dict[str, dict[str, object]] = {"valid": {"padding": 0}, "same": {"padding": 2}, "full": {"padding": 4}}
    ways |= {mode: {"padding": 2, "padding_mode": mode} for mode in ("reflect", "replicate", "circular")}
    variants = []
    for line, crop in (("28 × 28, with a margin", 0), ("20 × 20, cut to the digit", 4)):
        for name, options in ways.items():
            net = (*conv(4, 5, **options), *conv(8, 5, **options), {"max_pool": 4}, *conv(16, 3), *END)
            variants.append(Variant(line, name, net, crop=crop))
    return Study(
        "Does padding help?",
        "padding of two 5 × 5 convolutions (reflect, replicate, circular: as much as same)",
        tuple(variants),
        "Padding keeps what lies at the edge in as many windows as what lies inside. These digits come with a margin "
        "of 4 pixels, which is padding already; the second line cuts it off. And zeros are not the background: pixels "
        "are scaled to mean 0, which makes the background −0.42, so that zeros draw a frame that the net can see.",
    )


def pool_size() -> Study:
    """From none to most of the map."""
    variants = [
        Variant(line, size, (*conv(8, 5, padding=2), *([{PAIR[line]: size}] if size > 1 else []), *conv(16, 3), *END))
        for line in PAIR
        for size in (1, 2, 3, 4, 7)
    ]
    return Study(
        "How large may a pooling window be?",
        "window and stride of the pool (1: none)",
        tuple(variants),
        "Pooling by k leaves one value in k²: fewer parameters and multiplications, less knowledge of where. The "
        "column ±2 px shows what is gained for it: tolerance of a shift.",
    )


def pool_type() -> Study:
    """The same place filled in six ways."""
    ways: dict[str, tuple[Entry, ...]] = {
        "none": (*conv(8, 5, padding=2), *conv(16, 3, padding=1), *END),
        "max": (*_pooled({"max_pool": 2}), *END),
        "average": (*_pooled({"avg_pool": 2}), *END),
        "strided conv": (*conv(8, 5, padding=2, stride=2), *conv(16, 3, padding=1, stride=2), *END),
        "global max": tuple(_global("global_max_pool")),
        "global average": tuple(_global("global_avg_pool")),
    }
    return Study(
        "Which pooling?",
        "pooling (global: after both max pools and a third convolution, in place of flattening)",
        tuple(Variant("", name, net) for name, net in ways.items()),
        "Maximum and average differ in what they keep of a window, not in how much. Global pooling forgets the place "
        "altogether: few parameters, and the most tolerance of shifts.",
    )


def shift() -> Study:
    """What "CNNs are translation invariant" is worth."""
    cnn = _pooled({"max_pool": 2})
    return Study(
        "Is a convolutional net translation invariant?",
        "net",
        (
            Variant("MLP", "", ("flatten", {"linear": 64}, "batch_norm", "relu", {"linear": "classes"})),
            Variant("CNN, average pool, flatten", "", (*_pooled({"avg_pool": 2}), *END)),
            Variant(FOLLOWED, "", (*cnn, *END)),
            Variant("CNN, max pool, global max", "", tuple(_global("global_max_pool"))),
            Variant("CNN, flatten, trained with shifts", "", (*cnn, *END), shift=TRAINED_SHIFT),
        ),
        "A convolution is equivariant: move the input and its maps move along (exactly at stride 1, and after a "
        "stride of s only for multiples of s). Equivariant is not invariant: once the maps are flattened, the linear "
        "layer has weights for each place. Tolerance comes from pooling, much of it only from global pooling, or from "
        "data that are shifted in training (Biscione and Bowers 2020, arXiv:2011.11757). All were trained on centred "
        "digits but the last; beyond 4 pixels part of a digit leaves the picture.",
    )


def data_size() -> Study:
    """Does sharing weights save examples?"""
    mlp: tuple[Entry, ...] = ("flatten", {"linear": 64}, "batch_norm", "relu", {"linear": "classes"})
    nets = {"MLP": mlp, "CNN": (*_pooled({"max_pool": 2}), *END)}
    sizes = (30, 100, 300, 1000, 3000, 10_000, 60_000)
    return Study(
        "Does a convolutional net need fewer examples?",
        "training images",
        tuple(Variant(line, size, net, images=size) for line, net in nets.items() for size in sizes),
        "Both see the same images for equally many steps. What a filter learns at one place it knows at all places; a "
        "dense layer has to learn it at each.",
    )


STUDIES: dict[str, Callable[[], Study]] = {
    "kernel": kernel,
    "stride": stride,
    "padding": padding,
    "pool-size": pool_size,
    "pool-type": pool_type,
    "shift": shift,
    "data-size": data_size,
}


def _two(k: int, filters: int) -> list[Entry]:
    pool: Entry = {"max_pool": 2}
    return [*conv(filters, k, padding=k // 2), pool, *conv(2 * filters, k, padding=k // 2), pool]


def _filters(k: int) -> int:
    """How many filters in the first layer of `_two` give as many weights as 8 of 5 × 5 (on 28 × 28, ten classes)."""

    def weights(c: int, k: int) -> int:
        return c * k * k + 2 * c * c * k * k + 2 * c * 7 * 7 * 10

    return min(range(1, 65), key=lambda c: abs(weights(c, k) - weights(8, 5)))


def _pooled(pool: Entry) -> list[Entry]:
    return [*conv(8, 5, padding=2), pool, *conv(16, 3, padding=1), pool]


def _global(pool: Entry) -> list[Entry]:
    return [*_pooled({"max_pool": 2}), *conv(48, 3, padding=1), pool, *END]
