"""The command line: one file per verb, and `wsigen.cli.main` that finds them."""
