#!/usr/bin/env python3
"""The views of `replay --dump`, held against the tools that they speak like.

    views.py PATH/TO/sallyport

Two namespaces, a host and a peer, talk over a veth pair: UDP, TCP, ICMP, GRE, both families, zones,
marks, sets, helpers. tcpdump records at the host. At two moments the host is asked for `conntrack -L`,
/proc/net/nf_conntrack, `conntrack -L expect`, `ipset save` and `iptables-save -c`, and Sallyport, from the recording, for
the same at those moments (--at); and `conntrack -E`, which listened all the while, is held against
--events. Texts must be equal to the letter, less the order of hash tables and of different flows'
events, and the comments of iptables-save.

Packets are sent in two bursts, and the moments lie where no packet's age is near a whole second, so
that seconds are equal too. A machine too busy for that is asked again, twice.

Exits 77, which ctest calls skipped, without root and the tools.
"""
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOOLS = ["ip", "mount", "unshare", "sysctl", "conntrack", "ipset", "iptables-legacy-restore", "iptables-legacy-save",
         "ip6tables-legacy-restore", "ip6tables-legacy-save", "tcpdump"]
HOST, PEER = "10.0.0.1", "10.0.0.9"
HOST6, PEER6 = "fd00::1", "fd00::9"
KNOBS = ["net.netfilter.nf_conntrack_acct=1", "net.netfilter.nf_conntrack_timestamp=1",
         "net.netfilter.nf_conntrack_udp_timeout=40", "net.netfilter.nf_conntrack_icmp_timeout=2"]

SETS = """\
create seen hash:ip,port family inet hashsize 1024 maxelem 65536 timeout 100 counters bucketsize 12
create senders hash:net family inet hashsize 1024 maxelem 65536 comment bucketsize 12
add senders 10.0.0.0/24 comment "on the wire"
create both list:set size 8
add both senders
"""
RULES = f"""\
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --sport 1007 -j CT --zone 5
-A OUTPUT -p udp -m udp --dport 1007 -j CT --zone 5
-A OUTPUT -p udp -m udp --dport 1010 -j CT --zone-orig 6
-A OUTPUT -p udp -m udp --dport 69 -j CT --helper tftp
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A INPUT -p udp -m udp --sport 1008 -m connlabel --label "eth0-in" --set
-A OUTPUT -p udp -m udp --dport 1008 -j CONNMARK --set-mark 7
-A OUTPUT -p udp -m udp --dport 1008 -m connlabel --label "bulk" --set
-A OUTPUT -m connlabel ! --label "9" --set
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:known - [0:0]
-A INPUT -m set --match-set both src -j known
-A OUTPUT -p udp -j SET --add-set seen dst,dst --exist
-A known -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A known -p udp -m udp --dport 1099 -j DROP
COMMIT
"""
RULES6 = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
"""
LABELS = "0 eth0-in\n5 bulk\n"
# Runs a command that finds the names of labels where iptables and conntrack look for them: in an /etc
# that is a copy, which ends with the command.
NAMED = f"""set -e
mount -t tmpfs none "$0"
cp -a /etc/. "$0"
mkdir -p "$0/xtables"
printf '{LABELS}' > "$0/xtables/connlabel.conf"
mount --bind "$0" /etc
exec "$@"
"""
TFTP, QUIET = b"\0\1file\0octet\0", b"\0\1quiet\0octet\0"
VIEWS = {
    "conntrack": ["conntrack", "-L"],
    "labels": ["conntrack", "-L", "-o", "labels"],
    "proc": ["cat", "/proc/net/nf_conntrack"],
    "expect": ["conntrack", "-L", "expect"],
    "ipset": ["ipset", "save"],
    "iptables": ["iptables-legacy-save", "-c"],
    "ip6tables": ["ip6tables-legacy-save", "-c"],
}


def run(*command, **more):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def serve():
    """The peer: echoes UDP and TCP until its input ends."""
    import selectors
    ready = selectors.DefaultSelector()
    for family, kind, port in [(socket.AF_INET, socket.SOCK_DGRAM, p) for p in (69, 1007, 1008)] + [
            (socket.AF_INET6, socket.SOCK_DGRAM, 1009), (socket.AF_INET, socket.SOCK_STREAM, 8080)]:
        one = socket.socket(family, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("", port))
        if kind == socket.SOCK_STREAM:
            one.listen()
        ready.register(one, selectors.EVENT_READ, kind)
    ready.register(sys.stdin, selectors.EVENT_READ, "input")
    print("ready", flush=True)
    connections = []
    while True:
        for key, _ in ready.select():
            if key.data == "input":
                return
            if key.data == socket.SOCK_DGRAM:
                data, sender = key.fileobj.recvfrom(2000)
                if data == QUIET:
                    continue
                # TFTP's answers come from a port of their own.
                answerer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if data == TFTP else key.fileobj
                answerer.sendto(data, sender)
                if data == b"knock":
                    key.fileobj.sendto(b"x", (HOST, 1099))
            elif key.data == socket.SOCK_STREAM:
                connection, _ = key.fileobj.accept()
                connections.append(connection)
                ready.register(connection, selectors.EVENT_READ, "connection")
            else:
                try:
                    data = key.fileobj.recv(2000)
                except ConnectionResetError:
                    data = b""
                if data:
                    key.fileobj.send(data)
                else:
                    ready.unregister(key.fileobj)
                    key.fileobj.close()


def look():
    """What every tool says now, and when that was. None: it took too long to be one moment."""
    began = time.time()
    texts = {view: run(*command, stderr=subprocess.DEVNULL) for view, command in VIEWS.items()}
    ended = time.time()
    return {"at": (began + ended) / 2, "texts": texts} if ended - began < 0.25 else None


class Talk:
    """The host's side of it."""

    def __init__(self):
        self.sockets = []

    def open(self, *kind):
        self.sockets.append(socket.socket(*kind))
        self.sockets[-1].settimeout(2)
        return self.sockets[-1]

    def udp(self, port, data=b"x", echoed=True, family=socket.AF_INET):
        one = self.open(family, socket.SOCK_DGRAM)
        one.sendto(data, (PEER6 if family == socket.AF_INET6 else PEER, port))
        if echoed:
            one.recv(100)
        return one

    def raw(self, protocol, body):
        self.open(socket.AF_INET, socket.SOCK_RAW, protocol).sendto(bytes.fromhex(body), (PEER, 0))

    def tcp(self):
        one = self.open(socket.AF_INET, socket.SOCK_STREAM)
        one.connect((PEER, 8080))
        self.exchange(one)
        return one

    @staticmethod
    def exchange(one):
        one.send(b"hello")
        one.recv(100)


