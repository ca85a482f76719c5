"""The lecture as a deck of slides: Markdown and the book's figures in, one folder out that opens from the file.

    python -m bookkit.lecture            writes _build/lecture/index.html

A figure is named as in the chapters, ``![](one_slide)``; its words for those who cannot see it are those that it has
there. Slides are parted by ``---``, what follows ``Note:`` is for the speaker. reveal.js comes from npm by
package-lock.json, and MathJax as the book has it; the deck asks no other machine for anything.
"""

import html
import re
import shutil
import sys
from pathlib import Path

from bookkit.places import ROOT
from wsigen.errors import WsigenError

SOURCE = ROOT / "book" / "lecture" / "slides.txt"
FIGURES, CHAPTERS = ROOT / "book" / "figures", ROOT / "book" / "chapters"
OUT = ROOT / "_build" / "lecture"
REVEAL = ROOT / "node_modules" / "reveal.js"
PARTS = ("reveal.css", "reveal.js", "theme/white.css", "plugin/markdown.js", "plugin/notes.js")
MATHJAX = ROOT / "node_modules" / "mathjax" / "es5" / "tex-svg-full.js"
IMAGE = re.compile(r"!\[\]\((\w+)\)")
FIGURE = re.compile(r"```\{figure\} \.\./figures/(\w+\.(?:png|jpg))\n(?::(?!alt).*\n)*:alt: (.+)\n")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="reveal/reveal.css">
<link rel="stylesheet" href="reveal/theme/white.css">
<style>
.reveal {{ font-family: system-ui, sans-serif; font-size: 30px; }}
.reveal h1, .reveal h2 {{ font-family: inherit; text-transform: none; letter-spacing: 0; color: #1a2733; }}
.reveal section img {{ max-width: 100%; max-height: 400px; margin: 0; }}
</style>
</head>
<body>
<div class="reveal"><div class="slides">
<section data-markdown data-separator="^\\n---\\n$" data-separator-notes="^Note:">
<textarea data-template>
{slides}
</textarea>
</section>
</div></div>
<script src="reveal/reveal.js"></script>
<script src="reveal/plugin/markdown.js"></script>
<script src="reveal/plugin/notes.js"></script>
<script>
Reveal.initialize({{ hash: true, width: 1120, plugins: [RevealMarkdown, RevealNotes] }}).then(() => {{
  const script = document.createElement("script");
  script.src = "mathjax.js";
  document.head.append(script);
}});
</script>
</body>
</html>
"""


def known_figures() -> dict[str, tuple[str, str]]:
    """The file of each figure of the chapters, and what it shows in words."""
    pages = (path.read_text("utf-8") for path in sorted(CHAPTERS.glob("*.md")))
    found = {Path(file).stem: (file, alt) for page in pages for file, alt in FIGURE.findall(page)}
    return found | {"zoom": ("zoom.jpg", "One generated place at ten scales.")}


def deck(source: str) -> tuple[str, list[str]]:
    """The slides with figures in place, and the files of the figures.

    Raises:
        WsigenError: a figure that no chapter shows.
    """
    known, names = known_figures(), IMAGE.findall(source)
    for name in names:
        if name not in known or not (FIGURES / known[name][0]).is_file():
            raise WsigenError(
                f"{SOURCE.name}: no figure {name!r} in the chapters; name one that is there"
            )

    def shown(match: re.Match[str]) -> str:
        file, alt = known[match[1]]
        return f'<img src="figures/{file}" alt="{html.escape(alt.strip(), quote=True)}">'

    # Markdown would read a formula's underscores and stars as emphasis: in a paragraph of HTML it does not look.
    formulas = re.sub(r"^\$\$(.+)\$\$$", r"<p>\\[\1\\]</p>", source, flags=re.M)
    return IMAGE.sub(shown, formulas), [known[name][0] for name in names]


def write(out: Path = OUT) -> Path:
    """Write the deck and all that it needs."""
    if not (REVEAL / "dist" / "reveal.js").is_file() or not MATHJAX.is_file():
        raise WsigenError(
            "reveal.js is not installed; run `npm ci --ignore-scripts` or make lecture"
        )
    text = SOURCE.read_text("utf-8")
    slides, files = deck(text)
    shutil.rmtree(out, ignore_errors=True)
    for part in PARTS:
        (out / "reveal" / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REVEAL / "dist" / part, out / "reveal" / part)
    shutil.copy(REVEAL / "LICENSE", out / "reveal" / "LICENSE")
    shutil.copy(MATHJAX, out / "mathjax.js")
    (out / "figures").mkdir()
    for file in files:
        shutil.copy(FIGURES / file, out / "figures")
    title = text.splitlines()[0].removeprefix("# ")
    (out / "index.html").write_text(PAGE.format(title=title, slides=slides), "utf-8")
    return out / "index.html"


if __name__ == "__main__":
    try:
        print(write())
    except WsigenError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
