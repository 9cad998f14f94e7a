"""The `vmm` command: the only place that reads argv, prints, and sets an exit status.

Guest output goes to stdout, our own words to stderr. Exit codes are those of vmm.machine.outcome, and
125 for bad input (nothing ran), 126 for a host that cannot, 141 for a reader of our output that left (SIGPIPE).
"""

from __future__ import annotations

import os
import sys

BAD_INPUT, HOST_CANNOT, INTERRUPTED, NOBODY_READS = 125, 126, 130, 141

_WRITE_ERRORS = (5, 27, 28, 122)
"""EIO, EFBIG, ENOSPC, EDQUOT: by number, for importing errno is not free."""

_COMMANDS = {
    "run": "boot a guest, and count every exit it makes",
    "linux": "boot Debian's Linux, to a shell or for one command",
    "profile": "boot a guest, and say which of its functions cause the exits",
    "guests": "list, describe and check the guests that come with vmm",
    "kut": "run x86 kvm-unit-tests, and compare them with QEMU",
    "diff": "compare the exits of two runs",
    "report": "make one page of a run, to be read in a browser",
    "replay": "drive the devices of a recorded machine, without KVM",
    "snapshot": "save a machine that runs, and say what is in a saved one",
    "restore": "run a saved machine on",
    "migrate": "move a machine that runs to another process or host",
    "standby": "be ready to go on with a machine that runs elsewhere",
    "top": "watch the exits of a machine that runs",
    "set": "make a machine that runs larger, smaller, faster or slower",
    "doctor": "say what this host's KVM can and cannot do",
}

_HELP = """\
usage: vmm COMMAND [options]    vmm COMMAND --help says more; vmm --version
{commands}
Exit codes: what the guest wrote to the debug-exit port, or
  0    the guest halted                123  the guest asked for a reset
  117  a budget was broken             124  deadline
  118  the guest's kernel panicked     125  bad input, nothing ran
  119  no drive has anything to boot   126  the host cannot: no KVM, no output
  120  triple fault                    130  stopped: Ctrl-A x, SIGINT
  121  KVM could not go on             141  nobody reads our output any more
  122  unclaimed access (--strict)     143  SIGTERM (129 SIGHUP)
"""


def end(code: int) -> None:
    """The end of the process, with all that was said flushed. The interpreter is not torn down: that would take as long
    as a tiny guest does."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue  # main() has said what there was to say
    os._exit(code)


def main(argv: list[str] | None = None) -> int:
    """Runs one command; the exit code. Every error that is the user's or the host's becomes one line."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_what_is_closed()
    from ...errors import HostError, VmmError

    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except HostError as error:
        return _say(str(error), HOST_CANNOT)
    except VmmError as error:
        return _say(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has left: so do we, without a word
        return _leave_output(NOBODY_READS)
    except OSError as error:
        if error.errno not in _WRITE_ERRORS or error.filename is not None:
            return _say(str(error), HOST_CANNOT)
        return _leave_output(_say(f"cannot write standard output: {error.strerror}", HOST_CANNOT))


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        listing = "\n".join(f"  vmm {name:<8} {summary}" for name, summary in _COMMANDS.items())
        (sys.stdout if words else sys.stderr).write(_HELP.format(commands=listing))
        return 0 if words else BAD_INPUT
    if words[0] in ("--version", "-V", "version"):
        from ... import __version__

        sys.stdout.write(f"vmm {__version__}\n")
        return 0
    if words[0] not in _COMMANDS:
        from ...errors import ConfigError, nearest

        raise ConfigError.of("", f"unknown command {words[0]}{nearest(words[0], _COMMANDS)}")
    command = __import__(f"vmm.control.cli.{words[0]}", fromlist=["main"])
    return int(command.main(words[1:]))


def _say(words: str, code: int) -> int:
    """One line on stderr, whatever is in the words."""
    line = " ".join(words.split("\n"))
    try:
        sys.stderr.write(f"vmm: {line}\n")
    except OSError:
        return code  # nobody listens
    return code


def _leave_output(code: int) -> int:
    """What is still buffered for standard output goes nowhere, or Python would complain of it at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return code


def _open_what_is_closed() -> None:
    """A standard stream that was closed (`<&-`) becomes the null device, or /dev/kvm would get its number."""
    for name, flags in (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY)):  # fds 0, 1, 2
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), "w" if flags else "r"))
