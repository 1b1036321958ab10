"""How do fit, validate and test run? A LightningCLI whose surprises are taken out.

A checkpoint supplies defaults and what is typed wins; an unstated number of epochs follows from the data; there is
no evaluating of random weights; every run has a folder.
"""

from argparse import ArgumentError
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import LambdaCallback
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from lightning_app import checkpoint, results, run
from lightning_app.console import console, quiet
from lightning_app.data.module import DataModule
from lightning_app.equipment import best_checkpoint, equipped, history_of
from lightning_app.errors import AppError
from lightning_app.misuse import explained
from lightning_app.model import Classifier

CHECKOUT = Path(__file__).parents[1]
EXAMPLES = {
    "fit": ("scratchlab fit --data.dataset digits", "scratchlab fit -c configs/lenet.yaml --trainer.max_epochs 2"),
    "validate": ("scratchlab validate", "scratchlab validate --ckpt_path runs/X/checkpoints/last.ckpt"),
    "test": ("scratchlab test", "scratchlab test --ckpt_path runs/X/checkpoints/best.ckpt --model.layers torch"),
}
DEFAULT_CONFIG = CHECKOUT / "configs" / "mnist.yaml"  # an installed package has the same in its signatures


def fit(args: list[str]) -> None:
    """Train, test the best checkpoint, draw what came out."""
    run_command(["fit", *args])


def validate(args: list[str]) -> None:
    """Accuracy of a checkpoint on the held-out images."""
    run_command(["validate", *args])


def test(args: list[str]) -> None:
    """Accuracy of a checkpoint on the test images."""
    run_command(["test", *args])


def run_command(args: list[str]) -> None:
    """Run ["fit", ...], ["validate", ...] or ["test", ...]; known failures come out as AppError."""
    with quiet():
        try:
            CLI(args)
        except MisconfigurationException as error:
            raise AppError(" ".join(str(error).split())) from error
        except RuntimeError as error:
            if "Early stopping conditioned" in str(error):
                raise AppError(str(error)) from error
            if "loading state_dict" in str(error):
                raise AppError("the checkpoint's weights do not fit the network asked for by --model.net") from error
            raise


