"""wsigen study: do experts take the slides for real?"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from wsigen.cli.finite import FINITE, Finite
from wsigen.cli.sheet import FILE, FOLDER, read, sheet

LOCAL_URL = "http://127.0.0.1:8000"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@contextmanager
def study_extra() -> Iterator[None]:
    """Imports that need the extra `study`, told in one line where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        from wsigen.errors import WsigenError

        raise WsigenError(
            f"{error.name} is not installed; run `pip install 'wsigen[study]'` in this environment"
        ) from error


@click.group()
def study() -> None:
    """Show real and synthetic slides to readers and analyse their ratings.

    \b
    Examples:
      wsigen study create trial --real scans --synthetic generated --n 20
      wsigen study invite trial anna ben
      wsigen study serve trial
      wsigen study report trial
    """


study.add_command(sheet)
study.add_command(read)


@study.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--real", required=True, type=click.Path(path_type=Path), help="Folder or cohort.csv."
)
@click.option(
    "--synthetic", required=True, type=click.Path(path_type=Path), help="Folder or cohort.csv."
)
@click.option("--n", type=int, default=20, show_default=True, help="Slides of each class.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Choice and orders."
)
@click.option("--mpp", type=FINITE, help="um/px of all slides; by default 1.1 times the coarsest.")
@click.option("--height", type=int, help="Pixels; by default what fits into every slide.")
@click.option("--width", type=int, help="Pixels; by default what fits into every slide.")
@click.option("--tile-px", type=int, default=256, show_default=True, help="Side of a tile.")
@click.option(
    "--quality", type=click.IntRange(1, 100), default=90, show_default=True, help="Of JPEG."
)
@click.option("--key", type=FILE, help="Where the labels go; by default DIR/key.csv.")
@click.option(
    "--allow-phantoms", is_flag=True, help="Let slides of wsigen phantom stand for real ones."
)
def create(
    folder: Path,
    real: Path,
    synthetic: Path,
    n: int,
    seed: int,
    mpp: float | None,
    height: int | None,
    width: int | None,
    tile_px: int,
    quality: int,
    key: Path | None,
    allow_phantoms: bool,
) -> None:
    """Make a study in DIR: all slides written anew in one format, the labels in a key file.

    One more slide of each class is drawn for practice. Slides that cannot be read are left out with a message.

    \b
    Examples:
      wsigen study create trial --real scans --synthetic generated --n 20
      wsigen study create rehearsal --real phantoms --synthetic generated --n 10 --allow-phantoms
    """
    from wsigen.study.design import KEY, create_study, load_study

    steps = create_study(
        folder,
        real=real,
        synthetic=synthetic,
        n=n,
        seed=seed,
        mpp=mpp,
        height=height,
        width=width,
        tile_px=tile_px,
        quality=quality,
        key=key,
        allow_phantoms=allow_phantoms,
    )
    for step in steps:
        if step.skipped:
            click.echo(f"left out: {step.skipped}", err=True)
        else:
            click.echo(f"slide {step.done} of {step.total}", err=True)
    made = load_study(folder)
    click.echo(
        f"{folder}: {n} real and {n} synthetic slides of {made.height} x {made.width} px at {made.mpp:g} um/px, "
        f"and {len(made.practice)} for practice"
    )
    click.echo(
        f"labels: {key or folder / KEY}; the server never opens it, so it may be kept elsewhere"
    )
    click.echo(f"next: wsigen study invite {folder} NAME...")


@study.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--url",
    default=LOCAL_URL,
    show_default=True,
    help="Where readers find the server.",
)
def invite(folder: Path, names: tuple[str, ...], url: str) -> None:
    """Print one secret link per reader; a name invited again gets a new link in place of the old one.

    Use pseudonyms if the ratings shall not name people.
    """
    from wsigen.errors import WsigenError
    from wsigen.study.design import RATINGS, load_study
    from wsigen.study.store import Store

    if not re.fullmatch(r"https?://[^/\s]\S*", url, re.IGNORECASE):
        raise WsigenError(
            f"--url is {url!r}; expected http:// or https:// and the server's name, as in {LOCAL_URL}"
        )
    load_study(folder)
    store = Store(folder / RATINGS, create=True)
    for name in names:
        click.echo(f"{name}\t{url.rstrip('/')}/r/{store.invite(name)}")


