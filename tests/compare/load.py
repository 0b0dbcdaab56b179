"""Callers: mails and webhooks, each caller one after the other on a line of its own, until all have been said once."""

import socket
import threading
import time
import urllib.parse


def each(work, numbers, callers):
    """`work(caller, number)` for every number, by so many callers at once. The seconds of all, and of each. The first error ends it."""
    waiting, lock, took, problems = iter(numbers), threading.Lock(), [], []

    def call(caller):
        while not problems:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            began = time.perf_counter()
            try:
                work(caller, number)
            except Exception as problem:  # whatever it is, the caller below is told
                problems.append(problem)
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=call, args=(caller,)) for caller in range(callers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return time.perf_counter() - began, sorted(took)


class Line:
    """One connection that stays. The requests are made before the clock runs, so that a caller costs next to nothing."""

    def __init__(self, url):
        self.at = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((self.at.hostname, self.at.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, request):
        self.socket.sendall(request)
        answer = self.socket.recv(65536)
        while b"\r\n\r\n" not in answer:
            more = self.socket.recv(65536)
            if not more:
                raise RuntimeError("the line was cut")
            answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        length = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while length and len(body) < int(length[0]):
            body += self.socket.recv(65536)
        status = int(head.split(b" ", 2)[1])
        if not 200 <= status < 300:
            raise RuntimeError(f"answered {status}")


def request(url, signed):
    """A signed webhook as bytes."""
    at, (signature, body) = urllib.parse.urlsplit(url), signed
    body = body.encode()
    head = f"POST {at.path} HTTP/1.1\r\nhost: {at.netloc}\r\ncontent-type: application/json\r\nx-hub-signature-256: {signature}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def webhooks(url, signed, callers):
    """Every webhook once. The seconds of all, and of each."""
    requests = [request(url, one) for one in signed]
    lines = [Line(url) for _ in range(callers)]
    return each(lambda caller, made: lines[caller].post(made), requests, callers)


def percentile(took, share):
    """In milliseconds."""
    return took[min(int(len(took) * share / 100), len(took) - 1)] * 1000
