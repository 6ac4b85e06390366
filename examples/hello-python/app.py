"""Answers every request with a greeting; a body that was sent comes back."""

from wit_world.exports import IncomingHandler as Handler
from componentize_py_types import Err, Ok
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import (
    Fields,
    IncomingBody,
    IncomingRequest,
    Method_Post,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)


class IncomingHandler(Handler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        response = OutgoingResponse(Fields.from_list([("content-type", b"text/plain; charset=utf-8")]))
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        stream = body.write()
        with stream:
            if isinstance(request.method(), Method_Post):
                copy(request, stream)
            else:
                path = request.path_with_query() or "/"
                stream.blocking_write_and_flush(f"Hello from Python, {path}\n".encode())
        OutgoingBody.finish(body, None)


def copy(request: IncomingRequest, to) -> None:
    """Streams the request's body into the response, a piece at a time."""
    body = request.consume()
    with body.stream() as source:
        while True:
            try:
                piece = source.blocking_read(4096)
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    break
                raise
            to.blocking_write_and_flush(piece)
    IncomingBody.finish(body)
