"""What is known of a data set without training on it?"""

import hashlib
import json
from importlib.resources import files
from typing import Any

from rich.markup import escape
from rich.table import Table

from lightning_app.console import console
from lightning_app.data import choose, digits, download, mnist
from lightning_app.data.images import Images
from lightning_app.errors import AppError

PACKED = 11_594_722  # bytes of MNIST's four files as the mirrors have them


def say(names: list[str], root: str | None, as_json: bool) -> int:
    """Print what is found; 1 if a file is wrong."""
    found = {name: about(name, root) for name in names}
    if as_json:
        console().print_json(json.dumps(found))
    else:
        for name, each in found.items():
            _say(name, each)
    return 1 if any("wrong" in each for each in found.values()) else 0


def about(name: Any, root: str | None) -> dict[str, Any]:
    """What there is to say of one data set, in plain values."""
    if name == "digits":
        return _counted(digits.load()) | {"files": {"digits.npz": _package_file("digits.npz")}}
    if name != "mnist":
        return _counted(choose.load(name, root))
    folder = mnist.locate(root)
    return _missing(root) if folder is None else _checked(folder)


def _checked(folder: Any) -> dict[str, Any]:
    described = {}
    for file in mnist.FILES:
        path = mnist.path_of(folder, file)
        try:
            content = mnist.verified(path, file)
        except AppError as error:
            return {"where": str(folder), "wrong": f"{error}; delete it to have it fetched again"}
        described[path.name] = {"bytes": len(content), "sha256": file.sha256, "as published": True}
    return _counted(mnist.load(folder)) | {"files": described}


def _missing(root: str | None) -> dict[str, Any]:
    return {
        "missing": "it is fetched by `scratchlab fit`",
        "looked in": [str(folder) for folder in mnist.folders(root)],
        "would download": [f"{file.name}.gz" for file in mnist.FILES],
        "bytes": PACKED,
        "from": list(download.MIRRORS),
        "into": str(choose.folder_for(root)),
    }


def _counted(images: Images) -> dict[str, Any]:
    counts = {
        part: data.y.bincount(minlength=len(images.classes)).tolist()
        for part, data in (("training", images.train), ("test", images.test))
    }
    return {
        "where": images.source,
        "image": " × ".join(map(str, images.shape)),
        **{f"{part} images": sum(each) for part, each in counts.items()},
        "classes": {name: {part: each[i] for part, each in counts.items()} for i, name in enumerate(images.classes)},
    }


def _package_file(name: str) -> dict[str, Any]:
    content = files("lightning_app.data").joinpath(name).read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _say(name: str, found: dict[str, Any]) -> None:
    head = "[bold red]wrong[/]" if "wrong" in found else "not here" if "missing" in found else "here"
    console().print(f"[bold]{name}[/]: {head}")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for key, value in found.items():
        table.add_row(key, escape(_text(key, value)))
    console().print(table)


def _text(key: str, value: Any) -> str:
    if key == "classes":
        return "\n".join(f"{name}: {' + '.join(f'{n:,}' for n in each.values())}" for name, each in value.items())
    if key == "files":
        return "\n".join(_file(file, each) for file, each in value.items())
    if isinstance(value, list):
        return "\n".join(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _file(name: str, found: dict[str, Any]) -> str:
    good = ", as published" if "as published" in found else ""
    return f"{name}\n  {found['bytes']:,} bytes, sha256 {found['sha256'][:12]}…{good}"
