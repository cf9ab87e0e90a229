"""What rolegate does with much data, many changes and too many questions; the sections "At scale" of docs/performance.md.

    cargo build --release && python3 benches/scale COMMAND      # --help names commands and options; ROLEGATE=PATH another build

Every command starts and stops Redis and sidecars of its own on free loopback ports, shows its progress on standard error,
and prints a table, or with --json a document. Needs redis-server, and for a million organizations 16 GB of memory. The full
measurement:

    for COMMAND in memory cold growth storm overload; do python3 benches/scale $COMMAND; done
    python3 benches/scale churn --minutes 60
"""
import argparse, signal, sys

from cold import cold
from growth import growth
from memory import churn, memory
from overload import overload
from storm import storm


def numbers(text):
    return [int(part) for part in text.replace("_", "").split(",")]


def arguments():
    parser = argparse.ArgumentParser(prog="scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="documents in place of tables")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run, summary, **options):
        one = commands.add_parser(run.__name__, help=summary, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        one.set_defaults(run=run)
        for name, (default, meaning) in options.items():
            kind = numbers if isinstance(default, list) else type(default)
            one.add_argument("--" + name.replace("_", "-"), type=kind, default=default, help=meaning)

    command(memory, "bytes for each cached account, and the bound on the cache",
            accounts=(1_000_000, "accounts in Redis"), sizes=([20, 1], "accounts of an organization"),
            cache_bytes=(32 << 20, "of the bounded cache"))
    command(churn, "memory while random accounts are asked and changed",
            minutes=(3.0, "how long"), accounts=(200_000, "accounts in Redis"), changes=(1_000, "role sets a second"),
            cache_bytes=(64 << 20, "of the cache"))
    command(cold, "a check whose account is not cached, beside one round trip to Redis",
            questions=(10_000, "of each kind"), rounds=(200, "of 64 questions at the same time"))
    command(growth, "start, checks and memory from a thousand organizations to a million",
            organizations=([1_000, 10_000, 100_000, 1_000_000], "of 20 accounts each"), rate=(2_000, "checks a second"),
            seconds=(5, "of each load"), crowd=(100_000, "accounts of the large organization"))
    command(storm, "checks while role sets are changed as fast as Redis takes them",
            organizations=(10_000, "of 20 accounts each"), rate=(2_000, "checks a second"), seconds=(10, "of each load"),
            connections=(16, "of the load"), rounds=(3, "of each"), changes=(0, "role sets a second; 0: as many as go"),
            together=(1, "role sets in one write; every rolegate command but a transfer writes one"),
            apart=(0, "1: Redis and the writer on one half of the processors, sidecar and load on the other"))
    command(overload, "ten times as many questions as can be answered",
            seconds=(2, "of the plan at ten times the capacity"), connections=(1_000, "of the load"),
            max_requests=(1_024, "that the sidecar takes at the same time"),
            apart=(0, "1: load and probes on one half of the processors, Redis and sidecar on the other"))
    return parser.parse_args()


if __name__ == "__main__":
    # Whatever was started ends with the blocks that are left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    options = arguments()
    options.run(options)