class CLI(LightningCLI):
    """fit, validate and test of the Classifier on the DataModule."""

    def __init__(self, args: list[str]):
        super().__init__(
            Classifier,
            DataModule,
            args=args,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,  # checkpoint.py has its own
            save_config_callback=None,
            parser_kwargs=_parser_options(),
            trainer_defaults={"log_every_n_steps": 10, "num_sanity_val_steps": 0},
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Without Lightning's predict: ours takes photographs."""
        return {name: skip for name, skip in LightningCLI.subcommands().items() if name != "predict"}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The run folder, and one seed for everything."""
        parser.add_argument("--name", type=str | None, default=None, help="of the run; by default date and time")
        parser.add_argument("--runs", type=str, default="runs", help="the folder of all runs")
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def before_instantiate_classes(self) -> None:
        """Where the seed was left to chance, the data learn here what it has become."""
        options = self.config[self.subcommand]
        options.data.seed = int(options.seed_everything)

    def parse_arguments(self, parser: LightningArgumentParser, args: list[str]) -> None:
        """Parse; where a checkpoint is meant, parse again with its settings as defaults."""
        self._parse(parser, args)
        command = self.config["subcommand"]
        options = self.config[command]
        self.resumed_at = None
        if command == "fit" and options["ckpt_path"] is None:
            return
        path = checkpoint.find(options["ckpt_path"], options["runs"])
        content = checkpoint.read(path)
        subparser = self._subcommand_parsers[command]
        subparser.default_config_files = []
        subparser.set_defaults(checkpoint.defaults(content) | {"trainer.max_epochs": content["data"]["epochs"]})
        self._parse(parser, args)
        self.config[command]["ckpt_path"] = str(path)
        if command == "fit":
            self.resumed_at = content["global_step"]
            _refuse_if_trained(content, path, self.config.fit.trainer.max_epochs)

    def _parse(self, parser: LightningArgumentParser, args: list[str]) -> None:
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            options = self._subcommand_parsers[args[0]]._option_string_actions
            raise explained(str(error), args[0], options) from error

    def _parse_ckpt_path(self) -> None:
        """Lightning's own reading of the checkpoint lets it beat what was typed; ours is above."""

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        """Nothing that lies in a checkpoint is executed."""
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        parser.set_defaults({"weights_only": True})
        parser.epilog = f"examples: {'; '.join(EXAMPLES[subcommand])}"
        return parser

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """A trainer with our equipment, for a run with a folder."""
        options = self._get(self.config_init, "trainer")
        self.saves = self.subcommand == "fit" and not options["fast_dev_run"]
        self.run = self._run_folder()
        options = equipped(options, self.run, self.saves, self.resumed_at) | kwargs
        return self._instantiate_trainer(options, [LambdaCallback(on_train_start=self._write_config)])

    def _run_folder(self) -> run.Run:
        """A resumed run keeps its folder."""
        path, name = (self._get(self.config, option) for option in ("ckpt_path", "name"))
        resumed = run.run_of(Path(path)) if path and self.subcommand == "fit" else None
        if resumed and name:
            raise AppError(f"{path} goes on in {resumed.folder}; leave out --name")
        return resumed or run.new(self._get(self.config, "runs"), name)

    def before_fit(self) -> None:
        """Make the run folder, or continue its files."""
        if self.saves and self.trainer.is_global_zero:
            self.run.create(resume=self.resumed_at is not None)

    def after_fit(self) -> None:
        """Test the best checkpoint, once; then write down and draw what came out."""
        if not self.saves:
            console().print("fast_dev_run: the loops ran, nothing is saved")
            return
        history = deepcopy(history_of(self.trainer))  # the best checkpoint brings back that of its own epoch
        self._evaluate(self.trainer.test, ckpt_path=best_checkpoint(self.trainer), weights_only=True)
        if self.trainer.is_global_zero:
            results.finish(self.run, self.trainer, history)

    def validate(self, **options: Any) -> None:
        """Loss and accuracy on the held-out images."""
        self._evaluate(self.trainer.validate, **options)
        if self.trainer.is_global_zero:
            results.validated(options["ckpt_path"], self.trainer)

    def test(self, **options: Any) -> None:
        """Accuracy, precision and recall on the test images."""
        self._evaluate(self.trainer.test, **options)
        if self.trainer.is_global_zero:
            results.tested(options["ckpt_path"], self.trainer)

    def _evaluate(self, method: Callable, **options: Any) -> None:
        method(**{"model": self.model, "datamodule": self.datamodule, **options, "verbose": False})

    def _write_config(self, trainer: pl.Trainer, model: pl.LightningModule) -> None:
        """The options that make this run again: what was chosen for the user is written out."""
        if not (self.saves and trainer.is_global_zero):
            return
        config = self.config["fit"].clone()
        config.data.dataset = self.datamodule.description()["options"]["dataset"]
        config.trainer.max_epochs = trainer.max_epochs
        config.ckpt_path = config.name = None
        self.run.write("config.yaml", self._parser("fit").dump(config))


def _parser_options() -> dict[str, Any]:
    common = {"allow_abbrev": False, "exit_on_error": False}
    files = [str(DEFAULT_CONFIG)] if (CHECKOUT / "pyproject.toml").is_file() and DEFAULT_CONFIG.is_file() else []
    commands = {name: {**common, "default_config_files": files} for name in CLI.subcommands()}
    return common | commands


def _refuse_if_trained(content: dict[str, Any], path: Path, epochs: int) -> None:
    done = content["epoch"] + 1
    if epochs is not None and 0 <= epochs <= done:
        raise AppError(f"{path} has {done} epochs of {epochs}; train longer with --trainer.max_epochs {done + 1}")
