"""What stops a rehearsal; one class, because whoever starts one can only read the sentence."""


class RehearsalError(Exception):
    """A rehearsal that cannot go on. The message says what is wrong and what to do next."""
