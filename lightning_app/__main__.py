"""What can be done here? ``scratchlab COMMAND``, or ``python -m lightning_app``. Known failures are one line."""

import difflib
import importlib
import os
import sys

from lightning_app.errors import AppError, MisuseError

HELP = """\
Train, test, compare and use an image classifier whose layers are written by hand.

  scratchlab demo          the first five minutes: train, agree with torch.nn, six pictures
  scratchlab fit           train, test the best checkpoint, draw what came out
  scratchlab validate      accuracy of a checkpoint on the held-out images
  scratchlab test          accuracy of a checkpoint on the test images
  scratchlab predict       which digit is on a photograph
  scratchlab explain       how a network came to its answer about a picture
  scratchlab export-html   a page on which one draws a digit and watches the network read it
  scratchlab report        one page about one run, or about several
  scratchlab compare       hand-written against torch.nn, step by step; figures, curves, a page
  scratchlab study         vary kernel, stride, padding, pool-size, pool-type, shift or data-size
  scratchlab data info     which data are here, and what would be downloaded
  scratchlab init          a small project with kernels of your own that trains already

Examples (python -m lightning_app is the same as scratchlab)
  scratchlab fit                                MNIST (or the built-in digits when offline)
  scratchlab fit --data.dataset digits          a few seconds, no network
  scratchlab fit --model.layers torch           the same with torch's own layers
  scratchlab fit -c configs/numpy.yaml          the same with plain loops
  scratchlab fit --ckpt_path runs/X/checkpoints/last.ckpt      go on where run X was stopped
  scratchlab test --ckpt_path runs/X/checkpoints/best.ckpt     without --ckpt_path: the latest run

All options: scratchlab COMMAND --help      The network and every setting: configs/mnist.yaml
"""
# a command's function, imported when it is called, is given the words after the command's name
COMMANDS = {
    "demo": "lightning_app.demo.command:demo",
    "fit": "lightning_app.cli:fit",
    "validate": "lightning_app.cli:validate",
    "test": "lightning_app.cli:test",
    "predict": "lightning_app.photo.command:predict",
    "explain": "lightning_app.explain.command:explain",
    "export-html": "lightning_app.export.command:export_html",
    "report": "lightning_app.report.command:report",
    "compare": "lightning_app.compare.command:compare",
    "study": "lightning_app.study.command:study",
    "data": "lightning_app.data.command:data",
    "init": "lightning_app.init:init",
}
EXTRA = (
    "pytorch_lightning",
    "jsonargparse",
    "torchmetrics",
    "rich",
    "yaml",
    "matplotlib",
    "PIL",
    "jinja2",
    "lightning_utilities",
)
DEBUG, DEBUG_VARIABLE = "--debug", "SCRATCHLAYERS_DEBUG"
FAILED, INTERRUPTED = 1, 130


def main(arguments: list[str] | None = None) -> int:
    """Run a command, by default the process's own; its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(HELP)
        return 0
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a screen without our signs shows ? for them
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin make a busy machine 10 times slower
    debug = DEBUG in arguments or bool(os.environ.get(DEBUG_VARIABLE))
    try:
        return _run(arguments[0], [argument for argument in arguments[1:] if argument != DEBUG])
    except (AppError, KeyboardInterrupt) as error:
        if debug:
            raise
        return _fail(str(error) or "interrupted", getattr(error, "exit_code", INTERRUPTED))
    except ModuleNotFoundError as error:
        if debug or (error.name or "").split(".")[0] not in EXTRA:
            raise
        return _fail(f'{error.name} is not installed: pip install "scratchlayers[app]"', FAILED)
    except SystemExit as stop:  # argument parsers leave this way after --help
        return stop.code if isinstance(stop.code, int) else 0


def _run(command: str, options: list[str]) -> int:
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, 1)
        hint = f"did you mean {close[0]}?" if close else "see scratchlab --help"
        raise MisuseError(f"no command {command!r}, there are {', '.join(COMMANDS)}; {hint}")
    module, _, function = COMMANDS[command].partition(":")
    return getattr(importlib.import_module(module), function)(options) or 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
