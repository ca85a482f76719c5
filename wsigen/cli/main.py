"""wsigen: one verb per file, imported only when it is called for."""

import errno
import signal
import sys
import warnings
from importlib import import_module

import click

from wsigen import __version__
from wsigen.errors import WsigenError

# A verb, its module in wsigen.cli and the function therein share their name. In this order --help shows them.
VERBS = (
    "cohort",
    "phantom",
    "pack",
    "convert",
    "info",
    "view",
    "train",
    "distil",
    "generate",
    "zoom",
    "explore",
    "experiment",
    "evaluate",
    "study",
)

MISTAKE, INTERRUPTED = 2, 130


class LazyGroup(click.Group):
    """A group whose commands are imported when asked for, so that no verb pays for another's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb; None where there is none of that name."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(f"wsigen.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="wsigen")
def wsigen() -> None:
    """Whole slide images from noise: make, read and judge synthetic histopathology.

    \b
    Examples:
      wsigen phantom slides --slides 8
      wsigen train runs/first --cohort slides --minutes 60
      wsigen generate slide.tiff --model runs/first/model.safetensors --mpp 1
      wsigen info slide.tiff
    """


def main() -> None:
    """Run the command line; a mistake of the user's is told in one line, with exit code 2."""
    # Whoever asks a run to end finds nothing half-written afterwards, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What Pillow warns about damaged files, the one line says better.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        sys.exit(wsigen.main(prog_name="wsigen", standalone_mode=False))
    except click.Abort:
        print("wsigen: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (WsigenError, OSError) as error:
        print(f"wsigen: error: {_one_line(error)}", file=sys.stderr)
        sys.exit(MISTAKE)


def _one_line(error: WsigenError | OSError) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full: make room and start again ({text})"
    return text
