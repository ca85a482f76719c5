"""``python -m wsigen`` is ``wsigen``."""

from wsigen.cli.main import main

main()
