"""wsigen explore: a slide that is drawn where somebody looks."""

import secrets
import shlex
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from wsigen.cli.finite import Finite
from wsigen.cli.options import slide_options
from wsigen.cli.slide import ask
from wsigen.cli.study import LOOPBACK, study_extra

EVERYWHERE = ("0.0.0.0", "::")
# What changes how a slide is looked at and not which it is.
NOT_OF_THE_SLIDE = (
    *("seed", "workdir", "memory_gb", "disk_gb", "readers", "host", "port", "browser"),
    *("batch_size", "device"),
)


@click.command()
@slide_options
@click.option(
    "--half/--full",
    default=None,
    help="The slide's canvases in half or full precision; by default large ones in half, as generate has them.",
)
@click.option(
    "--workdir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep what was drawn here, for the next time; by default in a temporary folder.",
)
@click.option(
    "--memory-gb",
    type=Finite(min=0.25),
    default=1.0,
    show_default=True,
    help="Memory for what was drawn; the program itself takes some 0.6 GB besides.",
)
@click.option(
    "--disk-gb",
    type=Finite(min=0),
    default=4.0,
    show_default=True,
    help="Room on the disk for what leaves the memory.",
)
@click.option(
    "--readers", type=click.IntRange(min=1), default=60, show_default=True, help="At most."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default a free one.")
@click.option(
    "--browser/--no-browser", default=True, show_default=True, help="Open a browser window."
)
def explore(
    seed: int,
    half: bool | None,
    workdir: Path | None,
    memory_gb: float,
    disk_gb: float,
    readers: int,
    host: str,
    port: int,
    browser: bool,
    **named: Any,
) -> None:
    """Look through a microscope at a slide that does not exist: each view is drawn when it is looked at.

    Zoom from the overview down to the nuclei. What is seen are the stages of the slide that generate makes with the
    same options, pixel for pixel. With --host 0.0.0.0 a class can look at once, by a link with a secret in it.

    \b
    Examples:
      wsigen explore
      wsigen explore --seed 7 --width-mm 20 --height-mm 15 --mpp 0.35
      wsigen explore --plan preview --host 0.0.0.0 --port 8000
    """
    from wsigen.runs.crew import Crew
    from wsigen.runs.kept import Kept, seed_folder
    from wsigen.runs.workdir import Workdir
    from wsigen.zoom.desk import Desk
    from wsigen.zoom.scope import Scope

    if all(named[side] is None for side in ("width", "height", "width_mm", "height_mm")):
        named |= {"width_mm": 20.0, "height_mm": 15.0}
    with ThreadPoolExecutor(1) as beside:  # while weights are read and the overview is drawn
        web = beside.submit(import_module, "wsigen.study.explore")
        asked = ask(seed=seed, half=half, **named)
    with study_extra():
        web.result()
        from wsigen.study.explore import explore_app
        from wsigen.study.offer import Offer, formed, scales
        from wsigen.study.serve import run_server
    given_half, half = half, asked.half
    with ExitStack() as stack:
        folder = workdir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = Kept(int(memory_gb * 1e9), folder, int(disk_gb * 1e9))
        if workdir:
            stack.callback(kept.close)

        crew = stack.enter_context(Crew(asked.painter.device))

        def slide_of(number: int) -> Scope:
            own = asked if number == seed else asked.of_seed(number)
            if workdir:
                Workdir(workdir / seed_folder(number), own.described | {"half": half})
            scope = Scope(own.painter, own.path, kept, half=half, crew=crew)
            if own.overview is not None and not workdir:  # there generate looks for all its steps
                scope.begin_with(own.overview.image, own.overview.evaluations)
            return scope

        desk = Desk(slide_of, formed, readers=readers)
        desk.slide(seed)  # another slide's workdir is told before anything is served
        local = host in LOOPBACK
        own = workdir / seed_folder("SEED") if workdir else None
        offer = Offer(
            scales([(s.height, s.width, s.mpp) for s in asked.path], asked.height, asked.width),
            seed,
            {k: v for k, v in asked.described.items() if k not in ("seed", "drawing")}
            | {"half": half},
            whole_slide(named | {"half": given_half}, own) if local else "",
        )
        token = None if local else secrets.token_urlsafe(12)
        app = explore_app(stack.enter_context(desk.at_work()), offer, token)
        if overview := offer.piece(seed, "0/0_0"):
            desk.ask("start", [overview])  # it is drawn while the browser opens
        if host in EVERYWHERE:
            click.echo(f"for others: put this machine's name or address in place of {host}")
        run_server(app, host, port, path=f"/{token}/" if token else "/", open_browser=browser)


def whole_slide(given: dict[str, Any], workdir: Path | None) -> str:
    """The command that makes the whole slide that is seen, with SEED for its seed; to be pasted in any folder."""
    words = ["wsigen", "generate", "slide_SEED.tiff", "--seed", "SEED"]
    for option in click.get_current_context().command.params:
        name = option.name or ""
        value = given.get(name, option.default)
        if name in NOT_OF_THE_SLIDE or value is None or value == option.default:
            continue
        if isinstance(option, click.Option) and option.is_flag:
            words.append(option.opts[0] if value else option.secondary_opts[0])
        else:
            if name == "model" and Path(value).is_file():  # no name
                value = Path(value).absolute()
            value = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [option.opts[0], value]
    if workdir:
        words += ["--workdir", str(workdir.absolute())]
    return shlex.join(words)
