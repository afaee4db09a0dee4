"""Why the solver says nothing. Inside the worker only: outside it is an abstention."""


class NotSolved(Exception):
    """The message says why, in a few words for people, and holds nothing of the question."""


class NotUnderstood(NotSolved):
    """The words or their order are none that the grammar knows."""


class TooLarge(NotSolved):
    """Understood, but the work or the answer is beyond what is reasonable."""


class NoAnswer(NotSolved):
    """Understood, but there is no answer, or more than one."""
