"""One error type for everything a user can put right."""


class WsigenError(Exception):
    """A mistake in the input, told in one line: what was found, what was expected, what to do.

    The command line prints the line and exits with code 2; a library caller catches it.
    """
