"""Which data set is meant? ``auto`` is MNIST where it is or can be fetched, and otherwise the digits built in."""

from pathlib import Path
from typing import Literal

from lightning_app.console import console
from lightning_app.data import digits, download, mnist, own
from lightning_app.data.files import cache_folder
from lightning_app.data.images import Images
from lightning_app.errors import AppError

Name = Literal["auto", "mnist", "digits", "npz", "folder"]


def prepare(name: Name, root: str | None) -> None:
    """Fetch what is missing, once per machine. ``mnist`` insists; ``auto`` may fail and says so."""
    if name not in ("auto", "mnist") or mnist.locate(root):
        return
    folder = folder_for(root)
    try:
        download.fetch(folder)
    except (AppError, OSError) as error:
        if name == "mnist":
            raise AppError(
                f"{error}. Put {', '.join(f'{file.name}.gz' for file in mnist.FILES)} into {folder}, "
                f"or set ${mnist.ROOT_VARIABLE} to where they are, or train on --data.dataset digits"
            ) from error
        console().print(
            "[bold yellow]NO MNIST HERE AND NO NETWORK: using the 1,797 built-in digits instead[/] "
            "[dim](--data.dataset mnist says why)[/]"
        )


def folder_for(root: str | None) -> Path:
    """Where MNIST is put when it is fetched."""
    return (Path(root) if root else cache_folder()) / "mnist"


def load(name: Name, root: str | None) -> Images:
    """The data set, from this machine only."""
    if name == "npz":
        return own.load_npz(_required(root, "npz"))
    if name == "folder":
        return own.load_folder(_required(root, "folder"))
    folder = mnist.locate(root) if name in ("auto", "mnist") else None
    if folder:
        return mnist.load(folder)
    if name == "mnist":
        raise AppError("MNIST is not here; looked in " + ", ".join(map(str, mnist.folders(root))))
    return digits.load()


def _required(root: str | None, name: str) -> Path:
    if root is None:
        raise AppError(f"--data.dataset {name} needs --data.root PATH")
    return Path(root)