def talk():
    """The host: two bursts of packets, and a look after each."""
    listeners = {view: subprocess.Popen(["conntrack", "-E", *what], text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
                 for view, what in (("events", ["-o", "extended,labels"]), ("expect events", ["expect"]))}
    time.sleep(0.3)  # until it listens; it does not say when it does
    host = Talk()
    host.udp(1007)
    marked = host.udp(1008, b"knock")
    host.udp(1009, family=socket.AF_INET6)
    host.udp(1010, echoed=False)  # no one listens: an ICMP error
    host.raw(1, "0800f7fd00010001")
    host.raw(47, "00" * 16)
    host.udp(69, TFTP)
    host.udp(69, QUIET, echoed=False)
    host.tcp().close()
    open_connection = host.tcp()
    began = time.time()
    time.sleep(0.5)
    looks = [look()]
    time.sleep(max(0, began + 3 - time.time()))
    marked.sendto(b"x", (PEER, 1008))
    marked.recv(100)
    host.exchange(open_connection)
    reset = host.tcp()
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset.close()
    time.sleep(0.5)
    looks.append(look())
    events = {}
    for view, listener in listeners.items():
        listener.terminate()
        events[view] = listener.communicate()[0]
    json.dump({"looks": looks, "events": events}, sys.stdout)


class Scene:
    """The namespaces and what runs in them, until the end of the with block."""

    def __init__(self, scratch):
        self.host, self.peer = (f"sallyport-views-{name}-{os.getpid()}" for name in "hp")
        self.capture = os.path.join(scratch, "capture.pcap")
        self.etc = os.path.join(scratch, "etc")
        os.mkdir(self.etc)

    def inside(self, name, *command):
        return ["ip", "netns", "exec", name, *command]

    def __enter__(self):
        for name in (self.host, self.peer):
            run("ip", "netns", "add", name)
            # No link-local address: what came from it would be another host's to the engine.
            run(*self.inside(name, "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1",
                             "net.ipv6.conf.default.accept_ra=0",
                             "net.ipv6.conf.default.router_solicitations=0",
                             "net.ipv6.conf.default.accept_dad=0"))
        run("ip", "link", "add", "v0", "netns", self.host, "type", "veth", "peer", "name", "v1", "netns", self.peer)
        for name, device, address, address6 in ((self.host, "v0", HOST, HOST6), (self.peer, "v1", PEER, PEER6)):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", device)
            run("ip", "-n", name, "address", "add", f"{address6}/64", "dev", device, "nodad")
            run("ip", "-n", name, "link", "set", device, "up")
        time.sleep(1.5)  # until the new interfaces have said what they say
        run(*self.inside(self.host, "sysctl", "-qw", *KNOBS))
        self.server = subprocess.Popen(self.inside(self.peer, sys.executable, __file__, "--serve"),
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.server.stdout.readline()
        self.recorder = subprocess.Popen(
            self.inside(self.host, "tcpdump", "-Z", "root", "--immediate-mode", "-U", "-i", "v0", "-w", self.capture),
            stderr=subprocess.PIPE, text=True)
        self.recorder.stderr.readline()
        return self

    def __exit__(self, *_):
        for process in (self.server, self.recorder):
            process.terminate()
            process.wait()
        for name in (self.host, self.peer):
            run("ip", "netns", "del", name)

    def play(self):
        run(*self.inside(self.host, "ipset", "restore"), input=SETS)
        named = self.inside(self.host, "unshare", "--mount", "sh", "-c", NAMED, self.etc)
        run(*named, "iptables-legacy-restore", input=RULES)
        run(*self.inside(self.host, "ip6tables-legacy-restore"), input=RULES6)
        seen = json.loads(run(*named, sys.executable, __file__, "--talk"))
        time.sleep(0.2)
        self.recorder.terminate()
        self.recorder.wait()
        return seen


def comparable(view, text):
    """Lines, those of a hash table sorted, as are whole tables of rules; without iptables-save's comments."""
    lines = [re.sub(r" initval 0x\w+", "", line) for line in text.splitlines() if not line.startswith("#")]
    if view == "ipset":
        return [lines[0], *sorted(lines[1:])]
    if view in ("conntrack", "labels", "proc", "expect"):
        return sorted(lines)
    if view == "expect events":
        return lines
    if view == "events":
        return sorted(lines, key=lambda line: line[line.index("src="):line.index(" dst=", line.index(" dst=") + 1)]
                      .replace(" [UNREPLIED]", ""))
    tables = re.split(r"^(?=\*)", "\n".join(lines), flags=re.M)
    return "\n".join(table.strip() for table in sorted(tables)).splitlines()[1:]


def ours(program, scratch, capture, wanted, at):
    names = {}
    for name, text in (("rules", RULES), ("rules6", RULES6), ("sets", SETS), ("labels", LABELS)):
        names[name] = os.path.join(scratch, name)
        with open(names[name], "w", encoding="utf-8") as file:
            file.write(text)
    arguments = [argument for name, path in names.items() for argument in (f"--{name}", path)]
    for knob in KNOBS:
        arguments += ["--sysctl", knob]
    return run(program, "replay", *arguments, "--host", f"v0={HOST}/24,v0={HOST6}/64", "--checksums", "ignore",
               "--compat", "linux", *wanted, "--at", f"{at:.6f}", capture)


def difference(what, view, theirs, mine):
    """Of two texts, in words; empty if there is none."""
    theirs, mine = comparable(view, theirs), comparable(view, mine)
    if theirs and mine == theirs:
        return ""
    return "".join([f"{what}, {view}: {len(theirs)} and {len(mine)} lines\n",
                    *(f"  kernel: {line}\n" for line in theirs if line not in mine),
                    *(f"  ours:   {line}\n" for line in mine if line not in theirs)])


def attempt(program):
    """The differences, as text."""
    with tempfile.TemporaryDirectory(prefix="sallyport-views-") as scratch, Scene(scratch) as scene:
        seen = scene.play()
        if not all(seen["looks"]):
            return "the tools took too long\n"
        found = ""
        for number, moment in enumerate(seen["looks"], 1):
            for view, text in moment["texts"].items():
                dump = ["--dump", "conntrack", "-o", "labels"] if view == "labels" else ["--dump", view]
                mine = ours(program, scratch, scene.capture, dump, moment["at"])
                found += difference(f"moment {number}", view, text, mine)
        for view, flags in (("events", ["--events", "-o", "extended,labels"]), ("expect events", ["--events=expect"])):
            mine = ours(program, scratch, scene.capture, flags, seen["looks"][-1]["at"])
            found += difference("all the while", view, seen["events"][view], mine)
        return found


def main():
    if sys.argv[1:] == ["--serve"]:
        return serve()
    if sys.argv[1:] == ["--talk"]:
        return talk()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        print("skipped:", "not root" if not missing else f"no {', '.join(missing)}")
        return 77
    for _ in range(3):
        differences = attempt(os.path.abspath(sys.argv[1]))
        if not differences:
            print(f"{len(VIEWS)} views at 2 moments, and the events between, are the kernel's to the letter")
            return 0
        print(differences)
    return 1


if __name__ == "__main__":
    sys.exit(main())
