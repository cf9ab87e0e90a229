"""A Redis and a sidecar of a measurement's own: started on free loopback ports, measured from outside, stopped with it.

Always true here: whatever is started ends with its `with` block; every wait has an end. Used by every measurement.
"""
import contextlib, json, os, shutil, signal, subprocess, sys, tempfile, time

from wire import Http, Resp, free_port

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ROLEGATE = os.environ.get("ROLEGATE", os.path.join(ROOT, "target", "release", "rolegate"))
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
FOR_AN_HOUR_MS = 3_600_000
LONGEST_LOAD = 600


def until(condition, what, limit=20.0):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited {limit} s for {what}")
        time.sleep(0.002)


def progress(text):
    """Tells whoever waits; tables alone go to standard output."""
    print(text, file=sys.stderr, flush=True)


def halves(apart):
    """All processors twice, or one half of them and the other."""
    processors = sorted(os.sched_getaffinity(0))
    middle = len(processors) // 2
    return (processors[:middle], processors[middle:]) if apart else (processors, processors)


@contextlib.contextmanager
def on(processors):
    """What is started meanwhile runs on these."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A process whose memory (bytes) and CPU time (seconds) are read from outside."""

    def __init__(self, command, **options):
        self.popen = subprocess.Popen(command, **options)
        self.pid = self.popen.pid

    def rss(self):
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))

    def cpu(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def kill(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()


class Redis:
    """A Redis that keeps nothing on disk."""

    def __init__(self, *settings):
        self.settings = settings

    def __enter__(self):
        self.folder, self.port = tempfile.mkdtemp(prefix="rolegate-scale-"), free_port()
        self.process = Process(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
                                "--dir", self.folder, *self.settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, "Redis")
        return self

    def _answers(self):
        try:
            self.connection = Resp(self.port)
            return self.ask("PING") == b"PONG"
        except OSError:
            return False

    def ask(self, *words):
        return self.connection.ask(*words)

    def info(self, section):
        lines = self.ask("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def __exit__(self, *_):
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sidecar:
    """`rolegate serve` over a Redis; `listening` and `ready` are seconds from its start."""

    def __init__(self, redis, **settings):
        self.command = [ROLEGATE, "serve", "--redis", redis.url, "--listen", "127.0.0.1:0"]
        for name, value in settings.items():
            self.command += ["--" + name.replace("_", "-"), str(value)]

    def __enter__(self):
        start = time.monotonic()
        self.process = Process(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.popen.stdout.readline()
        if "http://" not in line:
            self.process.kill()
            sys.exit(f"the sidecar did not start: {' '.join(self.command)}")
        self.listening = time.monotonic() - start
        self.url = line[line.index("http://"):].strip()
        until(lambda: self.connect().get("/readyz")[0] == 200, "a sidecar that is ready")
        self.ready = time.monotonic() - start
        return self

    def connect(self):
        return Http(self.url)

    def metrics(self):
        """Sums over all labels, and each sample by its name with labels."""
        found = {}
        for line in self.connect().get("/metrics")[1].decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
                bare = name.split("{")[0]
                if bare != name:
                    found[bare] = found.get(bare, 0.0) + float(value)
        return found

    def __exit__(self, *_):
        self.process.kill()
        self.process.popen.stdout.close()


def offer(sidecar, accounts, rate, seconds, connections, warm_up=1, prefix=()):
    """The report of `rolegate bench`: questions at a constant rate about the accounts of a file."""
    command = [*prefix, ROLEGATE, "bench", sidecar.url, "--accounts", accounts, "--rate", str(rate), "--duration", str(seconds),
               "--warm-up", str(warm_up), "--connections", str(connections), "--timeout", "60", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_LOAD)
    if not done.stdout:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


class Table:
    """Rows for docs/performance.md, each shown when it is there, or one JSON document at the end."""

    def __init__(self, as_json, title, *columns):
        self.as_json, self.title, self.columns, self.rows = as_json, title, columns, []
        if not as_json:
            print(f"\n{title} ({machine()})\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)

    def row(self, *cells):
        self.rows.append(cells)
        if not self.as_json:
            print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.as_json and kind is None:
            rows = [dict(zip(self.columns, row)) for row in self.rows]
            print(json.dumps({"title": self.title, "machine": machine(), "rows": rows}, indent=2), flush=True)


def machine():
    version = subprocess.run([ROLEGATE, "--version"], capture_output=True, text=True).stdout.strip()
    return f"{version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%d %B %Y')}"


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def mebibytes(count):
    return f"{count / 2**20:.1f} MiB"
