"""The models that ship, each with its record (.json) and its model card (.md)."""

DEFAULT_MODEL = "small-3"  # what every verb and experiment loads unless told otherwise
RETIRED = {  # what left the package, and a commit that still has it: old results name it
    "small": "705cf1417bf78bc66746445736145da911f3532d",
    "small-2": "5ca215d16871d805f35fb3302c1cfbdee3bdcac0",
}
