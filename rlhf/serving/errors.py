"""What a client is told when it cannot be served."""


class ServingError(Exception):
    """An answer other than 200; `status` is HTTP's, `kind` and `code` are OpenAI's words."""

    status = 500
    kind = "server_error"
    code = "internal_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param

    def as_json(self) -> dict[str, dict[str, str | None]]:
        return {
            "error": {
                "message": str(self),
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }


class InvalidRequest(ServingError):
    """The request is malformed or asks for what this server does not do."""

    status = 400
    kind = "invalid_request_error"
    code = "invalid_value"


class PromptTooLong(InvalidRequest):
    code = "context_length_exceeded"


class UnknownModel(ServingError):
    status = 404
    kind = "invalid_request_error"
    code = "model_not_found"


class Busy(ServingError):
    """Every place is taken and the queue is full."""

    status = 429
    kind = "rate_limit_error"
    code = "queue_full"


class CannotServe(ServingError):
    """The model's folder cannot be loaded, or generation failed."""

    status = 500
    code = "model_failed"
