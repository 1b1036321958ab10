"""How far are functions compiled? Those that kernels call to LLVM's code, kernels to one function that C can call.

Numba makes machine code of every function by itself, which for one that is never called by itself is half of all time.
And of a kernel it makes two: one called its own way, and one that C calls, which hands all arguments on. In the course
of that it reads as one vector what its caller has stored one by one: a processor can do so only once all that was
stored before has reached the cache, so that every call waits for the memory.
"""

from __future__ import annotations

from llvmlite import ir
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


@register_pass(mutates_CFG=True, analysis_only=False)
class _Entry(NativeLowering):
    """Numba's last pass, the function compiled into the one that C calls."""

    _name = "scratchlayers_entry"

    def run_pass(self, state) -> bool:
        library = state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        library.enable_object_caching()
        add, optimize = library.add_ir_module, library._optimize_final_module

        def add_opened(module) -> None:
            """Add a module whose calls may be replaced by what they call."""
            for block in (block for function in module.functions for block in function.blocks):
                for instruction in block.instructions:
                    if isinstance(instruction, ir.CallInstr):
                        instruction.attributes.discard("noinline")
            add(module)

        def optimize_alone() -> None:
            library._final_module.get_function(state.cr.fndesc.llvm_func_name).linkage = "internal"
            optimize()

        library.add_ir_module, library._optimize_final_module = add_opened, optimize_alone
        return super().run_pass(state)


class Linked(CompilerBase):
    """Numba's usual pipeline for what kernels call."""

    _lowering = _Lowering

    def define_pipelines(self):
        """Return the one pipeline."""
        usual = DefaultPassBuilder.define_nopython_pipeline(self.state)
        usual.passes = [(self._lowering, why) if each is NativeLowering else (each, why) for each, why in usual.passes]
        usual.finalize()
        return [usual]


class Entered(Linked):
    """The same for kernels."""

    _lowering = _Entry
