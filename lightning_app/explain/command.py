"""``scratchlab explain``: how did the network come to its answer?"""

from pathlib import Path

from lightning_app.parser import Parser, at_least

WHAT = """\
Goes with one picture through a trained network: a filter and the window it lies on, their products and the sum
written out, the feature map, ReLU, pooling, the flattened numbers, the class; what a chosen unit can see of the
picture; the training images that excite the filters most; filters and responses of every layer. All of it is
measured on the layers themselves, windows by their gradients. Leaves PNGs and one page, explain.html."""
EXAMPLES = """\
  scratchlab explain photo.jpg                          by the best checkpoint of the latest run
  scratchlab explain photo.jpg --unit conv2:5,3,4       channel 5, row 3, column 4 of the second convolution
  scratchlab explain photo.jpg --ckpt_path runs/mnist -o seven"""


def parser() -> Parser:
    """The options of ``explain``."""
    made = Parser("explain", WHAT, EXAMPLES)
    add = made.add_argument
    add("image", type=Path, metavar="IMAGE", help="PNG or JPEG with one digit, as for predict")
    add("--unit", metavar="LAYER:CHANNEL,ROW,COLUMN", help="default: the strongest of the first convolution")
    add("--patches", type=at_least(0), default=9, metavar="K", help="training images per filter; default: 9")
    add("-o", "--out", type=Path, metavar="DIR", help="default: explain-IMAGE")
    add("--ckpt_path", metavar="RUN", help="a checkpoint or a run's folder; default: the best of the latest run")
    add("--runs", default="runs", metavar="DIR", help="the folder of all runs (default: runs)")
    return made


def explain(arguments: list[str]) -> None:
    """Explain, write, say it."""
    options = parser().parse_args(arguments)
    from lightning_app.explain import work

    work.run(options)
