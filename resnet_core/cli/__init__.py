"""The command line: its commands are in `commands`, their exit codes in `options.CODES`."""

from __future__ import annotations

import os
import sys

from resnet_core.spec import SpecError

from .commands import parser
from .nets import UsageError
from .options import CANNOT_BE_BUILT, CLOSED_PIPE, INTERRUPTED, WRONG_USE
from .show import printable

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code; argparse exits by itself, with 0 or 2.

    Whatever the user gave, an error is a sentence on stderr.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a closed one is None
            stream.reconfigure(errors="replace")  # a name may be in no encoding but UTF-8
    try:
        try:
            args = parser().parse_args(argv)
            return args.run(args)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except SpecError as e:
        return _fail(": ".join([*getattr(e, "__notes__", []), str(e)]), CANNOT_BE_BUILT)
    except UsageError as e:
        return _fail(str(e), WRONG_USE)
    except BrokenPipeError:  # `| head` has seen enough; Python would flush once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except OSError as e:
        return _fail(f"{e.filename or 'output'}: {e.strerror}.", WRONG_USE)
    except KeyboardInterrupt:
        return INTERRUPTED


def _fail(sentence: str, code: int) -> int:
    print(f"resnet_core: {printable(sentence)}", file=sys.stderr)
    return code
