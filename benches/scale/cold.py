"""What a check costs whose account is not cached, beside one round trip to Redis; and whether cold checks share round trips.

One blocking client asks in turn: a cached check (A), a cold check (B), and Redis itself (C), with the same PING and MGET
that a cold check sends, about another account each time. A cold check is to cost no more than a cached one and 1.3 round
trips: (B − A) / C, of medians from the send of a whole question until its whole answer is there. Then 64 connections ask at
the same time, each a cold question, beside the same number one after another: how often Redis read from its sockets for each
64.
"""
import time

from lab import FOR_AN_HOUR_MS, Redis, Sidecar, Table, progress, quantile
from wire import command
from world import World, fill, question

TOGETHER = 64
WARM = 64
GOAL = 1.3


def cold(options):
    accounts = options.questions * 2 + options.rounds * TOGETHER * 2 + WARM
    world = World(-(-accounts // 20), 20)
    with Redis() as redis:
        progress(f"filling Redis with {world.organizations:,} organizations")
        fill(redis, world)
        # Neighbours in this order are of different organizations.
        pairs = sorted(world.pairs())
        warm, alone, rest = pairs[:WARM], pairs[WARM:WARM + 2 * options.questions], pairs[WARM + 2 * options.questions:]
        with Sidecar(redis, cache_keep=FOR_AN_HOUR_MS) as sidecar:
            with Table(options.json, "A cold check and one round trip", "what", "p50", "p99") as table:
                one_by_one(redis, sidecar, warm, alone, table)
            with Table(options.json, f"{TOGETHER} cold checks", "how", "reads by Redis", "MGET",
                       "until all are answered, p50", "undecided") as table:
                half = options.rounds * TOGETHER
                together(redis, sidecar, rest[:half], table, "one after another", at_once=1)
                together(redis, sidecar, rest[half:2 * half], table, "at the same time", at_once=TOGETHER)


def one_by_one(redis, sidecar, warm, alone, table):
    connection = sidecar.connect()
    for pair in warm:
        connection.ask(question(*pair))
    before = sidecar.metrics()
    cached, missed, raw = [], [], []
    for number in range(0, len(alone), 2):
        cached.append(timed(connection, question(*warm[number // 2 % len(warm)])))
        missed.append(timed(connection, question(*alone[number])))
        raw.append(round_trip(redis, *alone[number + 1]))
    after = sidecar.metrics()
    reads, seconds = (after[f"rolegate_store_{what}"] - before[f"rolegate_store_{what}"]
                      for what in ("reads_total", "read_duration_seconds_sum"))
    if reads != len(missed):
        raise SystemExit(f"{reads:.0f} reads for {len(missed)} cold checks")
    timed_kinds = (("A: cached check over HTTP", cached), ("B: cold check over HTTP", missed), ("C: round trip to Redis", raw))
    for what, times in timed_kinds:
        table.row(what, micros(quantile(times, 0.5)), micros(quantile(times, 0.99)))
    middle = [quantile(times, 0.5) for times in (missed, cached, raw)]
    table.row(f"(B − A) / C, goal {GOAL}", f"{(middle[0] - middle[1]) / middle[2]:.2f}", "")
    table.row("read as the sidecar counts it, mean", micros(seconds / reads), "")


def timed(connection, request):
    start = time.perf_counter()
    status, body = connection.ask(request)
    took = time.perf_counter() - start
    if status != 200 or not body.startswith(b'{"allowed":true'):
        raise SystemExit(f"not allowed: {status} {body[:200]}")
    return took


def round_trip(redis, account, organization):
    """A cold check's own question; its last value is that of the idle side, where nothing is."""
    place = f"{{{organization}}}"
    keys = ["rg:epoch", f"rg:h:{place}", f"rg:c:{place}", f"rg:r:{place}:0:{account}", f"rg:r:{place}:1:{account}"]
    sent = command("PING", "1234567890123456789") + command("MGET", *keys)
    start = time.perf_counter()
    redis.connection.send(sent)
    received = redis.connection.socket.recv(1 << 16)
    while not received.endswith(b"$-1\r\n"):
        received += redis.connection.socket.recv(1 << 16)
    took = time.perf_counter() - start
    if received.count(b"$-1") != 1:
        raise SystemExit(f"Redis holds less than it should: {received[:200]}")
    return took


def together(redis, sidecar, pairs, table, how, at_once):
    """Reads of Redis for each 64 questions; its heartbeats and this client's own reads are taken off."""
    connections = [sidecar.connect() for _ in range(at_once)]
    before, start = counts(redis), time.monotonic()
    times, undecided = [], 0
    for begin in range(0, len(pairs), TOGETHER):
        requests = [question(*pair) for pair in pairs[begin:begin + TOGETHER]]
        first = time.perf_counter()
        for low in range(0, TOGETHER, at_once):
            for connection, request in zip(connections, requests[low:low + at_once]):
                connection.send(request)
            for connection in connections:
                undecided += connection.answer()[0] != 200
        times.append(time.perf_counter() - first)
    after, lasted = counts(redis), time.monotonic() - start
    time.sleep(lasted)
    idle = counts(redis)
    rounds = len(pairs) // TOGETHER
    reads, questions = (2 * after[at] - before[at] - idle[at] for at in range(2))
    table.row(how, f"{reads / rounds:.1f}", f"{questions / rounds:.1f}", micros(quantile(times, 0.5)), undecided)


def counts(redis):
    """Reads from sockets and MGET commands so far."""
    reads = int(redis.info("stats")["total_reads_processed"])
    mget = redis.info("commandstats").get("cmdstat_mget", "calls=0,")
    return reads, int(mget.split("calls=")[1].split(",")[0])


def micros(seconds):
    return f"{seconds * 1e6:.0f} µs"
