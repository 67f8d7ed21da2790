"""Floe's errors as Python exceptions."""

import re


class FloeError(Exception):
    """What went wrong: `code` is stable, e.g. "NO_SUCH_TABLE" (include/floe/floe.h)."""

    def __init__(self, message, code="INTERNAL", retryable=False):
        super().__init__(message)
        self.code = code
        self.retryable = retryable

    def __reduce__(self):
        return type(self), (str(self), self.code, self.retryable)


class FloeInputError(FloeError, ValueError):
    """The request or a name in it is wrong."""


class FloeConfigError(FloeError):
    """A key of the configuration is unknown, missing or has a wrong value. No ValueError:
    pydantic would wrap it, and show the whole input beside it."""


class FloeNotFoundError(FloeError, LookupError):
    """A table, namespace, snapshot or file that does not exist."""


class FloeTimeoutError(FloeError, TimeoutError):
    """The deadline passed before the answer was there."""


class FloePermissionError(FloeError, PermissionError):
    """The catalog or the store refused access."""


class FloeNotSupportedError(FloeError, NotImplementedError):
    """Something this version of Floe does not do."""


_CLASS_OF_CODE = {
    "INVALID_ARGUMENT": FloeInputError,
    "INVALID_CONFIG": FloeConfigError,
    "NO_SUCH_COLUMN": FloeInputError,
    "ALREADY_EXISTS": FloeInputError,
    "NO_SUCH_NAMESPACE": FloeNotFoundError,
    "NO_SUCH_TABLE": FloeNotFoundError,
    "NO_SUCH_SNAPSHOT": FloeNotFoundError,
    "NO_SUCH_FILE": FloeNotFoundError,
    "DEADLINE_EXCEEDED": FloeTimeoutError,
    "NOT_AUTHORIZED": FloePermissionError,
    "NOT_SUPPORTED": FloeNotSupportedError,
}

# How a stream of the C interface words an error: "<Arrow's kind>: CODE: message".
_STREAM_ERROR = re.compile(r"(?:^|: )\[([A-Z_]+)\] (.*)\Z", re.DOTALL)


def make_error(code, message, retryable=False):
    """The exception of the class that fits a code of the C interface."""
    return _CLASS_OF_CODE.get(code, FloeError)(message, code, retryable)


def from_stream_error(error):
    """The exception a stream of Floe's meant, where Arrow raised `error` while reading;
    `error` itself where it was not Floe's."""
    match = _STREAM_ERROR.search(str(error))
    return make_error(match[1], match[2]) if match else error
