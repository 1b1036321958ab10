"""``scratchlab study``: which feature is varied, on which data, how often?"""

from lightning_app.parser import Parser, at_least

NAMES = ("kernel", "stride", "padding", "pool-size", "pool-type", "shift", "data-size")
WHAT = """\
Varies one feature of a convolutional net, holds everything else, and trains each variant with several seeds:

  kernel     size of the kernel, at equal filters, equal parameters, equal receptive field
  stride     in the convolution, or by pooling after it
  padding    none, same, full; zeros, reflected, replicated, circular
  pool-size  no pooling to windows of 7
  pool-type  none, maximum, average, a stride instead, global
  shift      is a CNN translation invariant? digits moved by up to 8 pixels
  data-size  accuracy over the number of training images, CNN and MLP

Leaves a table (study.csv), every single result (cells.csv), a picture and a page (study.html) in a run folder. A
study that was stopped goes on where it was: what is finished and unchanged is not run again."""
EXAMPLES = """\
  scratchlab study shift                          the built-in digits, about a minute
  scratchlab study kernel --seeds 10              five more seeds to what is there already
  scratchlab study data-size --data.dataset mnist
  scratchlab study pool-type --model.layers torch       the same with torch's own layers"""


def parser() -> Parser:
    """The options of ``study``."""
    made = Parser("study", WHAT, EXAMPLES)
    add = made.add_argument
    add("which", choices=NAMES, metavar="STUDY", help="one of the above")
    add(
        "--data.dataset",
        dest="dataset",
        choices=("digits", "mnist", "auto", "npz", "folder"),
        default="digits",
        help="default: digits",
    )
    add("--data.root", dest="root", help="where the data set's files are; for npz the file, for folder the folder")
    add(
        "--model.layers",
        dest="layers",
        choices=("scratch", "torch", "numpy"),
        default="scratch",
        help="default: scratch",
    )
    add("--seeds", type=at_least(2), default=5, help="how many; default: 5")
    add("--steps", type=at_least(1), help="of training; default: 72, and 300 for more than 10,000 images")
    add("--threads", type=at_least(1), default=1, help="default: 1, which is best for nets as small as these")
    add("--name", help="of the run; default: study-STUDY-DATA")
    add("--runs", default="runs", help="the folder of all runs (default: runs)")
    return made


def study(arguments: list[str]) -> None:
    """Run what is missing, then write and say what came out."""
    options = parser().parse_args(arguments)
    from lightning_app.study import work

    work.run(options)
