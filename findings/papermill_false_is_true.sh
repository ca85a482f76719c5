#!/usr/bin/env bash
# papermill hands `-p fill false` on as a text, which is true.
#
# `-p` knows True, False and None as Python spells them, and makes a number of what Python's `int` or `float` take, so
# that the slide 17_0042 loses its underscore. In the YAML that `-y` takes, 1e-4 is no number. One expects false in
# either spelling or an error, the same number from both options, and names as they were given. A tuple that a program
# hands on comes as a text as well. None of it is warned of.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    papermill==2.7.0 nbformat==5.11.1 nbclient==0.11.0 click==8.5.1 pyyaml==6.0.3 tqdm==4.70.1 requests==2.34.2 \
    urllib3==2.8.0 idna==3.20 certifi==2026.10.18 charset-normalizer==3.5.2 entrypoints==0.4.2 tenacity==9.2.1 \
    fastjsonschema==2.22.3 jsonschema==4.26.0 jsonschema-specifications==2025.9.1 referencing==0.37.0 \
    rpds-py==2026.9.1 attrs==26.1.0 traitlets==5.16.1 jupyter-client==8.10.0 jupyter-core==5.9.1 \
    platformdirs==4.14.7 pyzmq==27.3.0 tornado==6.6.1 python-dateutil==4.0.0 typing-extensions==4.16.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import subprocess
import sys
from importlib.metadata import version

import nbformat
import papermill

NOTEBOOK = nbformat.v4.new_notebook(
    cells=[
        nbformat.v4.new_code_cell(
            "fill = None\nrate = None\nslide = None\nsize = None", metadata={"tags": ["parameters"]}
        )
    ],
    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
)
nbformat.write(NOTEBOOK, "plain.ipynb")


def value(name: str) -> object:
    """What a notebook that papermill has prepared computes with."""
    names: dict[str, object] = {}
    for cell in nbformat.read("told.ipynb", as_version=4).cells:
        exec(cell.source, names)
    return names[name]


expected = {
    "-p fill False": False,
    "-p fill false": False,
    "-y {fill: false}": False,
    "-p rate 1e-4": 0.0001,
    "-y {rate: 1e-4}": 0.0001,
    "-p slide 17_0042": "17_0042",
}
seen = {}
for words in expected:
    option, told = words.split(maxsplit=1)
    told = told.split() if option == "-p" else [told]
    command = [sys.executable, "-S", "-m", "papermill", "plain.ipynb", "told.ipynb"]
    subprocess.run([*command, "--prepare-only", option, *told], check=True, capture_output=True)
    seen[words] = value(told[0].strip("{").split(":")[0])
papermill.execute_notebook(
    "plain.ipynb", "told.ipynb", {"size": (256, 512)}, prepare_only=True, progress_bar=False
)
expected["size=(256, 512)"] = (256, 512)
seen["size=(256, 512)"] = value("size")

recorded = {
    **expected,
    "-p fill false": "false",
    "-y {rate: 1e-4}": "1e-4",
    "-p slide 17_0042": 170042,
    "size=(256, 512)": "(256, 512)",
}
print("version:  papermill", version("papermill"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
