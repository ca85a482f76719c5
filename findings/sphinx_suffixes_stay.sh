#!/usr/bin/env bash
# A source suffix that one Sphinx build registers is known to the next build of the same process.
#
# An extension says which files are pages by `app.add_source_suffix`, and one expects that to hold for its own build.
# But the suffix is written into the default of the setting `source_suffix`, a dict that all builds share. So a project
# with a bare configuration, built after another one, takes up files that it would leave alone when built first. Tests
# that build several projects depend on their order. A `conf.py` that sets `source_suffix` itself is safe.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    sphinx==7.4.7 alabaster==0.7.16 babel==2.18.0 certifi==2026.10.18 charset-normalizer==3.5.2 docutils==0.21.2 \
    idna==3.20 imagesize==2.0.1 jinja2==3.1.6 markupsafe==3.0.4 packaging==26.3 pygments==2.21.0 requests==2.34.2 \
    snowballstemmer==3.1.1 sphinxcontrib-applehelp==2.0.0 sphinxcontrib-devhelp==2.0.0 sphinxcontrib-htmlhelp==2.1.0 \
    sphinxcontrib-jsmath==2.0.0 sphinxcontrib-qthelp==2.0.0 sphinxcontrib-serializinghtml==2.0.0 urllib3==2.8.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

from sphinx.application import Sphinx


def pages(name: str, conf: str) -> list[str]:
    """Build a project with two files, of which only index.rst is a page by default; the pages that were found."""
    folder = Path(name).resolve()
    folder.mkdir()
    (folder / "conf.py").write_text(conf)
    (folder / "index.rst").write_text("Index\n=====\n")
    (folder / "draft.note").write_text(":orphan:\n\nDraft\n=====\n")
    app = Sphinx(
        folder, folder, folder / "out", folder / "trees", "dummy", status=None, warning=None
    )
    app.build()
    return sorted(app.env.found_docs)


bare = pages("first", "")
pages("other", "def setup(app):\n    app.add_source_suffix('.note', 'restructuredtext')\n")
again = pages("second", "")

seen = (bare, again)
expected = (["index"], ["index"])
recorded = (["index"], ["draft", "index"])
print("version:  sphinx", version("sphinx"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
