"""What can be done here? ``scratchlab COMMAND``, or ``python -m lightning_app``. Known failures are one line."""

import difflib
import importlib
import os
import sys

from lightning_app.errors import AppError, MisuseError

HELP = """\
Train, test and use an image classifier whose layers are written by hand.

  python -m lightning_app fit          train, test the best checkpoint, draw what came out
  python -m lightning_app validate     accuracy of a checkpoint on the held-out images
  python -m lightning_app test         accuracy of a checkpoint on the test images
  python -m lightning_app predict      which digit is on a photograph

Examples
  python -m lightning_app fit                                  MNIST (or the built-in digits when offline)
  python -m lightning_app fit --data.dataset digits            a few seconds, no network
  python -m lightning_app fit --model.layers torch             the same with torch's own layers
  python -m lightning_app fit -c configs/numpy.yaml            the same with plain loops
  python -m lightning_app fit --ckpt_path runs/X/checkpoints/last.ckpt      go on where run X was stopped
  python -m lightning_app test --ckpt_path runs/X/checkpoints/best.ckpt     without --ckpt_path: the latest run
  python -m lightning_app predict photo.jpg another.png --json

All options: python -m lightning_app fit --help      The network and every setting: configs/mnist.yaml
"""
# a command's function, imported when it is called, is given the words after the command's name
COMMANDS = {
    "fit": "lightning_app.cli:fit",
    "validate": "lightning_app.cli:validate",
    "test": "lightning_app.cli:test",
    "predict": "lightning_app.predict:predict",
    "compare": "lightning_app.compare.command:compare",
    "study": "lightning_app.study.command:study",
    "demo": "lightning_app.demo.command:demo",
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
        hint = f"did you mean {close[0]}?" if close else "see python -m lightning_app --help"
        raise MisuseError(f"no command {command!r}, there are {', '.join(COMMANDS)}; {hint}")
    module, _, function = COMMANDS[command].partition(":")
    return getattr(importlib.import_module(module), function)(options) or 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
