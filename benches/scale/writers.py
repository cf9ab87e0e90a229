"""Changes of role sets as fast as one Redis takes them, or at a rate: by rolegate's own commit script, from a process of its
own.

Always true here: every change goes through the script that `rolegate scripts commit` prints, as a grant of one role does,
with the generation it expects, its record in the audit and its entry in the log; a change that is refused ends the
measurement. Used by `storm` and `memory`.
"""
import itertools, multiprocessing, os, random, subprocess, sys, time

from lab import ROLEGATE
from wire import Resp, command
from world import PRODUCT, Form, primary

LOG_LENGTH = 1_000_000
IN_A_PIPELINE = 100
ROLES = ("administrator", "normal")
HELD = ('{"account":"%s","roles":[{"role":"Accounts/administrator"},{"role":"Accounts/billing_editor"},'
        '{"role":"LiveChat/normal"}]}')


class Writers:
    """Changes random accounts of the organizations from `first` on, `together` in one write; `rate` in role sets a second,
    0 without a limit."""

    def __init__(self, redis, world, rate, first=0, together=1):
        self.count, self.stop = multiprocessing.Value("q", 0), multiprocessing.Event()
        form = Form(redis, world.organization(0))
        arguments = (redis.port, form, world, rate, first, together, self.count, self.stop)
        self.process = multiprocessing.Process(target=change_on, args=arguments, daemon=True)

    def changed(self):
        """Role sets changed so far."""
        return self.count.value

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        self.process.join(10)
        if self.process.exitcode != 0 and kind is None:
            sys.exit("the writer broke off")


def script():
    return subprocess.run([ROLEGATE, "scripts", "commit"], stdout=subprocess.PIPE, check=True).stdout


def change_on(port, form, world, rate, first, together, count, stop):
    """Two pipelines in turn, each of its own half of the organizations: Redis runs one while the other is made."""
    if not rate:
        # As if it ran elsewhere: what Redis and the sidecar need comes first.
        os.nice(19)
    connection, reading = Resp(port), Resp(port)
    loaded, epoch = reading.ask("SCRIPT", "LOAD", script()), reading.ask("GET", "rg:epoch")
    halves = itertools.cycle(range(first + half, world.organizations, 2) for half in (0, 1))
    counters, under_way = {}, []
    start = time.monotonic()
    while under_way or not stop.is_set():
        half = next(halves)
        chosen = [] if stop.is_set() else random.sample(half, min(IN_A_PIPELINE, len(half)))
        sent = []
        for number in chosen:
            if number not in counters:
                counters[number] = reading.ask("GET", f"rg:c:{{{world.organization(number)}}}")
            sent.append(change(form, world, number, loaded, epoch, counters[number], together))
        connection.send(b"".join(sent))
        for number in under_way:
            suffix = form.counter_suffix(world.organization(number))
            counters[number] = connection.answer() + suffix.encode()
        with count.get_lock():
            count.value += len(under_way) * together
        under_way = chosen
        if rate:
            stop.wait(max(0.0, start + count.value / rate - time.monotonic()))


def change(form, world, number, loaded, epoch, counter, together):
    """One EVALSHA that gives each of some accounts one of two roles."""
    organization, place = world.organization(number), f"{{{world.organization(number)}}}"
    keys = ["rg:epoch", "rg:clock", "rg:log", "rg:audit", "rg:keys", f"rg:h:{place}", f"rg:c:{place}", f"rg:i:{place}:0"]
    accounts, bodies = [], []
    for position in random.sample(range(world.size), together):
        account, role = world.account(number, position), random.choice(ROLES)
        keys += [f"rg:r:{place}:0:{account}", f"rg:m:{account}"]
        bodies += [account, form.body(organization, account, primary(position), role)]
        accounts.append(account)
    noted = record(organization, counter.split(b" ", 1)[0].decode(), accounts)
    return command("EVALSHA", loaded, len(keys), *keys, epoch, LOG_LENGTH, noted, "", counter,
                   form.counter_suffix(organization), organization, "", world.size, world.account(number, 0), *bodies)


def record(organization, previous, accounts):
    """What the audit keeps of a write: of the shape and length of a real one."""
    held = ",".join(HELD % account for account in accounts)
    return (f'{{"organization":"{organization}","previous":{previous},"actor":"bench","command":{{"account":"{accounts[0]}",'
            f'"command":"change_roles","delete":[],"set":[{{"role":"{PRODUCT}/normal"}}]}},'
            f'"before":{{"accounts":[{held}]}},"after":{{"accounts":[{held}]}}}}')
