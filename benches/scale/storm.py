"""Checks of warm accounts at a constant rate, quiet and while role sets of other organizations are changed as fast as Redis takes.

Between the two: the same changes in a neighbour, a Redis that the sidecar does not know, so that what the writer and Redis take from
the processors is told apart from what invalidation costs. `read again` counts reads of the store beside the questions: warm
accounts whose stamp another one shares.
"""
import contextlib, os, threading

from lab import FOR_AN_HOUR_MS, Redis, Sidecar, Table, offer, progress
from world import World, fill, write_accounts
from writers import Writers

WARM_ORGANIZATIONS = 100


def storm(options):
    world = World(options.organizations, 20)
    with Redis() as redis, Redis() as neighbour:
        for each in (redis, neighbour):
            progress(f"filling Redis with {world.organizations:,} organizations")
            fill(each, world)
        accounts = write_accounts(os.path.join(redis.folder, "warm.jsonl"), World(WARM_ORGANIZATIONS, 20).pairs())
        with Sidecar(redis, cache_keep=FOR_AN_HOUR_MS) as sidecar, \
                Table(options.json, f"{options.rate:,} checks a second under a storm", "changes", "changed a second", "pushed a second",
                      "p50", "p99", "p99 / quiet", "undecided", "read again", "sidecar's CPU", "shortest lease", "links closed") as table:
            quiet = None
            for name, changed in (("none", None), ("in a neighbour", neighbour), ("in its Redis", redis)):
                p99, cells = phase(name, sidecar, changed, world, accounts, options, quiet)
                quiet = quiet or p99
                table.row(*cells)


def phase(name, sidecar, changed, world, accounts, options, quiet):
    # Whatever the phase before left over is warm again.
    offer(sidecar, accounts, options.rate, 2, options.connections, warm_up=0)
    with contextlib.ExitStack() as stack:
        writers = changed and stack.enter_context(Writers(changed, world, options.changes, first=WARM_ORGANIZATIONS))
        lease = stack.enter_context(Lowest(sidecar, "rolegate_store_lease_seconds"))
        before, cpu = sidecar.metrics(), sidecar.process.cpu()
        written = writers.changed() if writers else 0
        report = offer(sidecar, accounts, options.rate, options.seconds, options.connections)
        after, used = sidecar.metrics(), sidecar.process.cpu() - cpu
        written = writers.changed() - written if writers else 0
    seconds = options.seconds + 1
    latency = report["latency_us"]

    def grew(sample):
        return after.get(sample, 0) - before.get(sample, 0)

    pushed = grew('rolegate_store_changes_total{by="push"}')
    closed = grew('rolegate_store_link_events_total{event="closed"}')
    return latency["p99"], (
        name, f"{written / seconds:,.0f}", f"{pushed / seconds:,.0f}", f"{latency['p50']} µs", f"{latency['p99']} µs",
        f"{latency['p99'] / (quiet or latency['p99']):.2f}", report["planned"] - report["decided"],
        f"{grew('rolegate_store_reads_total') / (options.rate * seconds):.2%}", f"{used / seconds:.2f} of a core",
        f"{lease.value * 1000:.0f} ms", f"{closed:.0f}")


class Lowest:
    """The lowest value of a gauge while it is watched, four times a second."""

    def __init__(self, sidecar, name):
        self.sidecar, self.name, self.value = sidecar, name, float("inf")
        self.stop, self.thread = threading.Event(), threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.stop.wait(0.25):
            self.value = min(self.value, self.sidecar.metrics()[self.name])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
