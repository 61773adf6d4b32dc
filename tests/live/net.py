"""A host whose firewall is Sallyport, and a peer, in network namespaces of the test's own.

    host eth0 10.0.0.1/24 fd00::1/64  <-- veth -->  eth0 10.0.0.9/24 (and .10) fd00::9/64 peer

Programs run in them by `ip netns exec`; sockets are made in them by entering them for a moment.
All is gone with the test, whatever becomes of it.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from program import FILTER, rules  # noqa: F401: the tests' own words for rules
import program

TOOLS = ["ip", "iptables", "iptables-restore", "ip6tables"]
HOST, PEER, OTHER = "10.0.0.1", "10.0.0.9", "10.0.0.10"
HOST6, PEER6 = "fd00::1", "fd00::9"
CLONE_NEWNET = 0x40000000


def missing():
    """Why a test cannot run here; empty: it can."""
    if os.geteuid() != 0:
        return "not root"
    lost = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"no {', '.join(lost)}" if lost else ""


def sh(*command, **more):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more).stdout


class Namespace:
    def __init__(self, name):
        self.name = f"sallyport-{name}-{os.getpid()}"
        sh("ip", "netns", "add", self.name)
        self.sh("ip", "link", "set", "lo", "up")

    def sh(self, *command, **more):
        return sh("ip", "netns", "exec", self.name, *command, **more)

    def start(self, *command, **more):
        return subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)], text=True, **more)

    @contextlib.contextmanager
    def entered(self):
        """Sockets that are made inside belong to the namespace."""
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        other = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        libc = __import__("ctypes").CDLL(None, use_errno=True)
        try:
            if libc.setns(other, CLONE_NEWNET) != 0:
                raise OSError("setns")
            yield
        finally:
            libc.setns(own, CLONE_NEWNET)
            os.close(own)
            os.close(other)

    def udp(self, address="", port=0, family=None, timeout=1.0):
        family = family or (socket.AF_INET6 if ":" in address else socket.AF_INET)
        with self.entered():
            one = socket.socket(family, socket.SOCK_DGRAM)
        one.settimeout(timeout)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        return one

    def listen(self, address="", port=0, family=None):
        family = family or (socket.AF_INET6 if ":" in address else socket.AF_INET)
        with self.entered():
            one = socket.socket(family, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        one.listen()
        one.settimeout(2)
        return one

    def tcp(self, to, timeout=1.0):
        """A connection; what went wrong is raised."""
        family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
        with self.entered():
            one = socket.socket(family, socket.SOCK_STREAM)
        one.settimeout(timeout)
        try:
            one.connect(to)
        except OSError:
            one.close()
            raise
        return one

    def close(self):
        for pid in subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True,
                                  check=False).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


def hears(one, what=b"answer"):
    """Whether this datagram comes within the socket's time."""
    try:
        while True:
            if one.recv(65536) == what:
                return True
    except TimeoutError:
        return False


