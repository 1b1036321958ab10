"""``scratchlab compare``: what was asked for, and was there agreement?"""

from lightning_app.parser import Parser, at_least

WHAT = """\
Trains the hand-written layers beside torch.nn's: same initial weights, same batches, step by step. Leaves a page
(compare.html), pictures, tables (CSV) and results.json in a run folder. The exit code is 1 if the two disagree by
more than --tol: in the losses of the first 100 steps, or at equal weights in the loss, the gradient of any layer
or the probabilities of the test images. The comparison is made in float64, where rounding cannot blur it; times and
memory are those of float32, as one trains."""
EXAMPLES = """\
  scratchlab compare                               the built-in digits, some seconds
  scratchlab compare --data.dataset mnist --epochs 2
  scratchlab compare --dtype float32               how rounding makes two trainings drift apart
  scratchlab compare --backend torch               another backend, or your own: my_backend.py:BACKEND
  scratchlab compare --net my.yaml                 the net in a file like those of fit -c"""


def parser() -> Parser:
    """The options of ``compare``."""
    made = Parser("compare", WHAT, EXAMPLES)
    add = made.add_argument
    add(
        "--data.dataset",
        dest="dataset",
        choices=("digits", "mnist", "auto", "npz", "folder"),
        default="digits",
        help="default: digits",
    )
    add("--data.root", dest="root", help="where the data set's files are; for npz the file, for folder the folder")
    add("--net", metavar="YAML", help="a file with model.net (default: the net of fit)")
    add("--epochs", type=at_least(1), help="default: 5, and 1 for more than 10,000 images")
    add("--data.batch_size", dest="batch_size", type=at_least(1), default=128, help="default: 128")
    add("--seed", type=at_least(0), default=0, help="of weights, order and shifts; default: 0")
    add("--dtype", choices=("float32", "float64"), default="float64", help="default: float64")
    add("--tol", type=float, help="largest difference that is agreement; default: 1e-10, in float32 1e-4")
    add("--backend", help="of the hand-written layers: numba, torch, numpy, an installed plugin, or FILE.py:ATTR")
    add("--loops", type=at_least(0), default=2, help="steps that the plain loops take part in; default: 2")
    add("--name", help="of the run; by default date and time")
    add("--runs", default="runs", help="the folder of all runs (default: runs)")
    return made


def compare(arguments: list[str]) -> int:
    """Compare, write, say it; 1 if the two disagree."""
    options = parser().parse_args(arguments)
    from lightning_app.compare import work

    return work.run(options)
