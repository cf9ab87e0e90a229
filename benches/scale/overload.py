"""Ten times as many questions as can be answered: what is still decided, how soon refusals come, and how soon it is over.

The capacity is the most that was decided while the rate was doubled until no more came of it, over 64 connections and over
as many as are used then. Then a plan of ten times that over 64 is offered over many connections, each with one question
under way at a time, which are busy until all of it was asked; two single connections meanwhile ask a check (of the same
kind) and /health every 10 ms, and each of theirs is timed from its own send. It is over with the last check after the load that was not decided as soon as the slowest before it, or within 5
ms. Warm accounts are answered from memory; for cold ones the cache keeps nothing, so that each is read from Redis. Load and
server share the machine: what the load takes is not there for the server, in either figure. So the load has the lower
priority, and with --apart a half of the processors to itself.
"""
import contextlib, os, threading, time

from lab import FOR_AN_HOUR_MS, Redis, Sidecar, Table, halves, offer, on, progress, quantile
from world import World, fill, question, write_accounts

ORGANIZATIONS = 1_000
FIRST_RATE = 2_000
LAST_RATE = 500_000
IN_EARNEST = 64
TIMES = 10
BEHIND = ("nice", "-n", "19")
PROBE_SECONDS = 0.01
RECOVERY_SECONDS = 2.0
QUIET_SECONDS = 1.0
IN_TIME = 0.005


def overload(options):
    world = World(ORGANIZATIONS, 20)
    asking, answering = halves(options.apart)
    with on(answering), Redis() as redis, Table(options.json, f"{TIMES} times the capacity over {options.connections:,} connections", "accounts",
                                 f"capacity over {IN_EARNEST}", "over as many", "decided", "decided / capacity",
                                 "/ capacity over as many", "refused", "unknown", "probe before, max",
                                 "refusals p99 (of a probe)", "decided p99 (of a probe)", "/health p99", "/health max",
                                 "late until", "sidecar's CPU") as table:
        progress(f"filling Redis with {world.organizations:,} organizations")
        fill(redis, world)
        accounts = write_accounts(os.path.join(redis.folder, "accounts.jsonl"), world.pairs())
        for kind, keep in (("warm", FOR_AN_HOUR_MS), ("cold", 1)):
            with Sidecar(redis, cache_keep=keep, max_requests=options.max_requests) as sidecar, on(asking):
                table.row(kind, *overloaded(sidecar, accounts, world, options))


def capacity(sidecar, accounts, connections):
    best, rate = 0.0, FIRST_RATE
    while rate <= LAST_RATE:
        decided = offer(sidecar, accounts, rate, 2, connections, prefix=BEHIND)["decided_per_second"]
        progress(f"{decided:,.0f} decided of {rate:,} a second")
        if decided < 1.1 * best:
            break
        best, rate = decided, rate * 2
    return max(best, decided)


def overloaded(sidecar, accounts, world, options):
    most, over_as_many = (capacity(sidecar, accounts, count) for count in (IN_EARNEST, options.connections))
    rate = min(int(TIMES * most), LAST_RATE)
    ask = question(*world.pair(0))
    health = b"GET /health HTTP/1.1\r\nHost: rolegate\r\n\r\n"
    with contextlib.ExitStack() as stack:
        checks, pulses = (stack.enter_context(Probe(sidecar, request)) for request in (ask, health))
        time.sleep(QUIET_SECONDS)
        before, cpu, start = sidecar.metrics(), sidecar.process.cpu(), time.monotonic()
        report = offer(sidecar, accounts, rate, options.seconds, options.connections, warm_up=0, prefix=BEHIND)
        end = time.monotonic()
        after, used = sidecar.metrics(), (sidecar.process.cpu() - cpu) / (end - start)
        time.sleep(RECOVERY_SECONDS)

    def grew(sample):
        return after.get(sample, 0) - before.get(sample, 0)

    during = [sample for sample in checks.seen if start <= sample[0] < end]
    refusals = [took for _, status, took in during if status == 503]
    decisions = [took for _, status, took in during if status == 200]
    beats = [took for at, _, took in pulses.seen if start <= at < end]
    quiet = [took for at, _, took in checks.seen if at < start]
    in_time = max(IN_TIME, quantile(quiet, 1.0))
    late = [at for at, status, took in checks.seen if at >= end and (status != 200 or took > in_time)]
    decided = report["decided_per_second"]
    return (f"{most:,.0f}/s", f"{over_as_many:,.0f}/s", f"{decided:,.0f}/s", f"{decided / most:.2f}", f"{decided / over_as_many:.2f}",
            f"{grew('rolegate_refused_total'):,.0f} of {report['planned']:,}",
            unknown(before, after, report["failed"]),
            millis(quiet, 1.0), millis(refusals, 0.99), millis(decisions, 0.99), millis(beats, 0.99), millis(beats, 1.0),
            f"{max(late) - end:.2f} s after" if late else "never after", f"{used:.2f} cores")


def unknown(before, after, failed):
    """What was neither decided nor refused, by code or kind of failure."""
    counts = dict(failed)
    for sample, count in after.items():
        if sample.startswith("rolegate_unknown_total{"):
            code = sample.split('code="')[1].split('"')[0]
            counts[code] = counts.get(code, 0) + count - before.get(sample, 0)
    return ", ".join(f"{count:,.0f} {code}" for code, count in counts.items() if count) or "none"


class Probe:
    """One connection that asks the same now and then; what came back and how long each took, from its send."""

    def __init__(self, sidecar, request):
        self.sidecar, self.connection, self.request, self.seen = sidecar, sidecar.connect(), request, []
        self.stop, self.thread = threading.Event(), threading.Thread(target=self._ask_on, daemon=True)

    def _ask_on(self):
        while not self.stop.wait(PROBE_SECONDS):
            start = time.monotonic()
            try:
                status, _ = self.connection.ask(self.request)
            except OSError:
                status, self.connection = None, self.sidecar.connect()
            self.seen.append((start, status, time.monotonic() - start))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def millis(times, share):
    return f"{quantile(times, share) * 1000:.1f} ms ({len(times)})" if times else "none"
