#!/usr/bin/env python3
"""What a failover costs: seconds without an answer, for several bounds (B) and fail-static windows (F).

    cargo build --release && python3 benches/failover_cost.py

Starts a primary, two replicas, three Sentinels and a sidecar for each case, on free loopback ports; kills the primary; asks
about warm accounts all the time; prints one row for each case. Needs redis-server and redis-sentinel. Takes about two minutes.
"""
import http.client, json, os, shutil, signal, socket, subprocess, sys, tempfile, time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
ROLEGATE = os.environ.get("ROLEGATE", os.path.join(ROOT, "target", "release", "rolegate"))
DOWN_AFTER_MS = 1000
ACCOUNTS = [f"account-{number}" for number in range(50)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what, limit=20.0):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited {limit} s for {what}")
        time.sleep(0.02)


class Cluster:
    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.ports = [free_port() for _ in range(3)]
        for number, port in enumerate(self.ports):
            replica = [] if number == 0 else ["--replicaof", "127.0.0.1", str(self.ports[0])]
            self.start(["redis-server", "--port", str(port), "--save", "", "--dir", folder, *replica])
        until(lambda: self.replicas() == 2, "two replicas")
        self.sentinels = [free_port() for _ in range(3)]
        for port in self.sentinels:
            config = os.path.join(folder, f"sentinel-{port}.conf")
            with open(config, "w") as file:
                file.write(f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
                           f"sentinel monitor main 127.0.0.1 {self.ports[0]} 2\n"
                           f"sentinel down-after-milliseconds main {DOWN_AFTER_MS}\nsentinel failover-timeout main 10000\n")
            self.start(["redis-sentinel", config])
        until(self.sentinels_agree, "Sentinels that know each other and both replicas")

    def start(self, command):
        self.processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def ask(self, port, *words):
        done = subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True)
        return done.stdout

    def replicas(self):
        return self.ask(self.ports[0], "INFO", "replication").count("state=online")

    def sentinels_agree(self):
        def knows(port):
            master = self.ask(port, "SENTINEL", "MASTER", "main").split("\n")
            fields = dict(zip(master[::2], master[1::2]))
            return fields.get("num-slaves") == "2" and fields.get("num-other-sentinels") == "2"
        return all(knows(port) for port in self.sentinels)

    def url(self):
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{port}" for port in self.sentinels) + "/main"

    def kill_primary(self):
        self.processes[0].kill()

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


def ask(connection, account):
    connection.request("GET", f"/check?account={account}&organization=acme&product=LiveChat&role=normal")
    reply = connection.getresponse()
    body = json.loads(reply.read())
    return "stale" if body.get("stale") else "fresh" if reply.status == 200 else "none"


def cost(bound, window):
    folder = tempfile.mkdtemp(prefix="rolegate-failover-")
    cluster, server = Cluster(folder), None
    try:
        lines = os.path.join(folder, "acme.jsonl")
        with open(lines, "w") as file:
            file.write('{"organization":"acme","products":["LiveChat"]}\n')
            for number, account in enumerate(ACCOUNTS):
                primary = "owner" if number == 0 else "member"
                roles = [{"product": "Accounts", "role": primary}, {"product": "LiveChat", "role": "normal"}]
                file.write(json.dumps({"organization": "acme", "account": account, "roles": roles}) + "\n")
        subprocess.run([ROLEGATE, "import", "--redis", cluster.url(), lines], check=True, stdout=subprocess.DEVNULL)
        heartbeat = str(min(100, bound // 5))
        server = subprocess.Popen([ROLEGATE, "serve", "--redis", cluster.url(), "--listen", "127.0.0.1:0",
                                   "--freshness-bound", str(bound), "--redis-heartbeat", heartbeat,
                                   "--fail-static", f"*={window}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        address = server.stdout.readline().split("http://")[1].strip()
        connection = http.client.HTTPConnection(address)
        until(lambda: all(ask(connection, account) == "fresh" for account in ACCOUNTS), "a warm sidecar")
        cluster.kill_primary()
        killed, seen = time.monotonic(), []
        while time.monotonic() - killed < 8:
            account = ACCOUNTS[len(seen) % len(ACCOUNTS)]
            seen.append((time.monotonic() - killed, ask(connection, account)))
            time.sleep(0.002)
        return seen
    finally:
        if server:
            server.send_signal(signal.SIGKILL)
            server.wait()
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def span(seen, kind):
    moments = [moment for moment, said in seen if said == kind]
    return f"{moments[0]:.2f} – {moments[-1]:.2f} s" if moments else "none"


def main():
    print(f"| B | F | no answer (after the kill) | stale answers | (down-after {DOWN_AFTER_MS} ms) |\n|---|---|---|---|---|")
    for bound, window in [(500, 0), (1000, 0), (2000, 0), (5000, 0), (1000, 1000), (1000, 5000)]:
        seen = cost(bound, window)
        print(f"| {bound} ms | {window} ms | {span(seen, 'none')} | {span(seen, 'stale')} | {len(seen)} questions |", flush=True)


if __name__ == "__main__":
    main()
