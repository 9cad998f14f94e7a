"""The command's entry: the modules that every run needs come from one file of bytecode instead of from seventy.

To find, open and read a module takes 0.1 ms, and a tiny guest lives for two. The file is a cache like Python's own: it
lies in __pycache__, names each source with its size and time of change, and is written anew (writer.py) when one of
them differs. Without it Python's own way serves. Not for the library: `import vmm` does not come here.
A second file has what a Linux machine needs beyond that; it is read when the command's words speak of Linux. A third
has what brings a saved machine back, which is a Linux more often than not.
Why: docs/adr/0003-start-up-time-is-a-feature.md.
"""

import gc
import marshal
import sys
from _imp import create_dynamic, exec_dynamic
from posix import stat

PLAIN, LINUX, SAVED = "modules", "modules-linux", "modules-saved"
"""The files."""
FORMAT = 2
"""Changes with what is in the file: (FORMAT, [(module, source, size, change in ns, whether a package, code)]); for a
compiled module `source` is the library itself and `code` None."""


def command() -> None:
    """What the installed `vmm` calls. Never returns."""
    gc.disable()  # cyclic garbage is not collected before a guest runs
    missing = [kind for kind in wanted(sys.argv[1:]) if not enter(path(kind))]
    from ..control.cli import end, main

    code = main()
    if missing and not sys.dont_write_bytecode:
        from .writer import write

        for kind in missing:
            write(path(kind), kind)
    end(code)


def wanted(words: list[str]) -> tuple[str, ...]:
    """The files for a command. A guess: without an initrd a kernel comes too seldom to look for it here."""
    if words[:1] == ["linux"]:
        return PLAIN, LINUX
    if words[:1] == ["restore"]:
        return PLAIN, SAVED
    if words[:1] != ["run"]:
        return ()
    return (PLAIN, LINUX) if any(word.startswith(("--initrd", "-initrd")) for word in words) else (PLAIN,)


def path(kind: str = PLAIN) -> str:
    """Where a file is, for this Python."""
    return f"{__path__[0]}/__pycache__/{kind}.{sys.implementation.cache_tag}"


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
        spec = spec_type(name, None, origin=source, is_package=is_package)
        if code is None:
            modules[name] = module = create_dynamic(spec)
            exec_dynamic(module)
            continue
        module = module_type(name)
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
