"""Every error that Rung raises on purpose.

RungError
├── RequestError            the caller can mend it
│   ├── BadRequest              400
│   │   ├── TooLong                 400  no rung has a context that holds it
│   │   └── Unsupported             400  no rung can do what it needs
│   ├── Unauthorized            401
│   ├── Forbidden               403  a browser's page from elsewhere
│   ├── UnknownModel            404
│   ├── UnknownDecision         404
│   ├── UnknownTask             404
│   ├── UnknownPath             404
│   ├── WrongMethod             405
│   └── BodyTooLarge            413
├── Refused                 we could not; asking later may help
│   ├── Busy                    429
│   ├── NotReady                503
│   ├── AllFailed               502  every option was tried
│   └── DeadlineExceeded        504
├── ReasonerError           one reasoner did not answer: a fact for the climb, seldom seen by a caller
│   ├── Abstained               it knows that it cannot
│   ├── Unavailable             not warm, crashed, unreachable
│   │   ├── Unable                  for good: this machine has not what it needs
│   │   └── Disconnected            a kept connection had been closed at the other end
│   ├── TimedOut                connect, first token, between chunks, or total
│   ├── Upstream                it answered with an error of its own
│   │   └── UpstreamRefusedRequest  4xx: the request, not the server, is at fault
│   │       └── ContextExceeded         it is longer than the reasoner's context
│   ├── RateLimited             429, with the seconds to wait
│   ├── Overloaded              its lane is full, or too slow for the deadline, with the seconds to wait
│   └── Malformed               it answered what cannot be read
├── ConfigError             rung.yaml or the environment is wrong
├── WeightsError            a model file could not be had, or is not the pinned one
└── LedgerError             the ledger could not write
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar, Self

from rung.types import NOTHING_SPENT, Usage


class RungError(Exception):
    """`status` is the HTTP status, `type` and `code` OpenAI's names, `param` the request's field at fault; `usage` what
    was spent all the same, where that is told."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str | None = None
    usage: Usage = NOTHING_SPENT

    def __init__(self, message: str, *, param: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s

    def spending(self, usage: Usage) -> Self:
        """Its like that tells `usage`: itself it may have befallen several requests, as a batch."""
        own = type(self).__new__(type(self), *self.args)
        own.__dict__.update(self.__dict__, usage=usage)
        own.__cause__ = self.__cause__
        return own.with_traceback(self.__traceback__)


class RequestError(RungError):
    status = 400
    type = "invalid_request_error"


class BadRequest(RequestError):
    pass


class TooLong(BadRequest):
    code = "context_length_exceeded"


class Unsupported(BadRequest):
    code = "unsupported"


class Unauthorized(RequestError):
    status = 401
    code = "invalid_api_key"


class Forbidden(RequestError):
    status = 403
    code = "forbidden"


class UnknownModel(RequestError):
    status = 404
    code = "model_not_found"


class UnknownDecision(RequestError):
    status = 404
    code = "decision_not_found"


class UnknownTask(RequestError):
    status = 404
    code = "task_not_found"


class UnknownPath(RequestError):
    status = 404
    code = "unknown_url"


class WrongMethod(RequestError):
    status = 405
    code = "method_not_allowed"


class BodyTooLarge(RequestError):
    status = 413
    code = "body_too_large"


class Refused(RungError):
    status = 503


class Busy(Refused):
    status = 429
    type = "rate_limit_error"
    code = "busy"


class NotReady(Refused):
    code = "not_ready"


class AllFailed(Refused):
    status = 502
    code = "all_reasoners_failed"


class DeadlineExceeded(Refused):
    status = 504
    code = "deadline_exceeded"


class ReasonerError(RungError):
    status = 502

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        usage: Usage = NOTHING_SPENT,
    ) -> None:
        super().__init__(message, param=param, retry_after_s=retry_after_s)
        self.usage = usage


class Abstained(ReasonerError):
    status = 422
    code = "abstained"


class Unavailable(ReasonerError):
    status = 503
    code = "reasoner_unavailable"


class Unable(Unavailable):
    pass


class Disconnected(Unavailable):
    """A connection that was kept for the next call had been closed at the other end: it says nothing of the server, and
    the same call may do well on a new one."""


class TimedOut(ReasonerError):
    status = 504
    code = "reasoner_timed_out"


class Upstream(ReasonerError):
    code = "upstream_error"

    def __init__(
        self, message: str, *, upstream_status: int = 0, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, param=param)
        self.upstream_status = upstream_status
        if code is not None:
            self.code = code  # the upstream's own


class UpstreamRefusedRequest(Upstream):
    status = 400
    type = "invalid_request_error"


class ContextExceeded(UpstreamRefusedRequest):
    code = "context_length_exceeded"


class RateLimited(ReasonerError):
    status = 429
    type = "rate_limit_error"
    code = "rate_limited"


class Overloaded(ReasonerError):
    status = 429
    type = "rate_limit_error"
    code = "overloaded"


class Malformed(ReasonerError):
    code = "malformed_answer"


class ConfigError(RungError):
    pass


class WeightsError(RungError):
    pass


class LedgerError(RungError):
    status = 503
    code = "ledger_unavailable"


def why_unread(error: OSError | UnicodeDecodeError) -> str:
    """Why a file of text could not be read, in words."""
    return "is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "", *, cutoff: float = 0.6) -> str:
    """The hint of a message on a name that is none, to the known one that is nearest if one is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return f"did you mean `{near[0]}`?" if near else otherwise
