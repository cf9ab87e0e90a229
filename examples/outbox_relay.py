#!/usr/bin/env python3
"""Keeps a database and rolegate together by an outbox: docs/reconcile.md tells why each step is as it is.

A small accounts service on SQLite. Each change is written together with a row of the outbox, in one transaction. A
relay carries the rows out on rolegate, one after the other, and marks them. `apply` is all that knows how rolegate is
reached. Python's standard library alone.

    outbox_relay.py init   DATABASE
    outbox_relay.py change DATABASE COUNT             random changes, as a service would make them
    outbox_relay.py relay  DATABASE [--once] [--redis URL]
    outbox_relay.py export DATABASE FILE              prints what to give to `reconcile --not-after`
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import time

SCHEMA = """
CREATE TABLE organizations (organization TEXT PRIMARY KEY, owner TEXT NOT NULL);
CREATE TABLE members (organization TEXT, account TEXT, livechat TEXT, PRIMARY KEY (organization, account));
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT NOT NULL,
    words TEXT NOT NULL,            -- of the command, as a JSON list
    generation INTEGER,             -- of rolegate's answer; NULL until then
    refused TEXT                    -- why rolegate refused it for good
);
"""
RETRY_SECONDS = 0.2
ROLEGATE = os.environ.get("RELAY_BINARY", "rolegate")


class Unknown(Exception):
    """It cannot be said whether the row was carried out, or rolegate cannot be reached: send the same again."""


class Refused(Exception):
    """Rolegate will never carry this row out."""


def apply(row, store):
    """Carries one row out, at most once however often it is called; answers with the generation."""
    words = json.loads(row["words"])
    who = ["--organization", row["organization"], "--actor", "accounts-service"]
    key = ["--idempotency-key", f"outbox-{row['id']}"]
    ended = subprocess.run([ROLEGATE, *words, *who, *key, "--json", *store], capture_output=True, text=True)
    if ended.returncode == 0:
        return json.loads(ended.stdout)["generation"]
    if ended.returncode == 2:
        raise SystemExit(f"rolegate does not understand how it is called: {ended.stderr.strip()}")
    # Somebody else kept being faster: nothing was done, and nothing is wrong.
    if ended.returncode == 1 and "conflict:" not in ended.stderr:
        raise Refused(ended.stderr.strip())
    raise Unknown(ended.stderr.strip())


def open_database(path):
    database = sqlite3.connect(path, timeout=60, isolation_level=None)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    return database


def record(database, organization, *words):
    """Within the transaction of the change itself: both are there after a crash, or neither is."""
    database.execute("INSERT INTO outbox (organization, words) VALUES (?, ?)", (organization, json.dumps(words)))


def relay(database, store, once):
    """In the order of the rows: a grant that overtook its revoke would stay."""
    while True:
        row = database.execute(
            "SELECT * FROM outbox WHERE generation IS NULL AND refused IS NULL ORDER BY id LIMIT 1"
        ).fetchone()
        if row is None:
            if once:
                return
            time.sleep(RETRY_SECONDS)
            continue
        try:
            generation, refused = apply(row, store), None
        except Refused as why:
            generation, refused = None, str(why)
            print(f"row {row['id']} is refused, reconcile will tell what it leaves: {why}", file=sys.stderr)
        except Unknown as why:
            print(f"row {row['id']} is tried again: {why}", file=sys.stderr)
            time.sleep(RETRY_SECONDS)
            continue
        # A crash before this line repeats the row, under the same key.
        database.execute(
            "UPDATE outbox SET generation = ?, refused = ? WHERE id = ?", (generation, refused, row["id"])
        )


def export(database, path):
    """Everything at one moment, in byte order, and the newest write of rolegate that this moment knows of."""
    database.execute("BEGIN")
    known = database.execute("SELECT max(generation) FROM outbox").fetchone()[0] or 0
    with open(path + ".partial", "w", encoding="ascii") as out:
        for organization, owner in database.execute("SELECT * FROM organizations ORDER BY organization"):
            print(json.dumps({"organization": organization, "products": ["LiveChat"]}), file=out)
            members = database.execute("SELECT * FROM members WHERE organization = ? ORDER BY account", (organization,))
            for _, account, livechat in members:
                roles = [{"product": "Accounts", "role": "owner" if account == owner else "member"}]
                if livechat:
                    roles.append({"product": "LiveChat", "role": livechat})
                print(json.dumps({"organization": organization, "account": account, "roles": roles}), file=out)
    database.execute("COMMIT")
    os.replace(path + ".partial", path)
    print(known)


def change(database):
    """Some change of somebody, with its row."""
    database.execute("BEGIN IMMEDIATE")
    organization = f"org-{random.randrange(3)}"
    account = f"a-{random.randrange(6)}"
    owner = database.execute("SELECT owner FROM organizations WHERE organization = ?", (organization,)).fetchone()
    place = (organization, account)
    member = database.execute("SELECT * FROM members WHERE organization = ? AND account = ?", place).fetchone()
    if owner is None:
        database.execute("INSERT INTO organizations VALUES (?, ?)", place)
        database.execute("INSERT INTO members VALUES (?, ?, NULL)", place)
        record(database, organization, "organization", "create", "--owner", account, "--products", "LiveChat")
    elif member is None:
        database.execute("INSERT INTO members VALUES (?, ?, 'normal')", place)
        record(database, organization, "account", "add", "--account", account, "--role", "LiveChat/normal")
    elif account != owner["owner"] and random.random() < 0.4:
        database.execute("DELETE FROM members WHERE organization = ? AND account = ?", place)
        record(database, organization, "account", "remove", "--account", account)
    else:
        role = "normal" if member["livechat"] == "administrator" else "administrator"
        database.execute("UPDATE members SET livechat = ? WHERE organization = ? AND account = ?", (role, *place))
        words = ["role", "grant", "--account", account, "--product", "LiveChat", "--role", role]
        record(database, organization, *words)
    database.execute("COMMIT")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["init", "change", "relay", "export"])
    parser.add_argument("database")
    parser.add_argument("--once", action="store_true", help="end when the outbox is empty")
    parser.add_argument("--redis", metavar="URL", help="the store of rolegate; by default the embedded one")
    parser.add_argument("argument", nargs="?")
    arguments = parser.parse_args()
    database = open_database(arguments.database)
    match arguments.task:
        case "init":
            database.executescript(SCHEMA)
        case "change":
            for _ in range(int(arguments.argument)):
                change(database)
        case "relay":
            relay(database, ["--redis", arguments.redis] if arguments.redis else [], arguments.once)
        case "export":
            export(database, arguments.argument)


if __name__ == "__main__":
    main()
