// Answers every request with a greeting; a body that was sent comes back.
import {
  Fields,
  IncomingBody,
  OutgoingBody,
  OutgoingResponse,
  ResponseOutparam,
} from "wasi:http/types@0.2.12";

const encoder = new TextEncoder();

export const incomingHandler = {
  handle(request, out) {
    const path = request.pathWithQuery() ?? "/";
    const echo = request.method().tag === "post";
    const response = new OutgoingResponse(Fields.fromList([["content-type", encoder.encode("text/plain; charset=utf-8")]]));
    const body = response.body();
    ResponseOutparam.set(out, { tag: "ok", val: response });
    const stream = body.write();
    if (echo) {
      copy(request, stream);
    } else {
      stream.blockingWriteAndFlush(encoder.encode(`Hello from JavaScript, ${path}\n`));
    }
    stream[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
  },
};

// Streams the request's body into the response, a piece at a time.
function copy(request, to) {
  const body = request.consume();
  const from = body.stream();
  for (;;) {
    let piece;
    try {
      piece = from.blockingRead(4096n);
    } catch (error) {
      if (error.payload?.tag === "closed" || error.tag === "closed") break;
      throw error;
    }
    to.blockingWriteAndFlush(piece);
  }
  from[Symbol.dispose]();
  IncomingBody.finish(body);
}
