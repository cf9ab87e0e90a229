"""As much of HTTP/1.1 and of Redis's protocol as the measurements need, over blocking sockets.

Always true here: an answer is complete or an error; nothing waits for more than `PATIENCE` seconds. Used by the lab, and by
whatever times single round trips.
"""
import json, socket

PATIENCE = 60.0
PIECE = 1 << 16


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connected(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Http:
    """One connection, one request under way at a time."""

    def __init__(self, url):
        self.socket = connected(int(url.rsplit(":", 1)[1]))

    def get(self, path):
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: rolegate\r\n\r\n".encode())

    def ask(self, request):
        self.send(request)
        return self.answer()

    def send(self, request):
        self.socket.sendall(request)

    def answer(self):
        """Status and body."""
        received = self._more()
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, body = received.split(b"\r\n\r\n", 1)
        fields = head.lower()
        at = fields.index(b"content-length:") + len(b"content-length:")
        length = int(fields[at:].split(b"\r\n", 1)[0])
        pieces, there = [body], len(body)
        while there < length:
            pieces.append(self._more())
            there += len(pieces[-1])
        return int(head[9:12]), b"".join(pieces)

    def _more(self):
        piece = self.socket.recv(PIECE)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece


def post(path, document):
    body = json.dumps(document, separators=(",", ":")).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: rolegate\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Resp:
    """One connection to Redis, for single commands and for pipelines."""

    def __init__(self, port):
        self.socket = connected(port)
        self.reader = self.socket.makefile("rb", PIECE)

    def ask(self, *words):
        self.send(command(*words))
        return self.answer()

    def send(self, commands):
        self.socket.sendall(commands)

    def answer(self):
        line = self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest


def command(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)
