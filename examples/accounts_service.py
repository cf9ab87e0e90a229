#!/usr/bin/env python3
"""An accounts service in another language: changes roles in Redis through rolegate's own scripts.

    accounts_service.py [--redis HOST:PORT] [--scripts DIR] [--key KEY] ACTION ...

    create ORGANIZATION OWNER [PRODUCT...]         grant ORGANIZATION ACCOUNT PRODUCT ROLE
    add ORGANIZATION ACCOUNT                       revoke ORGANIZATION ACCOUNT PRODUCT ROLE
    suspend ORGANIZATION ACCOUNT PRODUCT           disable ORGANIZATION PRODUCT

Exit status: 0 done or nothing to change, 1 refused, 3 nobody can say whether it was done. docs/writing-roles.md says why
each step is as it is. Python's standard library is all that it needs; behind Sentinels it needs more, as that page says.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import socket
import sys
import zlib

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent / "src/roles/redis/scripts"
# What each script is made of, in this order.
FILES = {
    "reserve": ["prelude", "reserve"],
    "commit": ["prelude", "shape", "commit"],
    "stage": ["prelude", "shape", "stage"],
    "flip": ["prelude", "shape", "flip"],
    "sweep": ["prelude", "sweep"],
}
LOG_LENGTH = 1_000_000
BATCH = 64
ATTEMPTS = 4
COMMON = ["rg:epoch", "rg:clock", "rg:log", "rg:audit", "rg:keys"]


class Refused(Exception):
    """Nothing was written."""


class Conflict(Refused):
    """Somebody was faster: read again, decide again."""


class Ambiguous(Exception):
    """The reply was lost: the write may be in the store or not."""


class Redis:
    """The least of a client: one command, one reply, bytes."""

    def __init__(self, address, scripts):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self.replies = self.socket.makefile("rb")
        self.texts = {
            name: b"".join((scripts / f"{file}.lua").read_bytes() for file in files)
            for name, files in FILES.items()
        }

    def call(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        lines = [b"*%d\r\n" % len(words)] + [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        try:
            self.socket.sendall(b"".join(lines))
            reply = self.reply()
        except OSError as error:
            raise Ambiguous(error) from error
        if isinstance(reply, Exception):
            raise reply
        return reply

    def reply(self):
        line = self.replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection ended")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self.replies.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        text = rest.decode()
        return (Conflict if text.startswith("CONFLICT") else Refused)(text)

    def run(self, name, keys, arguments):
        text = self.texts[name]
        sha1 = hashlib.sha1(text).hexdigest()
        try:
            return int(self.call("EVALSHA", sha1, len(keys), *keys, *arguments))
        except Refused as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return int(self.call("EVAL", text, len(keys), *keys, *arguments))


def seal(value):
    """A body: compact JSON, and the CRC-32 of it."""
    text = json.dumps(value, separators=(",", ":"))
    return f"{text} {zlib.crc32(text.encode()):08x}"


def unseal(stored, store, organization, account=None):
    """The generation and JSON of a stored value, if it is what was asked for and undamaged."""
    found = re.fullmatch(rb"([1-9][0-9]*) (\{.*\}) ([0-9a-f]{8})", stored)
    if not found or b"%08x" % zlib.crc32(found[2]) != found[3]:
        raise Refused("broken data: a value is damaged")
    value = json.loads(found[2])
    names = (value["v"], value["s"], value["o"])
    if names != (1, store, organization) or account not in (None, value["a"]):
        raise Refused("broken data: a value is of another place")
    return int(found[1]), value


class Organization:
    """One organization as it is stored now, and one of its accounts."""

    def __init__(self, service, organization, account=None):
        self.service, self.id = service, organization
        own = [service.role_key(organization, side, account) for side in (0, 1)] if account else []
        epoch, header, self.counter, *sets = service.redis.call(
            "MGET", "rg:epoch", f"rg:h:{{{organization}}}", f"rg:c:{{{organization}}}", *own
        )
        if epoch != service.epoch:
            raise Refused("another store than a moment ago")
        if (header is None) != (self.counter is None):
            raise Refused("broken data: header or counter is missing")
        self.header = self.generation = self.set = None
        if header is None:
            return
        _, self.header = unseal(header, service.store, organization)
        self.generation = int(self.counter.split(b" ")[0])
        stored = sets[self.header["d"]] if account else None
        if stored is not None:
            _, value = unseal(stored, service.store, organization, account)
            # Of a side that is not in force: not there.
            self.set = value if value["n"] == self.header["n"] else None

    def enabling(self, product):
        """The number that grants and states of a product carry while they are in force; None while it is not enabled."""
        numbers = {"Accounts": 0, **{name: number for name, number, _ in self.header["p"]}}
        return numbers.get(product)

    def in_force(self, entries, number_at):
        return [entry for entry in entries if self.enabling(entry[0]) == entry[number_at]]


class Service:
    def __init__(self, redis, key):
        self.redis, self.key = redis, key
        fresh = f"{os.urandom(8).hex()} 1"
        # Whoever comes first makes it a store.
        self.epoch = redis.call("SET", "rg:epoch", fresh, "NX", "GET") or fresh.encode()
        self.store = self.epoch.decode().split(" ")[0]

    @staticmethod
    def role_key(organization, side, account):
        return f"rg:r:{{{organization}}}:{side}:{account}"

    def noted(self, organization, command, previous, after):
        """What every write begins its arguments with: the store, the log's length, its record and its key."""
        record = {"organization": organization, "actor": "accounts-service", "command": command}
        record |= {"before": None, "after": after}
        record |= {"previous": previous} if previous else {}
        record |= {"idempotency_key": self.key} if self.key else {}
        scoped = f"{organization} {self.key}" if self.key else ""
        return [self.epoch, LOG_LENGTH, json.dumps(record), scoped]

    def done_before(self, organization):
        """The generation of a write that was made under the key."""
        score = self.key and self.redis.call("ZSCORE", "rg:keys", f"{organization} {self.key}")
        return int(float(score)) if score else None

    def reserve(self, lock=None):
        keys = ["rg:epoch", "rg:clock", "rg:log"] + ([lock] if lock else [])
        return self.redis.run("reserve", keys, [self.epoch, LOG_LENGTH])

    def create(self, command, organization, owner, products):
        """Stages the role sets beside what is in force, then flips. A replace of an organization goes the same way."""
        stored = Organization(self, organization)
        if stored.header:
            raise Refused("organization_exists")
        lock, index = f"rg:l:{{{organization}}}", f"rg:i:{{{organization}}}:0"
        number = self.reserve(lock)
        self.sweep(organization, index, lock, number)
        header = {"v": 1, "s": self.store, "o": organization, "a": owner, "c": 1, "d": 0, "n": number}
        header["p"] = [[product, number, False] for product in sorted(set(products))]
        roles = {"v": 1, "s": self.store, "o": organization, "a": owner, "n": number}
        roles["r"] = [["Accounts", "owner", 0]]
        role_key = self.role_key(organization, 0, owner)
        self.redis.run(
            "stage",
            ["rg:epoch", lock, index, role_key, f"rg:m:{owner}"],
            [self.epoch, number, organization, seal(header), owner, seal(roles)],
        )
        keys = COMMON + [f"rg:h:{{{organization}}}", f"rg:c:{{{organization}}}", lock, "rg:organizations", index, role_key]
        noted = self.noted(organization, command, None, {"owner": owner, "accounts": 1})
        suffix = f" {self.store} {organization}"
        return self.redis.run("flip", keys, noted + ["", suffix, organization, number, seal(header)])

    def sweep(self, organization, index, lock, number):
        """Clears what an aborted write left on side 0, which is not in force: there is no header."""
        while members := self.redis.call("ZRANGE", index, 0, BATCH - 1):
            members = [member.decode() for member in members]
            keys = ["rg:epoch", f"rg:h:{{{organization}}}", lock, index]
            for account in members:
                keys += [self.role_key(organization, side, account) for side in (0, 1)] + [f"rg:m:{account}"]
            self.redis.run("sweep", keys, [self.epoch, "", number, organization, *members])

    def commit(self, command, stored, header=None, account=None, roles=None):
        """A small change: a new header, or one role set, or both."""
        organization, now = stored.id, header or stored.header
        keys = COMMON + [f"rg:h:{{{organization}}}", f"rg:c:{{{organization}}}", f"rg:i:{{{organization}}}:{now['d']}"]
        after = {"organization": header} if header else {}
        after["accounts"] = [roles] if roles else []
        arguments = self.noted(organization, command, stored.generation, after)
        arguments += [stored.counter, f" {self.store} {organization}", organization]
        arguments += [seal(header) if header else "", now["c"], now["a"]]
        if account:
            keys += [self.role_key(organization, now["d"], account), f"rg:m:{account}"]
            arguments += [account, seal(roles)]
        return self.redis.run("commit", keys, arguments)

    def change(self, action, organization, *rest):
        """Reads, computes and commits; again when somebody was faster. None when there is nothing to change."""
        command = {"command": f"service_{action}", "arguments": rest}
        for _ in range(ATTEMPTS):
            if generation := self.done_before(organization):
                return generation
            try:
                if action == "create":
                    return self.create(command, organization, rest[0], rest[1:])
                account = None if action == "disable" else rest[0]
                stored = Organization(self, organization, account)
                if not stored.header:
                    raise Refused("organization_unknown")
                if action == "disable":
                    left = [product for product in stored.header["p"] if product[0] != rest[0]]
                    if left == stored.header["p"]:
                        return None
                    # All grants and states of the product are dead with its number.
                    return self.commit(command, stored, header={**stored.header, "p": left})
                return self.change_account(action, command, stored, *rest)
            except Conflict:
                pass
        raise Refused("conflict: others kept being faster")

    def change_account(self, action, command, stored, account, product=None, role=None):
        if action == "add":
            if stored.set:
                raise Refused("account_exists")
            roles = {"v": 1, "s": self.store, "o": stored.id, "a": account, "n": stored.header["n"]}
            roles["r"] = [["Accounts", "member", 0]]
            header = {**stored.header, "c": stored.header["c"] + 1}
            return self.commit(command, stored, header=header, account=account, roles=roles)
        if not stored.set:
            raise Refused("account_unknown")
        if product == "Accounts":
            raise Refused("this example leaves the roles and states of Accounts alone")
        number = stored.enabling(product)
        if number is None and action != "revoke":
            raise Refused("product_not_enabled")
        # What is dead goes with the write.
        grants = stored.in_force(stored.set.get("r", []), 2)
        states = {name: stored.in_force(stored.set.get(name, []), 1) for name in ("u", "w")}
        if action == "grant":
            # Every product but Accounts has secondary roles alone in the catalogue that ships: one replaces the other.
            if [product, role, number] in grants:
                return None
            grants = [grant for grant in grants if grant[0] != product] + [[product, role, number]]
        elif action == "revoke":
            left = [grant for grant in grants if grant[:2] != [product, role]]
            if left == grants:
                return None
            grants = left
        elif action == "suspend":
            if [product, number] in states["u"]:
                return None
            states["u"].append([product, number])
        roles = {**stored.set, "r": sorted(grants, key=lambda grant: grant[:2])}
        roles |= {name: sorted(marks) for name, marks in states.items()}
        return self.commit(command, stored, account=account, roles=roles)


ACTIONS = {
    "create": (2, None), "add": (2, 2), "grant": (4, 4), "revoke": (4, 4), "suspend": (3, 3), "disable": (2, 2),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--redis", default="127.0.0.1:6379", metavar="HOST:PORT")
    parser.add_argument("--scripts", default=SCRIPTS, type=pathlib.Path, metavar="DIR")
    parser.add_argument("--key", help="idempotency key: the same request under it is carried out at most once")
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("words", nargs="+")
    asked = parser.parse_args()
    least, most = ACTIONS[asked.action]
    if len(asked.words) < least or (most and len(asked.words) > most):
        parser.error(f"{asked.action}: wrong number of words")
    try:
        service = Service(Redis(asked.redis, asked.scripts), asked.key)
        generation = service.change(asked.action, *asked.words)
    except Refused as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    except (Ambiguous, OSError) as error:
        print(f"unknown: {error}; send the same again under the same --key", file=sys.stderr)
        return 3
    print("nothing to change" if generation is None else f"done: {generation}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
