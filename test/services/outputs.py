"""Collects all that a failure says, to look for secrets in it."""

import io
import logging
import traceback

OTHERS = ("boto", "urllib3")


class Outputs:
    """Everything said while it is active: logs of all levels, exceptions in full, and what
    is noted. A context manager; capture of stdout and stderr is the caller's."""

    def __init__(self):
        self._text = io.StringIO()
        self._handler = logging.StreamHandler(self._text)
        # The servers' own set-up speaks through boto3, which logs what it is answered.
        self._handler.addFilter(lambda record: not record.name.startswith(OTHERS))

    def __enter__(self):
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self._handler)
        return self

    def __exit__(self, *_):
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level)

    def note(self, *things):
        """Texts, or anything whose str and repr count."""
        for thing in things:
            print(thing, repr(thing), file=self._text)
            if isinstance(thing, BaseException):
                traceback.print_exception(thing, file=self._text)
                print(vars(thing), file=self._text)

    def text(self):
        return self._text.getvalue()


def secrets_in(text, secrets):
    """Those of the secrets that the text holds, by their last four characters."""
    return [f"...{secret[-4:]}" for secret in secrets if secret and secret in text]
