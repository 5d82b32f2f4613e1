"""The one family of exceptions. Findings are results; these are for us."""


class TidewaiterError(Exception):
    """Root of all errors raised by Tidewaiter.

    `code` names the kind for machines, `detail` says what happened in this
    case, `hint` says what the reader can do about it.
    """

    code = "tidewaiter.error"

    def __init__(self, detail: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.place = place


class UnavailableError(TidewaiterError):
    """What it takes is not at hand now (a database that does not answer, a transaction that another one crossed).

    Nothing is wrong with what was asked: the same may be tried again as it is.
    """

    code = "unavailable"


class NotInForceError(TidewaiterError):
    """No law, rate or code is known for the legal day asked for; never taken as zero."""

    code = "law.not_in_force"


class LawDataError(TidewaiterError):
    """A file of law data is malformed: unknown key, duplicate key, missing source."""

    code = "law.malformed"


class InvalidIdentifierError(TidewaiterError):
    """A text is not an identifier of the kind it was parsed as."""

    code = "identifier.invalid"


class MessageError(TidewaiterError):
    """A message as a whole cannot be read; no declaration could be taken from it."""

    code = "message.unreadable"


class LimitExceededError(MessageError):
    """A documented limit on what comes from outside was passed."""

    code = "message.limit"


class TransitionError(TidewaiterError):
    """The declaration's state does not allow what was asked."""

    code = "declaration.transition"


class ConflictError(TidewaiterError):
    """The same key was used before for other content."""

    code = "submission.conflict"


class NotFoundError(TidewaiterError):
    """Nothing is kept under this identifier."""

    code = "not_found"


class ReplayError(TidewaiterError):
    """A decision cannot be run again from what was kept."""

    code = "decision.replay"
