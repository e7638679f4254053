"""A gRPC server, and a client that asks it through a proxy. Messages are bytes, so no code is generated.

grpc_peers.py server            prints its port, and serves until its input ends
grpc_peers.py client PORT       asks without TLS
grpc_peers.py client PORT PEM   asks a.test by TLS, trusting this certificate
"""

import sys
import threading
from concurrent import futures

import grpc

cancelled = threading.Event()


def echo(request, context):
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-seen", metadata.get("x-sent", "")),))
    context.set_trailing_metadata((("x-last", "1"), ("x-bytes-bin", b"\x00\xff")))
    return request


def chat(requests, context):
    for request in requests:
        yield b"re: " + request


def fail(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: 오늘")


def hang(request, context):
    context.add_callback(cancelled.set)
    cancelled.wait(20)
    return b""


def was_cancelled(request, context):
    return b"yes" if cancelled.wait(20) else b"no"


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    unary = grpc.unary_unary_rpc_method_handler
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Test", {
        "Echo": unary(echo),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
        "Fail": unary(fail),
        "Hang": unary(hang),
        "WasCancelled": unary(was_cancelled),
    }),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None)


def ask(channel):
    unary = lambda name: channel.unary_unary("/test.Test/" + name)
    answer, call = unary("Echo").with_call(b"hello", metadata=(("x-sent", "1"),), timeout=20)
    assert answer == b"hello", answer
    assert dict(call.initial_metadata())["x-seen"] == "1", call.initial_metadata()
    trailing = dict(call.trailing_metadata())
    assert (trailing["x-last"], trailing["x-bytes-bin"]) == ("1", b"\x00\xff"), trailing

    large = bytes(range(256)) * 12000
    assert unary("Echo")(large, timeout=20) == large

    # Each message is answered before the next is sent.
    answered = threading.Semaphore(1)
    def messages():
        for number in range(50):
            assert answered.acquire(timeout=20)
            yield b"%d" % number
    count = 0
    for answer in channel.stream_stream("/test.Test/Chat")(messages(), timeout=20):
        assert answer == b"re: %d" % count, answer
        count += 1
        answered.release()
    assert count == 50, count

    try:
        unary("Fail")(b"", timeout=20)
        raise AssertionError("it did not fail")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
        assert error.details() == "not today: 오늘", error

    try:
        unary("Hang")(b"", timeout=0.2)
        raise AssertionError("it came back")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    assert unary("WasCancelled")(b"", timeout=20) == b"yes"


if sys.argv[1] == "server":
    serve()
elif len(sys.argv) == 3:
    with grpc.insecure_channel("127.0.0.1:" + sys.argv[2], options=(("grpc.default_authority", "a.test"),)) as channel:
        ask(channel)
else:
    credentials = grpc.ssl_channel_credentials(open(sys.argv[3], "rb").read())
    options = (("grpc.ssl_target_name_override", "a.test"), ("grpc.default_authority", "a.test"))
    with grpc.secure_channel("127.0.0.1:" + sys.argv[2], credentials, options) as channel:
        ask(channel)
