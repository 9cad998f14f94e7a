"""The command's entry: the modules that every run needs come from one file of bytecode instead of from seventy.

To find, open and read a module takes 0.1 ms, and a tiny guest lives for two. The file is a cache like Python's own: it
lies in __pycache__, names each source with its size and time of change, and is written anew (writer.py) when one of
them differs. Without it Python's own way serves. Not for the library: `import vmm` does not come here.
Why: docs/adr/0003-start-up-time-is-a-feature.md.
"""

import gc
import marshal
import sys
from posix import stat

FORMAT = 1
"""Changes with what is in the file: (FORMAT, [(module, source, size, change in ns, whether a package, code)])."""


def command() -> None:
    """What the installed `vmm` calls. Never returns."""
    gc.disable()  # cyclic garbage is not collected before a guest runs
    is_run = sys.argv[1:2] == ["run"]
    is_cached = is_run and enter(path())
    from ..control.cli import end, main

    code = main()
    if is_run and not is_cached and not sys.dont_write_bytecode:
        from .writer import write

        write(path())
    end(code)


def path() -> str:
    """Where the file is, for this Python."""
    return f"{__path__[0]}/__pycache__/modules.{sys.implementation.cache_tag}"


def enter(file: str) -> bool:
    """Puts the modules of `file` in place, dependencies first; False, with nothing done, when it does not hold."""
    try:
        with open(file, "rb", 0) as stream:
            form, entries = marshal.loads(stream.read())
        if form != FORMAT:
            return False
        for _, source, size, changed, _, _ in entries:
            now = stat(source)
            if now.st_size != size or now.st_mtime_ns != changed:
                return False
    except (OSError, EOFError, ValueError, TypeError):
        return False  # none yet, cut off, or of another Python
    modules, module_type, spec_type = sys.modules, type(sys), type(__spec__)
    for name, source, _, _, is_package, code in entries:
        if name in modules:
            continue
        module = module_type(name)
        spec = spec_type(name, None, origin=source, is_package=is_package)
        names = module.__dict__
        names["__spec__"], names["__file__"] = spec, source
        parent, _, last = name.rpartition(".")
        names["__package__"] = name if is_package else parent
        if is_package:
            names["__path__"] = [source.rpartition("/")[0]]
        modules[name] = module
        exec(code, names)
        if parent:
            setattr(modules[parent], last, module)
    return True
