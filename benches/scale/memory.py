"""What a cached account takes, what bounds the cache, and whether churn makes it grow: resident memory of a sidecar.

`memory` asks about every account once by batches of 1,000 and again to see that all of them are held; then, with a small
cache, about far more keys than fit, also about accounts and organizations that do not exist. `churn` asks and changes random
accounts for some minutes. Bytes of an account are resident memory after less resident memory before, over the accounts.
"""
import threading, time
from concurrent.futures import ThreadPoolExecutor, wait

from lab import FOR_AN_HOUR_MS, Redis, Sidecar, Table, mebibytes, progress
from writers import Writers
from world import IN_A_BATCH, World, ask_all, batch, fill

ROOM = 1 << 34
SAMPLES_OF_CHURN = 20
SAMPLES_OF_STREAM = 50


def pieces(world, step=100_000):
    """All accounts of a world in turn, some at a time."""
    accounts = world.organizations * world.size
    for low in range(0, accounts, step):
        yield [world.pair(number) for number in range(low, min(low + step, accounts))]


def memory(options):
    with Table(options.json, "Memory for each cached account", "accounts an organization", "accounts", "bytes by RSS",
               "bytes accounted", "read again when asked again", "RSS before", "RSS after") as table:
        for size in options.sizes:
            with Redis() as redis:
                world = World(options.accounts // size, size)
                progress(f"filling Redis with {world.organizations:,} organizations of {size}")
                fill(redis, world)
                table.row(*full(redis, world))
    with Table(options.json, f"A cache of {mebibytes(options.cache_bytes)} under a stream of new keys", "asked about", "keys",
               "highest RSS, first half", "highest RSS, second half", "accounted", "RSS since the start / cache_bytes") as table:
        with Redis() as redis:
            fill(redis, World(options.accounts // 20, 20))
            stream(redis, options, table)


def full(redis, world):
    with Sidecar(redis, cache_bytes=ROOM, cache_keep=FOR_AN_HOUR_MS) as sidecar:
        connection, accounts = sidecar.connect(), world.organizations * world.size
        # Buffers of a batch are there before the count begins.
        ask_all(connection, World(1, IN_A_BATCH, first=1 << 40).pairs())
        before, accounted = sidecar.process.rss(), sidecar.metrics()["rolegate_cache_bytes"]
        for pairs in pieces(world):
            allowed = ask_all(connection, pairs)
            if allowed != len(pairs):
                raise SystemExit(f"{allowed} of {len(pairs)} allowed")
        time.sleep(1)
        after, metrics = sidecar.process.rss(), sidecar.metrics()
        for pairs in pieces(world):
            ask_all(connection, pairs)
        again = sidecar.metrics()["rolegate_store_reads_total"] - metrics["rolegate_store_reads_total"]
        return (world.size, f"{accounts:,}", f"{(after - before) / accounts:.0f}",
                f"{(metrics['rolegate_cache_bytes'] - accounted) / accounts:.0f}", f"{again / accounts:.1%}",
                mebibytes(before), mebibytes(after))


def stream(redis, options, table):
    existing = World(options.accounts // 20, 20)
    strangers = World(options.accounts, 1, first=1 << 40)
    step = -(-options.accounts // SAMPLES_OF_STREAM)
    pair_of_kind = {"accounts that exist": lambda number: existing.pair(number),
                          "accounts that do not exist": lambda number: (strangers.pair(number)[0], existing.pair(number)[1]),
                          "organizations that do not exist": lambda number: strangers.pair(number)}
    with Sidecar(redis, cache_bytes=options.cache_bytes, cache_keep=FOR_AN_HOUR_MS) as sidecar:
        connection, start = sidecar.connect(), sidecar.process.rss()
        table.row("nothing yet", 0, "", mebibytes(start), mebibytes(sidecar.metrics()["rolegate_cache_bytes"]), "")
        for kind, pair in pair_of_kind.items():
            highest = [start, start]
            for low in range(0, options.accounts, step):
                ask_all(connection, [pair(number) for number in range(low, min(low + step, options.accounts))])
                half = 0 if low < options.accounts / 2 else 1
                highest[half] = max(highest[half], sidecar.process.rss())
            table.row(kind, f"{options.accounts:,}", *map(mebibytes, highest),
                      mebibytes(sidecar.metrics()["rolegate_cache_bytes"]),
                      f"{(max(highest) - start) / options.cache_bytes:.2f}")


def churn(options):
    world = World(options.accounts // 20, 20)
    with Redis() as redis:
        fill(redis, world)
        with Sidecar(redis, cache_bytes=options.cache_bytes) as sidecar, \
                Writers(redis, world, rate=options.changes) as writers, \
                Asker(sidecar, world) as asker, \
                Table(options.json, f"Churn: {options.accounts:,} accounts asked and changed at random", "minutes", "RSS",
                      "accounted", "questions", "undecided", "changed") as table:
            start = time.monotonic()
            for sample in range(SAMPLES_OF_CHURN + 1):
                asker.watch(start + sample * options.minutes * 60 / SAMPLES_OF_CHURN - time.monotonic())
                table.row(f"{(time.monotonic() - start) / 60:.1f}", mebibytes(sidecar.process.rss()),
                          mebibytes(sidecar.metrics()["rolegate_cache_bytes"]), f"{asker.asked:,}", f"{asker.undecided:,}",
                          f"{writers.changed():,}")


class Asker:
    """Asks about random accounts by batches for as long as the block runs, whether they are decided or not."""

    def __init__(self, sidecar, world):
        self.connection, self.world, self.asked, self.undecided = sidecar.connect(), world, 0, 0
        self.stop, self.pool = threading.Event(), ThreadPoolExecutor(1)

    def _ask_on(self):
        while not self.stop.is_set():
            status, body = self.connection.ask(batch([self.world.anybody() for _ in range(IN_A_BATCH)]))
            if status != 200:
                raise SystemExit(f"a batch was not answered: {status} {body[:200]}")
            self.asked += IN_A_BATCH
            self.undecided += body.count(b'"error"')

    def watch(self, seconds):
        """Waits; ends the run if the questions came to a stop."""
        if wait([self.asking], max(0, seconds)).done:
            self.asking.result()

    def __enter__(self):
        self.asking = self.pool.submit(self._ask_on)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.pool.shutdown()
