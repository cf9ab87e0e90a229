"""Organizations by number: identifiers, role sets and questions, and a generator that fills a Redis with them.

Always true here: identifiers have 36 bytes, and everything about an organization follows from its number. The generator
writes the values that `rolegate import` writes: organization 0 is imported by rolegate, and every run first compares each of
its keys, byte by byte, with what the generator makes of it. All others share its generation, as if they had been written in
the same moment long ago: they have no entries in log and audit, which is all that is missing. Used by every measurement.
"""
import json, multiprocessing, os, random, subprocess, sys, time, zlib

from lab import ROLEGATE, progress
from wire import Resp, command, post

PRODUCT, ROLE = "LiveChat", "administrator"
MIX = 0x9E3779B97F4A7C15
ORGANIZATIONS_IN_A_PIPELINE = 50
MEMBERS_IN_A_COMMAND = 1000
IN_A_BATCH = 1000
TRIES = 20


def identifier(number):
    digits = f"{(number + 1) * MIX & 0xFFFFFFFFFFFFFFFF:016x}{number:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class World:
    """Organizations 0 … `organizations` - 1 with `size` accounts each, three roles for each account."""

    def __init__(self, organizations, size, first=0):
        self.organizations, self.size, self.first = organizations, size, first

    def organization(self, number):
        return identifier(self.first + number)

    def account(self, number, position):
        return identifier((self.first + number) * self.size + position)

    def anybody(self):
        number = random.randrange(self.organizations * self.size)
        return self.pair(number)

    def pair(self, number):
        """The account of this number and its organization."""
        return self.account(number // self.size, number % self.size), self.organization(number // self.size)

    def pairs(self):
        return [self.pair(number) for number in range(self.organizations * self.size)]

    def lines(self, number):
        """An organization as `import` takes it."""
        organization = self.organization(number)
        yield json.dumps({"organization": organization, "products": [PRODUCT]})
        for position in range(self.size):
            roles = [("Accounts", primary(position)), ("Accounts", "billing_editor"), (PRODUCT, ROLE)]
            yield json.dumps({"organization": organization, "account": self.account(number, position),
                              "roles": [{"product": product, "role": role} for product, role in roles]})


def write_accounts(path, pairs):
    """A file for `rolegate bench`."""
    with open(path, "w") as file:
        for account, organization in pairs:
            file.write(json.dumps({"organization": organization, "account": account, "roles": []}) + "\n")
    return path


def primary(position):
    return "owner" if position == 0 else "administrator"


def question(account, organization):
    return post("/check", {"account": account, "organization": organization, "product": PRODUCT, "role": ROLE})


def batch(pairs):
    checks = [{"account": account, "organization": organization} for account, organization in pairs]
    return post("/check/batch", {"product": PRODUCT, "role": ROLE, "checks": checks})


def ask_all(connection, pairs):
    """Asks about everybody until each question is decided; how many are allowed."""
    allowed = 0
    for at in range(0, len(pairs), IN_A_BATCH):
        for _ in range(TRIES):
            status, body = connection.ask(batch(pairs[at:at + IN_A_BATCH]))
            if status == 200 and b'"error"' not in body:
                allowed += body.count(b'"allowed":true')
                break
            time.sleep(0.05)
        else:
            raise SystemExit(f"a batch was not decided in {TRIES} tries: {status} {body[:200]}")
    return allowed


def imported(redis, lines):
    """Seconds that `rolegate import` took for these lines."""
    start = time.monotonic()
    done = subprocess.run([ROLEGATE, "import", "--redis", redis.url, "--force", "-"], capture_output=True, text=True,
                          input="\n".join(lines) + "\n")
    if done.returncode != 0:
        sys.exit(f"import: {done.stdout}{done.stderr}")
    return time.monotonic() - start


class Form:
    """Keys and values of a store, as `rolegate import` writes them; its generations are those of one import."""

    def __init__(self, redis, organization):
        header = redis.ask("GET", f"rg:h:{{{organization}}}")
        self.generation, body = header.decode().split(" ", 1)
        body = json.loads(body.rsplit(" ", 1)[0])
        self.store, self.number, self.enabling = body["s"], body["n"], body["p"][0][1]
        role_set = redis.ask("GET", f"rg:r:{{{organization}}}:0:{body['a']}")
        self.staged = role_set.decode().split(" ", 1)[0]

    def header(self, world, number):
        return f"{self.generation} " + sealed(
            f'{{"v":1,"s":"{self.store}","o":"{world.organization(number)}","a":"{world.account(number, 0)}","c":{world.size},'
            f'"d":0,"n":{self.number},"p":[["{PRODUCT}",{self.enabling},false]]}}')

    def counter_suffix(self, organization):
        return f" {self.store} {organization}"

    def body(self, organization, account, accounts_role, role=ROLE):
        """A role set without its generation."""
        first, second = sorted((accounts_role, "billing_editor"))
        return sealed(
            f'{{"v":1,"s":"{self.store}","o":"{organization}","a":"{account}","n":{self.number},"r":[["Accounts","{first}",0],'
            f'["Accounts","{second}",0],["{PRODUCT}","{role}",{self.enabling}]]}}')

    def keys(self, world, number):
        """Every text value of an organization, its header last."""
        organization = world.organization(number)
        for position in range(world.size):
            account = world.account(number, position)
            body = self.body(organization, account, primary(position))
            yield f"rg:r:{{{organization}}}:0:{account}", f"{self.staged} {body}"
        yield f"rg:c:{{{organization}}}", self.generation + self.counter_suffix(organization)
        yield f"rg:h:{{{organization}}}", self.header(world, number)


def sealed(text):
    return f"{text} {zlib.crc32(text.encode()):08x}"


def fill(redis, world, workers=os.cpu_count()):
    """Fills an empty Redis; seconds that it took. Says how far it is."""
    start = time.monotonic()
    imported(redis, world.lines(0))
    form = Form(redis, world.organization(0))
    compare(redis, form, world)
    done = multiprocessing.Value("q", 1)
    step = -(-world.organizations // workers)
    parts = [(low, min(low + step, world.organizations)) for low in range(0, world.organizations, step)]
    processes = [multiprocessing.Process(target=write, args=(redis.port, form, world, max(low, 1), high, done), daemon=True)
                 for low, high in parts]
    for process in processes:
        process.start()
    shown = start
    for process in processes:
        while process.is_alive():
            process.join(0.2)
            if time.monotonic() - shown > 5:
                shown = time.monotonic()
                progress(f"{done.value:,} of {world.organizations:,} organizations, {shown - start:.0f} s")
        if process.exitcode != 0:
            sys.exit("the generator broke off")
    return time.monotonic() - start


def compare(redis, form, world):
    """Ends the run unless the generator makes of organization 0 what rolegate made of it."""
    for key, value in form.keys(world, 0):
        stored = redis.ask("GET", key)
        if stored != value.encode():
            sys.exit(f"the generator is out of date: {key}\n  rolegate   {stored}\n  generator  {value.encode()}")
    stored, made = set(), set()
    for position in range(world.size):
        made.add(f"rg:m:{world.account(0, position)}")
    made |= {key for key, _ in form.keys(world, 0)} | {f"rg:i:{{{world.organization(0)}}}:0"}
    for pattern in ("rg:m:*", "rg:?:{*"):
        stored |= {key.decode() for key in redis.ask("KEYS", pattern)}
    lock = {f"rg:l:{{{world.organization(0)}}}"}
    if stored - lock != made:
        sys.exit(f"the generator is out of date: other keys are {sorted(stored - lock ^ made)[:5]}")


def write(port, form, world, low, high, done):
    """Writes organizations low … high - 1, several to a round trip."""
    connection = Resp(port)
    for begin in range(low, high, ORGANIZATIONS_IN_A_PIPELINE):
        end = min(begin + ORGANIZATIONS_IN_A_PIPELINE, high)
        commands = [words for number in range(begin, end) for words in organization_commands(form, world, number)]
        connection.send(b"".join(command(*words) for words in commands))
        for _ in commands:
            connection.answer()
        with done.get_lock():
            done.value += end - begin


def organization_commands(form, world, number):
    organization = world.organization(number)
    accounts = [world.account(number, position) for position in range(world.size)]
    texts = [text for pair in form.keys(world, number) for text in pair]
    for at in range(0, len(texts), 2 * MEMBERS_IN_A_COMMAND):
        yield ["MSET", *texts[at:at + 2 * MEMBERS_IN_A_COMMAND]]
    for at in range(0, len(accounts), MEMBERS_IN_A_COMMAND):
        members = [word for account in accounts[at:at + MEMBERS_IN_A_COMMAND] for word in (0, account)]
        yield ["ZADD", f"rg:i:{{{organization}}}:0", *members]
    for account in accounts:
        yield ["ZADD", f"rg:m:{account}", 0, organization]
    yield ["ZADD", "rg:organizations", 0, organization]
