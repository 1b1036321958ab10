"""What is here, what runs where, is it right, how fast, and how does it look?

``python -m scratchlayers list | explain | verify | warmup | bench | draw``. Nothing is imported before a command
needs it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

_DTYPES = ["float64", "float32", "bfloat16", "float16", "complex128", "complex64", "int64", "int32", "uint8", "bool"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 if a check failed, 2 if it was used wrongly."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options, rest = _parser().parse_known_args(arguments)
    own = options.command in (_bench, _draw)  # these have a parser of their own
    if rest and not own:
        _parser().parse_args(arguments)  # says which it does not know
    from .registry import UnknownBackendError

    try:
        return options.command(rest if own else options)
    except (UnknownBackendError, ValueError) as why:
        print(f"scratchlayers {arguments[0]}: {why}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m scratchlayers", description=(__doc__ or "").partition("``")[0])
    commands = parser.add_subparsers(required=True, metavar="command")

    listing = commands.add_parser("list", help="which names are ours, and which backends there are")
    listing.set_defaults(command=_list)

    explain = commands.add_parser("explain", help="which backend runs each kernel, and why others do not")
    explain.add_argument("--device", default="cpu", help="a torch device type (default: %(default)s)")
    explain.add_argument("--dtype", choices=_DTYPES, default="float32", help="(default: %(default)s)")
    explain.add_argument("--rank", type=int, choices=(1, 2, 3), default=2, help="spatial axes (default: %(default)s)")
    explain.add_argument("--backend", help="the one to ask first, as use_backend() would")
    explain.set_defaults(command=_explain)

    verify = commands.add_parser("verify", help="check backends against torch and against the laws they must keep")
    meant = "a name, module:ATTR or path/to/file.py:ATTR; may be repeated (default: all, and the layers)"
    verify.add_argument("--backend", action="append", help=meant)
    verify.add_argument("--device", default="cpu", help="a torch device type (default: %(default)s)")
    verify.add_argument("--dtype", choices=_DTYPES, action="append", help="check in this dtype only; may be repeated")
    verify.add_argument("--quick", action="store_true", help="leave out the large cases")
    verify.set_defaults(command=_verify)

    warmup = commands.add_parser("warmup", help="compile the usual kernels now, so that no first call waits")
    warmup.add_argument("--all", action="store_true", help="in every float and rank, not only float32 over two axes")
    warmup.set_defaults(command=_warmup)

    bench = commands.add_parser("bench", help="time the layers beside torch's", add_help=False)
    bench.set_defaults(command=_bench)

    draw = commands.add_parser("draw", help="pictures of layers, computed by calling them", add_help=False)
    draw.set_defaults(command=_draw)
    return parser


def _bench(arguments: list[str]) -> int:
    from .bench.command import command

    return command(arguments)


def _draw(arguments: list[str]) -> int:
    from .visualize.command import command

    return command(arguments)


def _list(options: argparse.Namespace) -> int:
    from . import functional, nn, registry

    for module, torchs in ((nn, "torch.nn"), (functional, "torch.nn.functional")):
        ours = [name for name in module.__all__ if name != "functional"]
        others = [name for name in dir(importlib.import_module(torchs)) if name[0] != "_" and name not in ours]
        print(f"{module.__name__}: {len(ours)} names are hand-written, the other {len(others)} are {torchs}'s")
        print(_wrapped(ours))
    print("backends, in the order they are asked:")
    for backend in map(registry.get, registry.names()):
        kernels = "all kernels" if len(backend.kernels) == len(_kernels()) else ", ".join(sorted(backend.kernels))
        print(f"  {backend.name:<12} priority {backend.priority:>3}, {kernels}")
    return 0


def _explain(options: argparse.Namespace) -> int:
    from contextlib import nullcontext

    import torch

    from . import registry

    dtype = getattr(torch, options.dtype)
    with registry.use_backend(options.backend) if options.backend else nullcontext():
        print(f"{options.dtype} on {options.device}, {options.rank} spatial axes")
        print(f"asked in this order: {', '.join(registry.names())}")
        for kernel in _kernels():
            runs, refusals = registry.choice(kernel, options.device, dtype, options.rank)
            print(f"  {kernel:<18}{runs or 'nobody'}{''.join(f'; {name} {why}' for name, why in refusals.items())}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    import torch

    from . import registry
    from .testing.load import load
    from .testing.verify import verify, verify_modules

    try:
        torch.empty(0, device=options.device)
    except (RuntimeError, AssertionError) as why:
        raise ValueError(f"--device {options.device}: {str(why).splitlines()[0]}") from why
    dtypes = [getattr(torch, name) for name in options.dtype] if options.dtype else None
    backends = [load(name) for name in options.backend or registry.names()]
    if not options.backend:
        backends = [b for b in backends if b.devices is None or options.device in b.devices]
    held = [verify(b, device=options.device, dtypes=dtypes, quick=options.quick) for b in backends]
    if not options.backend:
        held.append(verify_modules())
    return 0 if all(held) else 1


def _warmup(options: argparse.Namespace) -> int:
    from .warmup import warm_up

    print(warm_up(options.all))
    return 0


def _kernels() -> Sequence[str]:
    from .contract import NAMES

    return NAMES


def _wrapped(names: Sequence[str]) -> str:
    import textwrap

    return textwrap.fill(", ".join(names), 100, initial_indent="  ", subsequent_indent="  ")


if __name__ == "__main__":
    sys.exit(main())