@study.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def revoke(folder: Path, names: tuple[str, ...]) -> None:
    """Make the links of readers worthless at once; their ratings stay."""
    from wsigen.study.design import RATINGS
    from wsigen.study.store import Store

    store = Store(folder / RATINGS)
    for name in names:
        store.revoke(name)
        click.echo(f"{name}: link revoked")


@study.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
def readers(folder: Path) -> None:
    """List the readers and how far each has come."""
    from wsigen.study.design import RATINGS, load_study
    from wsigen.study.store import Store

    made, store = load_study(folder), Store(folder / RATINGS)
    for number, name, revoked in store.readers():
        rated = max(0, store.state(number).position - 1 - len(made.practice))
        click.echo(
            f"{name}\t{rated} of {len(made.slides)} rated{', link revoked' if revoked else ''}"
        )


@study.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--tls-cert", type=FILE, help="Certificate (PEM), to serve https.")
@click.option("--tls-key", type=FILE, help="Its private key (PEM).")
def serve(folder: Path, host: str, port: int, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Serve the study in DIR until Ctrl-C. Everything comes from this machine; it works offline."""
    from wsigen.errors import WsigenError

    with study_extra():
        from wsigen.study.app import study_app
        from wsigen.study.serve import run_server

    if (tls_cert is None) != (tls_key is None):
        raise WsigenError("--tls-cert and --tls-key belong together; give both or neither")
    app = study_app(folder)
    if host not in LOOPBACK and tls_cert is None:
        click.echo(
            f"warning: {host} can be reached by others, and without TLS the secret links cross the network in clear. "
            "Give --tls-cert and --tls-key, or keep --host 127.0.0.1 and put a TLS proxy such as Caddy in front "
            f"(caddy reverse-proxy --from study.example.org --to 127.0.0.1:{port}).",
            err=True,
        )
    run_server(app, host, port, tls_cert=tls_cert, tls_key=tls_key)


@study.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--csv", is_flag=True, expose_value=False, help="As CSV, the only format so far.")
@click.option(
    "--steps", is_flag=True, help="Every step, without labels, instead of the final ratings."
)
@click.option("--key", type=FILE, help="The key, by default DIR/key.csv.")
@click.option("--out", type=FILE, help="A file instead.")
@click.option("--overwrite", is_flag=True, help="Replace the file of --out.")
def export(folder: Path, steps: bool, key: Path | None, out: Path | None, overwrite: bool) -> None:
    """Print the final ratings with their labels, one row per reader and slide."""
    from wsigen.outputs import check_file, whole
    from wsigen.study.design import KEY, OWN, RATINGS, read_key
    from wsigen.study.ratings import final_ratings, write_csv
    from wsigen.study.store import Store

    if out is not None:
        check_file(
            out,
            overwrite=overwrite,
            apart_from=[key or folder / KEY, *(folder / name for name in OWN)],
        )
    rows = Store(folder / RATINGS).steps()
    if not steps:
        rows = final_ratings(rows, read_key(key or folder / KEY))
    if out is None:
        write_csv(rows, sys.stdout)
        return
    with whole(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        write_csv(rows, file)


@study.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--key", type=FILE, help="The key, by default DIR/key.csv.")
@click.option(
    "--margin",
    type=Finite(0, 0.5),
    default=0.1,
    show_default=True,
    help="Of equivalence.",
)
@click.option("--out", type=FOLDER, help="Where the report goes, by default DIR/report.")
def report(folder: Path, key: Path | None, margin: float, out: Path | None) -> None:
    """Analyse the ratings: Fig. 8, and how well each reader and all together tell real from synthetic.

    --margin is how far from 0.5 the mean AUC may lie and still count as chance.
    """
    with study_extra():
        from wsigen.study.design import REPORT
        from wsigen.study.report import write_report

    text = write_report(folder, out or folder / REPORT, key=key, margin=margin)
    click.echo(text)