class Case(unittest.TestCase):
    """A test with its host and peer."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if why := missing():
            raise unittest.SkipTest(why)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="sallyport-live-")
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.socket = os.path.join(self.scratch, "sock")  # of the daemon
        self.host, self.peer = self.namespace("host"), self.namespace("peer")
        self.link(self.host, "eth0", self.peer, "eth0")
        self.address(self.host, "eth0", f"{HOST}/24", f"{HOST6}/64")
        self.address(self.peer, "eth0", f"{PEER}/24", f"{OTHER}/24", f"{PEER6}/64")
        self.daemon = None

    def namespace(self, name):
        one = Namespace(name)
        self.addCleanup(one.close)
        return one

    @staticmethod
    def link(a, name_a, b, name_b):
        sh("ip", "link", "add", name_a, "netns", a.name, "type", "veth", "peer", "name", name_b,
           "netns", b.name)
        for one, name in ((a, name_a), (b, name_b)):
            one.sh("ip", "link", "set", name, "up")

    @staticmethod
    def address(one, interface, *addresses):
        for address in addresses:
            more = ["nodad"] if ":" in address else []
            one.sh("ip", "address", "add", address, "dev", interface, *more)

    def file(self, name, text):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def run_daemon(self, rule_text, *arguments, rules6=None, ready="filtering:", where=None):
        """Starts it in the host's namespace, and waits until it filters. None: no --rules."""
        command = [program.PROGRAM, "run", "--control", self.socket]
        if rule_text is not None:
            command += ["--rules", self.file("rules", rule_text)]
        if rules6 is not None:
            command += ["--rules6", self.file("rules6", rules6)]
        self.daemon = (where or self.host).start(*command, *arguments, stdout=subprocess.PIPE,
                                                 stderr=subprocess.PIPE, cwd=self.scratch)
        self.addCleanup(self.kill_daemon)
        line = self.daemon.stdout.readline()
        if ready not in line:
            self.daemon.kill()
            self.fail(f"it does not filter: {line} {self.daemon.stderr.read()}")
        return line

    def stop_daemon(self, number=signal.SIGTERM, expect=0):
        self.daemon.send_signal(number)
        out, err = self.daemon.communicate(timeout=20)
        self.assertEqual(self.daemon.returncode, expect, err)
        return out + err

    def kill_daemon(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        for stream in (self.daemon.stdout, self.daemon.stderr):
            if stream:
                stream.close()

    def program(self, *arguments, where=None, expect=0, stdin=""):
        """The program in the host's namespace; what it prints."""
        done = subprocess.run(["ip", "netns", "exec", (where or self.host).name, program.PROGRAM,
                               *map(str, arguments)], input=stdin, text=True, capture_output=True,
                              cwd=self.scratch, timeout=60, check=False)
        self.assertEqual(done.returncode, expect, f"{arguments}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def ask(self, *words, expect=0, stdin=""):
        """A personality, or a command of the daemon's; what it prints."""
        return self.program(*words, "--control", self.socket, expect=expect, stdin=stdin)

    # Questions that most tests ask.

    def echo(self, asks, answers, to, port=9000):
        """Whether a datagram from one is answered by the other."""
        with answers.udp(to, port) as server, asks.udp("::" if ":" in to else "", 0) as client:
            client.sendto(b"question", (to, port))
            try:
                _, sender = server.recvfrom(100)
            except TimeoutError:
                return False
            server.sendto(b"answer", sender)
            return hears(client)

    def reached(self, asks, answers, to):
        """The same, when the network has settled: neighbours are found, a full queue is read."""
        return self.wait_until(lambda: self.echo(asks, answers, to, port=9009))

    def refused(self, to):
        """Whether the peer's connection is answered by a reset."""
        try:
            self.peer.tcp(to).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
        return False

    def wait_until(self, holds, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds():
                return True
            time.sleep(0.05)
        return holds()

    def queueing_rules(self):
        return re.findall(r"SALLYPORT-\w+", self.host.sh("iptables", "-t", "security", "-S")) + \
            re.findall(r"SALLYPORT-\w+", self.host.sh("ip6tables", "-t", "security", "-S"))


class Router(Case):
    """The host routes between the peer and a third machine, its inside: 10.1.0.2, fd01::2 on its eth1."""

    def setUp(self):
        super().setUp()
        self.inside = self.namespace("inside")
        self.link(self.host, "eth1", self.inside, "eth0")
        self.address(self.host, "eth1", "10.1.0.1/24", "fd01::1/64")
        self.address(self.inside, "eth0", "10.1.0.2/24", "fd01::2/64")
        self.inside.sh("ip", "route", "add", "default", "via", "10.1.0.1")
        self.inside.sh("ip", "-6", "route", "add", "default", "via", "fd01::1")
        self.peer.sh("ip", "route", "add", "default", "via", HOST)
        self.peer.sh("ip", "-6", "route", "add", "default", "via", HOST6)
        for knob in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.host.sh("sysctl", "-qw", f"{knob}=1")
