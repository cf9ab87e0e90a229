"""Checks of warm accounts at a constant rate, quiet and while role sets of other organizations are changed as fast as Redis
takes.

Between the two: the same changes in a neighbour, a Redis that the sidecar does not know, so that what the writer and Redis
take from the processors is told apart from what invalidation costs; all three in turn, several rounds. Ratios are those of one
round, and their median. `sent late` is the load's own share of a p99. `read again` counts reads of the store beside the
questions: warm accounts whose stamp others share.
"""
import contextlib, os, statistics, threading, time

from lab import FOR_AN_HOUR_MS, Redis, Sidecar, Table, halves, offer, on, progress, until
from world import World, ask_all, fill, write_accounts
from writers import Writers

WARM = World(100, 20)


def storm(options):
    world = World(options.organizations, WARM.size)
    stores, asking = halves(options.apart)
    with on(stores), Redis() as redis, Redis() as neighbour:
        for each in (redis, neighbour):
            progress(f"filling Redis with {world.organizations:,} organizations")
            fill(each, world)
        accounts = write_accounts(os.path.join(redis.folder, "warm.jsonl"), WARM.pairs())
        kinds = (("none", None), ("in a neighbour", neighbour), ("in its Redis", redis))
        seen = {name: [] for name, _ in kinds}
        with on(asking), Sidecar(redis, cache_keep=FOR_AN_HOUR_MS) as sidecar:
            for turn in range(options.rounds):
                for name, changed in kinds:
                    progress(f"round {turn + 1} of {options.rounds}, changes: {name}")
                    seen[name].append(phase(sidecar, changed, world, stores, accounts, options))
    with Table(options.json, f"{options.rate:,} checks a second under a storm, medians of {options.rounds} rounds", "changes",
               "p99 / quiet", *seen["none"][0]) as table:
        for name, phases in seen.items():
            ratio = statistics.median(each["p99, µs"] / quiet["p99, µs"] for each, quiet in zip(phases, seen["none"]))
            middle = {what: statistics.median(each[what] for each in phases) for what in phases[0]}
            middle["shortest lease, ms"] = min(each["shortest lease, ms"] for each in phases)
            cells = (f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.3g}" for value in middle.values())
            table.row(name, f"{ratio:.2f}", *cells)


def phase(sidecar, changed, world, stores, accounts, options):
    ask_all(sidecar.connect(), WARM.pairs())
    with contextlib.ExitStack() as stack:
        with on(stores):
            writers = changed and Writers(changed, world, options.changes, WARM.organizations, options.together)
            writers = writers and stack.enter_context(writers)
        lease = stack.enter_context(Lowest(sidecar, "rolegate_store_lease_seconds"))
        until(lambda: not writers or writers.changed(), "the first change")
        processes = [each.process for each in (sidecar, changed) if each]
        before, cpu, start = sidecar.metrics(), [process.cpu() for process in processes], time.monotonic()
        written = writers.changed() if writers else 0
        report = offer(sidecar, accounts, options.rate, options.seconds, options.connections)
        after, used, seconds = sidecar.metrics(), [process.cpu() for process in processes], time.monotonic() - start
        written = writers.changed() - written if writers else 0
    used = [now - then for now, then in zip(used, cpu)]

    def grew(sample):
        return after.get(sample, 0) - before.get(sample, 0)

    return {
        "changed a second": written / seconds,
        "pushed a second": grew('rolegate_store_changes_total{by="push"}') / seconds,
        "p50, µs": report["latency_us"]["p50"],
        "p99, µs": report["latency_us"]["p99"],
        "sent late, p99, µs": report["sent_late_us"]["p99"],
        "undecided": report["planned"] - report["decided"],
        "read again, of all questions": grew("rolegate_store_reads_total") / (options.rate * (options.seconds + 1)),
        "sidecar's cores": used[0] / seconds,
        "Redis's cores": used[1] / seconds if changed else 0,
        "shortest lease, ms": lease.value * 1000,
        "links closed": grew('rolegate_store_link_events_total{event="closed"}'),
    }


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
