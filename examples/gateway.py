#!/usr/bin/env python3
"""A small gateway that asks rolegate before it passes a request on. Python's standard library only.

    examples/gateway.py --upstream http://127.0.0.1:9000 [--check http://127.0.0.1:8181/check] [--port 8080]

What to copy from here:
- The decision is the JSON member `allowed`, and only the literal true passes. The status of `/check` says nothing:
  a deny is 200. So `/check` must never be the target of auth_request, forward-auth or ext_authz.
- Everything but an allow is a refusal: a deny becomes 403, no answer becomes 503, and neither reaches the upstream.
- Account and organization come from the token that the gateway has checked, never from headers of the client.
"""

import argparse
import http.client
import http.server
import json
import urllib.parse

# Stands for the gateway's own check of a token, such as a cached answer of the accounts service.
TOKENS = {
    "token-of-cy": ("cy", "acme"),
    "token-of-di": ("di", "acme"),
    "token-of-di-at-globex": ("di", "globex"),
}

# Which role a path needs, longest prefix first.
ROUTES = [
    ("/livechat/settings", ("LiveChat", "administrator")),
    ("/livechat/", ("LiveChat", "normal")),
]

CHECK_TIMEOUT = 1.0
UPSTREAM_TIMEOUT = 10.0
MAX_BODY = 1 << 20
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}


class Refused(Exception):
    """The request goes no further."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status
        self.why = why


def connect(url, timeout):
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname, url.port, timeout=timeout)


def identity(headers):
    """The account and organization of a checked token."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or token not in TOKENS:
        raise Refused(401, "no valid token")
    return TOKENS[token]


def needed_role(path):
    """What a path needs. A path that nobody listed is closed; so is one that could be read in two ways."""
    decoded = urllib.parse.unquote(urllib.parse.urlsplit(path).path)
    if ".." in decoded or "//" in decoded or "%" in decoded:
        raise Refused(400, "ambiguous path")
    for prefix, needed in ROUTES:
        if decoded.startswith(prefix):
            return needed
    raise Refused(403, "no role opens this path")


def require_allowed(check, question):
    """Asks rolegate. Returns when it allows, raises otherwise."""
    connection = connect(check, CHECK_TIMEOUT)
    try:
        connection.request("POST", check.path, json.dumps(question), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Refused(503, f"rolegate gave no answer: {error}") from error
    finally:
        connection.close()
    if response.status != 200 or not isinstance(answer, dict) or "allowed" not in answer:
        raise Refused(503, "rolegate cannot say")
    if answer["allowed"] is not True:
        raise Refused(403, str(answer.get("reason")))


class Gateway(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_request(self):
        try:
            account, organization = identity(self.headers)
            product, role = needed_role(self.path)
            question = {"account": account, "organization": organization, "product": product, "role": role}
            require_allowed(self.server.check, question)
            self.forward()
        except Refused as refused:
            # A body may be left unread, so the connection ends here.
            self.close_connection = True
            self.answer(refused.status, [("Content-Type", "text/plain")], refused.why.encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def forward(self):
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > MAX_BODY:
            raise Refused(413, "give a body of at most 1 MiB with its length")
        body = self.rfile.read(int(length)) or None
        drop = HOP_BY_HOP | {"host", "content-length", "authorization"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in drop}
        connection = connect(self.server.upstream, UPSTREAM_TIMEOUT)
        try:
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Refused(502, "the upstream gave no answer") from error
        finally:
            connection.close()
        drop = HOP_BY_HOP | {"content-length", "date", "server"}
        self.answer(response.status, [pair for pair in response.getheaders() if pair[0].lower() not in drop], content)

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def main():
    parser = argparse.ArgumentParser(description="A gateway that asks rolegate.")
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--check", default="http://127.0.0.1:8181/check")
    parser.add_argument("--port", type=int, default=8080)
    flags = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", flags.port), Gateway)
    server.check = urllib.parse.urlsplit(flags.check)
    server.upstream = urllib.parse.urlsplit(flags.upstream)
    print(f"gateway listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
