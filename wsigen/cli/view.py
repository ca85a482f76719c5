"""wsigen view: look at slides in the browser."""

from pathlib import Path

import click


@click.command()
@click.argument(
    "slides", metavar="SLIDE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default a free one.")
@click.option(
    "--browser/--no-browser", default=True, show_default=True, help="Open a browser window."
)
def view(slides: tuple[Path, ...], host: str, port: int, browser: bool) -> None:
    """Look at slides in the browser, side by side where two are given, until Ctrl-C.

    Opens whatever OpenSlide opens, and JPEG and PNG images. The scale bar needs a file that says its scale.

    \b
    Examples:
      wsigen view slide.svs
      wsigen view real.tiff synthetic.tiff
    """
    from wsigen.cli.study import study_extra

    with study_extra():
        from wsigen.study.serve import run_server
        from wsigen.study.view import view_app

    app = view_app(slides)
    run_server(app, host, port, open_browser=browser)
