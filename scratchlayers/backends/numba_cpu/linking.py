"""How far are the functions compiled that kernels call? To LLVM's code, which is linked into the kernel and no further.

Numba makes machine code of every function by itself, which for one that is never called by itself is half of all time.
"""

from __future__ import annotations

from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    """Numba's last pass without its end: what other functions link is there, what Python would call is not."""

    _name = "scratchlayers_lowering"

    def run_pass(self, state) -> bool:
        library = state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        library._optimize_final_module = lambda: None  # as part of the kernel it will be
        library._finalize_final_module = lambda: setattr(library, "_finalized", True)
        state.flags.no_compile = True
        super().run_pass(state)
        library.finalize()
        key = [].pop  # Numba asks for some builtin function of its own; called from Python, it raises
        state.targetctx.insert_user_function(key, state.cr.fndesc, [library])
        state.cr = state.cr._replace(cfunc=key)
        return True


class Linked(CompilerBase):
    """Numba's usual pipeline with that pass at its end."""

    def define_pipelines(self):
        """Return the one pipeline."""
        usual = DefaultPassBuilder.define_nopython_pipeline(self.state)
        usual.passes = [(_Lowering, why) if each is NativeLowering else (each, why) for each, why in usual.passes]
        usual.finalize()
        return [usual]
