"""Start, checks and memory as organizations grow from a thousand to a million, and what one very large organization costs.

For each size: from `exec` to the line that says where it listens, and until it is ready; loads at a constant rate by
`rolegate bench` of accounts from all over the store, none of them cached, and of a thousand that are; the memory of Redis.
Then one organization of 100,000 accounts beside small ones: imported, imported again, changed, listed, exported and asked,
with every command of Redis that takes more than 5 ms counted. Redis counts by the clock: on a busy machine that is
time without a processor too, as a SET or an INFO in that list shows.
"""
import os, random, subprocess

from cold import micros
from lab import FOR_AN_HOUR_MS, ROLEGATE, Redis, Sidecar, Table, offer, progress
from world import PRODUCT, World, ask_all, fill, imported, write_accounts

STARTS = 5
CONNECTIONS = 4
ASKED_COLD = 30_000
ASKED_WARM = 1_000
SLOW_MICROSECONDS = 5_000


def growth(options):
    title = f"From thousands to a million organizations, {options.rate:,} checks a second"
    with Table(options.json, title, "organizations", "filled in", "Redis", "listening, slowest of 5", "ready, slowest of 5",
               *LATENCIES) as table:
        for organizations in options.organizations:
            world = World(organizations, 20)
            with Redis() as redis:
                progress(f"filling Redis with {organizations:,} organizations of 20")
                took = fill(redis, world)
                listening, ready = starts(redis)
                memory = int(redis.info("memory")["used_memory"])
                asked = [world.pair(number) for number in some(range(organizations * 20))]
                table.row(f"{organizations:,}", f"{took:.0f} s", f"{memory / 2**30:.2f} GiB", f"{listening * 1000:.0f} ms",
                          f"{ready * 1000:.0f} ms", *latencies(redis, asked, options))
    crowd(options)


LATENCIES = ("cold p50", "cold p99", "read from Redis", "cached p50", "cached p99", "read again", "undecided")


def some(population):
    """Each once at most, in random order."""
    return random.sample(population, min(ASKED_COLD, len(population)))


def starts(redis):
    listening, ready = [], []
    for _ in range(STARTS):
        with Sidecar(redis) as sidecar:
            listening.append(sidecar.listening)
            ready.append(sidecar.ready)
    return max(listening), max(ready)


def latencies(redis, asked, options):
    """Of accounts that are not cached and of some that are; how many were read shows which was measured."""
    cells, undecided = [], 0
    with Sidecar(redis, cache_keep=FOR_AN_HOUR_MS) as sidecar:
        for kind, pairs in (("cold", asked), ("cached", asked[:ASKED_WARM])):
            if kind == "cached":
                ask_all(sidecar.connect(), pairs)
            accounts = write_accounts(os.path.join(redis.folder, f"{kind}.jsonl"), pairs)
            before = sidecar.metrics()["rolegate_store_reads_total"]
            report = offer(sidecar, accounts, options.rate, options.seconds, CONNECTIONS)
            if report["denied"]:
                raise SystemExit(f"{report['denied']} questions were denied")
            undecided += report["planned"] - report["decided"]
            reads = sidecar.metrics()["rolegate_store_reads_total"] - before
            share = reads / (options.rate * (options.seconds + 1))
            cells += [f"{report['latency_us'][name]} µs" for name in ("p50", "p99")] + [f"{share:.0%}"]
    return [*cells, undecided]


def crowd(options):
    large, small = World(1, options.crowd), World(1_000, 20, first=1 << 30)
    with Redis("--slowlog-log-slower-than", str(SLOW_MICROSECONDS), "--slowlog-max-len", "10000") as redis:
        progress(f"importing an organization of {options.crowd:,}")
        took = imported(redis, large.lines(0))
        imported(redis, (line for number in range(small.organizations) for line in small.lines(number)))
        with Table(options.json, f"An organization of {options.crowd:,} accounts, imported in {took:.1f} s, beside those of 20",
                   "accounts", *LATENCIES) as table:
            for world in (small, large):
                table.row(f"{world.size:,}", *latencies(redis, some(world.pairs()), options))
        use(redis, large)
        title = f"Commands of Redis over {SLOW_MICROSECONDS / 1000:.0f} ms in all of this"
        with Table(options.json, title, "command", "how many", "slowest", "all of this command, µs") as table:
            slow, usual = {}, redis.info("latencystats")
            for entry in redis.ask("SLOWLOG", "GET", "-1"):
                slow.setdefault(entry[3][0].decode(), []).append(entry[2] / 1e6)
            for name, times in sorted(slow.items()):
                table.row(name, len(times), micros(max(times)), usual.get(f"latency_percentiles_usec_{name.lower()}", ""))
            if not slow:
                table.row("none", 0, "", "")


def use(redis, large):
    """Whatever else touches a whole organization, or one account of it."""
    organization, account = large.organization(0), large.account(0, large.size // 2)
    imported(redis, large.lines(0))
    for words in (["role", "grant", "--account", account, "--product", PRODUCT, "--role", "normal"], ["roles"],
                  ["export", "-o", os.devnull], ["organization", "delete"]):
        done = subprocess.run([ROLEGATE, *words, "--organization", organization, "--redis", redis.url],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)}: {done.stderr}")
