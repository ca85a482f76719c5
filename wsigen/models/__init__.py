"""The models that ship, each with its record (.json) and its model card (.md)."""

DEFAULT_MODEL = "small-2"  # what every verb and experiment loads unless told otherwise
