#!/usr/bin/env python3
"""Programs that people run, as they are, behind sallyport run: discovery, names, files, throughput.

Each test has its programs in namespaces, with files of its own, and nothing of the machine's: no
daemon that runs already is asked, no directory of theirs is written to. What one test finds, it
does not find with the rule, the helper or the discovery taken away.

    live/programs_test.py PATH/TO/sallyport [unittest's arguments]
"""
import concurrent.futures
import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
from net import HOST, HOST6, OTHER, PEER, PEER6
from program import STATEFUL, main, rules

# The package of Debian 12 that has it; scripts/install-deps names them too.
PACKAGES = {"gssdp-discover": "gupnp-tools", "minidlnad": "minidlna", "avahi-daemon": "avahi-daemon",
            "avahi-browse": "avahi-utils", "dbus-daemon": "dbus-daemon", "wsdd": "wsdd", "dig": "bind9-dnsutils",
            "dnsmasq": "dnsmasq-base", "vsftpd": "vsftpd", "curl": "curl", "atftp": "atftp",
            "atftpd": "atftpd", "iperf3": "iperf3"}
os.environ["PATH"] += ":/usr/sbin"  # a user's may not have it
OFF_LINK = "192.0.2.9"
SECONDS = 20  # for what takes one on an idle machine

LOOPBACK = "-A INPUT -i lo -j ACCEPT"
ANSWERS = rules(LOOPBACK, STATEFUL)  # all that most hosts have
NEIGHBOURS = "-A INPUT -p ipv6-icmp -j ACCEPT"  # without them no host is reached
ANSWERS6 = rules(LOOPBACK, STATEFUL, NEIGHBOURS)
# An announcement would tell a program what only an answer should.
ANSWERS_ONLY = ("--sysctl", "sallyport.discovery_announcements=0")


def at_once(does, them):
    """What that gives for each of them, tried all at the same time: what waits in vain waits once."""
    with concurrent.futures.ThreadPoolExecutor(len(them)) as threads:
        return list(threads.map(does, them))


class Case(net.Case):
    needs = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lost = [f"{one} (package {PACKAGES[one]})" for one in cls.needs if not shutil.which(one)]
        if lost:
            raise unittest.SkipTest(f"not installed: {', '.join(lost)}")

    def setUp(self):
        super().setUp()
        os.chmod(self.scratch, 0o755)  # servers drop root's rights before they read
        for one in (self.host, self.peer):
            one.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")

    def directory(self, name):
        path = os.path.join(self.scratch, name)
        os.makedirs(path, exist_ok=True)
        return path

    def serve(self, where, *command, **more):
        """Runs it beside the test, with what it says in a file; it ends with the test."""
        with open(os.path.join(self.scratch, f"log.{os.path.basename(command[0])}"), "ab") as log:
            one = where.start(*command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.scratch, **more)

        def end():
            one.kill()
            one.wait()
        self.addCleanup(end)
        return one

    def serves(self, where, *to):
        """Whether somebody listens there, by TCP."""
        def listens():
            with contextlib.suppress(OSError):
                where.tcp(to).close()
                return True
            return False
        self.assertTrue(self.wait_until(listens, SECONDS), f"nobody listens at {to}: {self.logs()}")

    def logs(self):
        said = []
        for name in sorted(os.listdir(self.scratch)):
            if name.startswith("log."):
                with open(os.path.join(self.scratch, name), encoding="utf-8", errors="replace") as log:
                    said.append(f"{name}:\n{log.read()[-10000:]}")
        return "\n".join(said)

    def run_in(self, where, *command, timeout=SECONDS, **more):
        """A client, to its end; what it prints, or None if it failed or did not end."""
        try:
            done = subprocess.run(["ip", "netns", "exec", where.name, *map(str, command)], text=True,
                                  cwd=self.scratch, capture_output=True, stdin=subprocess.DEVNULL,
                                  timeout=timeout, check=False, **more)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None

    def finds(self, *command, until, until_dropped=None, **more):
        """Runs a search in the host until it prints `until`, ends, or such a packet is dropped from now on."""
        before = self.drops(until_dropped) if until_dropped else 0
        with open(os.path.join(self.scratch, "log.search"), "a+b") as log:  # it writes at the end, wherever we read
            log.truncate(0)
            one = self.host.start(*command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.scratch,
                                  **more)

            def said():
                log.seek(0)
                return until.encode() in log.read()

            def over():
                return said() or one.poll() is not None or \
                    (until_dropped and self.drops(until_dropped) > before)
            try:
                self.assertTrue(self.wait_until(over, SECONDS),
                                f"it neither finds nor is kept from it: {self.logs()}")
                return said()
            finally:
                one.kill()
                one.wait()

    def drops(self, pattern):
        """Of how many such packets `drops` tells."""
        return len(re.findall(pattern, self.ask("drops")))

    def assert_dropped(self, pattern):
        if not self.wait_until(lambda: self.drops(pattern), SECONDS):
            self.fail(f"no {pattern} among\n{self.ask('drops')}{self.logs()}")


class Upnp(Case):
    """A media server, and a program that looks for it."""
    needs = ("gssdp-discover", "minidlnad")
    DEVICE = f"http://{PEER}:8200/rootDesc.xml"

    def setUp(self):
        super().setUp()
        self.serve(self.peer, "minidlnad", "-S", "-f", self.file("minidlna.conf", f"""\
network_interface=eth0
port=8200
media_dir={self.directory("media")}
db_dir={self.directory("db")}
log_dir={self.directory("log")}
inotify=no
user=root
friendly_name=the media server
"""), "-P", os.path.join(self.scratch, "minidlna.pid"))
        self.serves(self.peer, PEER, 8200)

    def search(self, **more):
        return self.finds("gssdp-discover", "-i", "eth0", "-r", "2", until=self.DEVICE, **more)

    def port_that_asks(self):
        """Of the program that searches just now."""
        def look():
            return re.search(r"dst=239.255.255.250 sport=(\d+) dport=1900",
                             self.ask("conntrack", "-L", "-p", "udp"))
        self.assertTrue(self.wait_until(look, SECONDS))
        return int(look().group(1))

    def test_it_is_found(self):
        self.run_daemon(ANSWERS, *ANSWERS_ONLY)
        self.assertTrue(self.search(), self.logs())

    def test_with_announcements_it_is_found_as_well(self):
        self.run_daemon(ANSWERS)
        self.assertTrue(self.search(), self.logs())

    def test_as_linux_does_nothing_is_found(self):
        self.run_daemon(ANSWERS, "--compat", "linux")
        self.assertFalse(self.search(
            until_dropped=rf"udp {PEER}:1900 > {HOST}:\d+ in eth0 .*NEW: filter/INPUT:policy"))

    def test_what_did_not_come_of_the_question_is_dropped_and_told(self):
        self.address(self.peer, "eth0", f"{OFF_LINK}/32")
        self.run_daemon(ANSWERS, *ANSWERS_ONLY)
        with self.peer.udp(OFF_LINK, 1900) as stranger, self.peer.udp(PEER, 1901) as device:
            device.sendto(b"nobody has asked", (HOST, 40000))
            self.assert_dropped(rf"udp {PEER}:1901 > {HOST}:40000 in eth0 .*NEW: filter/INPUT:policy")
            self.assertTrue(self.search(), self.logs())
            port = self.port_that_asks()
            stranger.sendto(b"from another network", (HOST, port))
            self.assert_dropped(rf"udp {OFF_LINK}:1900 > {HOST}:{port} .*not on-link")
            device.sendto(b"to another port", (HOST, port ^ 1))
            self.assert_dropped(rf"udp {PEER}:1901 > {HOST}:{port ^ 1} ")

            def late():  # the window is the MX of the question and a second
                device.sendto(b"afterwards", (HOST, port))
                return self.drops(rf"udp {PEER}:1901 > {HOST}:{port} .*after the protocol's window")
            self.assertTrue(self.wait_until(late, SECONDS), self.ask("drops"))


def link_local(where):
    """Its address on eth0, once nobody else has claimed it."""
    for _ in range(100):
        found = re.search(r"inet6 (fe80:\S+)/64 scope link(?! tentative)",
                          where.sh("ip", "-6", "-o", "address", "show", "dev", "eth0", "scope", "link"))
        if found:
            return found[1]
        time.sleep(0.05)
    raise RuntimeError("no link-local address")


class ByLink:
    """What looks for something by IPv6: `asks` and `answers` are addresses of the link."""
    PORT = r"\d+"  # that an answer comes from

    def test_it_is_found(self):
        self.run_daemon(ANSWERS, *ANSWERS_ONLY, rules6=ANSWERS6)
        self.assertTrue(self.search(), self.logs())

    def test_as_linux_does_nothing_is_found(self):
        self.run_daemon(ANSWERS, "--compat", "linux", rules6=ANSWERS6)
        self.assertFalse(self.search(until_dropped=rf"udp \[{self.answers}\]:{self.PORT} > \[{self.asks}\]:\d+ "
                                                   r"in eth0 .*NEW: filter/INPUT:policy"))


class Upnp6(ByLink, Case):
    """A device and a program that looks for it, of libgssdp, by link-local addresses."""
    PORT = 1900
    GSSDP = ("/usr/bin/python3", os.path.join(os.path.dirname(os.path.abspath(__file__)), "gssdp6.py"))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            subprocess.run([cls.GSSDP[0], "-c", "import gi; gi.require_version('GSSDP', '1.6')"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise unittest.SkipTest("not installed: python3-gi and gir1.2-gssdp-1.6, for /usr/bin/python3") from error

    def setUp(self):
        super().setUp()
        self.asks, self.answers = link_local(self.host), link_local(self.peer)
        self.serve(self.peer, *self.GSSDP, "serve", "eth0", self.answers)

    def search(self, **more):
        return self.finds(*self.GSSDP, "search", "eth0", self.asks, until=f"http://[{self.answers}]:8200/rootDesc.xml", **more)


class Mdns(Case):
    """A printer that avahi tells of."""
    needs = ("avahi-daemon",)
    SERVICE = """<service-group><name>the printer</name><service><type>_ipp._tcp</type><port>631</port></service>
</service-group>"""
    GROUPS = {PEER: "224.0.0.251", PEER6: "ff02::fb"}

    def setUp(self):
        super().setUp()
        self.peer.sh("ip", "address", "delete", f"{OTHER}/24", "dev", "eth0")  # it would be told first
        self.bus = os.path.join(self.scratch, "bus")
        services = self.directory("services")
        self.file("services/printer.service", self.SERVICE)
        self.avahi(self.peer, "printer", services)

    def avahi(self, where, name, services, dbus="no"):
        """The daemon with a /run and an /etc/avahi of its own: `ip netns exec` gives it its own mounts."""
        config = self.file(f"avahi.{name}", f"""[server]
host-name={name}
allow-interfaces=eth0
enable-dbus={dbus}
[publish]
publish-workstation=no
[rlimits]
""")
        self.serve(where, "sh", "-c", 'mount -t tmpfs none /run && mkdir -p /run/avahi-daemon && '
                   'mount --bind "$1" /etc/avahi/services && '
                   'exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "$2"',
                   "sh", services, config, env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}"})


class MdnsOnce(Mdns):
    """A question from another port than 5353, as a simple resolver asks it, is answered to that port."""
    QUESTION = b"\1\2\0\0\0\1\0\0\0\0\0\0\7printer\5local\0\0\xff\0\1"

    def answered(self, server, one):
        one.sendto(self.QUESTION, (self.GROUPS[server], 5353))
        told = socket.inet_pton(socket.AF_INET6 if ":" in server else socket.AF_INET, server)
        with contextlib.suppress(TimeoutError):
            got, (sender, port, *_) = one.recvfrom(9000)
            self.assertEqual((sender, port), (server, 5353))
            return told in got
        return False

    def asker(self, server):
        one = self.host.udp(HOST6 if ":" in server else HOST)
        if ":" in server:
            with self.host.entered():
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
        return one

    def test_the_answer_comes_in(self):
        self.run_daemon(ANSWERS, *ANSWERS_ONLY, rules6=ANSWERS6)
        for server in self.GROUPS:
            with self.subTest(server), self.asker(server) as one:
                self.assertTrue(self.wait_until(lambda: self.answered(server, one), SECONDS), self.logs())

    def test_as_linux_does_it_is_dropped(self):
        self.run_daemon(ANSWERS, "--compat", "linux", rules6=ANSWERS6)
        for server in self.GROUPS:
            with self.subTest(server), self.asker(server) as one:
                def refused():
                    self.assertFalse(self.answered(server, one))
                    return self.drops(rf"udp \[?{server}\]?:5353 > .*:{one.getsockname()[1]} in eth0 .*"
                                      "NEW: filter/INPUT:policy")
                self.assertTrue(self.wait_until(refused, SECONDS), self.ask("drops") + self.logs())


class MdnsBrowsed(Mdns):
    """avahi-browse asks its host's avahi, which asks from port 5353: all answers go to the group."""
    needs = ("avahi-daemon", "avahi-browse", "dbus-daemon")
    BUS = """<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>"""

    def browse(self, found, **more):
        return self.finds("sh", "-c", "until avahi-browse -rp _ipp._tcp; do sleep 0.1; done", until=found,
                          env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}"}, **more)

    def setUp(self):
        super().setUp()
        self.serve(self.host, "dbus-daemon", "--nofork", "--config-file",
                   self.file("bus.conf", self.BUS.format(self.bus)))
        self.assertTrue(self.wait_until(lambda: os.path.exists(self.bus), SECONDS), self.logs())

    def ask_by_avahi(self):
        """Starts the host's, and waits until both have joined the group."""
        self.avahi(self.host, "asker", self.directory("none"), dbus="yes")
        self.assertTrue(self.wait_until(lambda: self.logs().count("Server startup complete") == 2, SECONDS))

    def test_a_service_is_found(self):
        self.run_daemon(ANSWERS, rules6=ANSWERS6)
        self.ask_by_avahi()
        for protocol in ("IPv4", "IPv6"):
            with self.subTest(protocol):
                self.assertTrue(self.browse(
                    f"=;eth0;{protocol};the\\032printer;Internet Printer;local;printer.local;"))

    def test_without_announcements_none_is_found(self):
        self.run_daemon(ANSWERS, *ANSWERS_ONLY, rules6=ANSWERS6)
        self.ask_by_avahi()
        self.assertFalse(self.browse(
            "printer", until_dropped=rf"udp {PEER}:5353 > 224.0.0.251:5353 in eth0 .*NEW: filter/INPUT:policy"))


class WsDiscovery(Case):
    """Two wsdd: Windows' network neighbourhood, one looks for the other."""
    needs = ("wsdd",)

    def setUp(self):
        super().setUp()
        self.serve(self.peer, "wsdd", "-v", "-i", "eth0", "-4", "-n", "mediabox", "-w", "HOME", "-p")
        self.serves(self.peer, PEER, 5357)

    def search(self, **more):
        return self.finds("wsdd", "-vv", "-D", "-o", "-i", "eth0", "-4", "-l", os.path.join(self.scratch, "api"),
                          until="mediabox", **more)

    def test_it_is_found(self):
        self.run_daemon(ANSWERS, *ANSWERS_ONLY)
        self.assertTrue(self.search(), self.logs())

    def test_as_linux_does_nothing_is_found(self):
        self.run_daemon(ANSWERS, "--compat", "linux")
        self.assertFalse(self.search(
            until_dropped=rf"udp {PEER}:\d+ > {HOST}:\d+ in eth0 .*NEW: filter/INPUT:policy"))


class WsDiscovery6(ByLink, WsDiscovery):
    """The same by IPv6, whose addresses are those of the link."""

    def setUp(self):
        Case.setUp(self)
        self.asks, self.answers = link_local(self.host), link_local(self.peer)
        self.serve(self.peer, "wsdd", "-v", "-i", "eth0", "-6", "-n", "mediabox", "-w", "HOME", "-p")
        self.assertTrue(self.wait_until(lambda: ":5357" in self.peer.sh("ss", "-ltn6"), SECONDS), self.logs())

    def search(self, **more):
        return self.finds("wsdd", "-vv", "-D", "-o", "-i", "eth0", "-6", "-l", os.path.join(self.scratch, "api"),
                          until="mediabox", **more)


class Dns(Case):
    """A dnsmasq to ask, by UDP and TCP, of both families."""
    needs = ("dig", "dnsmasq")
    ANSWERS = {"A": ["192.0.2.80"], "AAAA": ["2001:db8::80"]}
    WAYS = list(itertools.product((f"@{PEER}", f"@{PEER6}"), ("+notcp", "+tcp"), ("A", "AAAA")))

    def setUp(self):
        super().setUp()
        self.serve(self.peer, "dnsmasq", "-k", "-C", "/dev/null", "--no-hosts", "--no-resolv", "--user=root",
                   "--pid-file=", "--log-facility=-", "--log-queries", "--bind-interfaces",
                   "--host-record=www.example,192.0.2.80,2001:db8::80")
        self.serves(self.peer, PEER, 53)
        self.serves(self.peer, PEER6, 53)

    def dig(self, where, way):
        return (self.run_in(where, "dig", *way, "www.example", "+short", "+tries=1", "+timeout=2") or "").split()

    def assert_answered(self, where):
        for way in self.WAYS:
            with self.subTest(way):
                self.assertTrue(self.wait_until(lambda: self.dig(where, way) == self.ANSWERS[way[2]], SECONDS),
                                self.logs())

    def assert_unanswered(self, where):
        for way, said in zip(self.WAYS, at_once(lambda way: self.dig(where, way), self.WAYS)):
            self.assertNotIn(self.ANSWERS[way[2]][0], said, way)


class Names(Dns):
    def test_answers_are_established(self):
        only = "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
        self.run_daemon(rules(only), rules6=rules(only, NEIGHBOURS))
        self.assert_answered(self.host)

    def test_without_that_rule_none_comes(self):
        self.run_daemon(rules(), rules6=rules(NEIGHBOURS))
        self.assert_unanswered(self.host)


class NamesOfTheInside(net.Router, Dns):
    """The host routes between who asks and who answers, and is itself closed."""
    ASKS = [f"-A FORWARD -i eth1 -o eth0 -p {what} -m {what} --dport 53 -m conntrack --ctstate NEW -j ACCEPT"
            for what in ("udp", "tcp")]
    ON = ["-A FORWARD -i eth1 -o eth0 -m conntrack --ctstate ESTABLISHED -j ACCEPT"]
    BACK = ["-A FORWARD -i eth0 -o eth1 -m conntrack --ctstate ESTABLISHED -j ACCEPT"]
    NEIGHBOURS_ONLY = [NEIGHBOURS, NEIGHBOURS.replace("INPUT", "OUTPUT")]

    def test_answers_are_established(self):
        both = self.ASKS + self.ON + self.BACK
        self.run_daemon(rules(*both, output="DROP"), rules6=rules(*both, *self.NEIGHBOURS_ONLY, output="DROP"))
        self.assert_answered(self.inside)

    def test_without_that_rule_none_comes(self):
        out = self.ASKS + self.ON
        self.run_daemon(rules(*out, output="DROP"), rules6=rules(*out, *self.NEIGHBOURS_ONLY, output="DROP"))
        self.assert_unanswered(self.inside)


class Ftp(Case):
    """curl fetches a file from vsftpd, in all the ways there are to agree on a connection for it."""
    needs = ("vsftpd", "curl")
    WAYS = {"PASV": ["--disable-epsv"], "EPSV": [], "PORT": ["--ftp-port", "-", "--disable-eprt"],
            "EPRT": ["--ftp-port", "-"]}

    def setUp(self):
        super().setUp()
        with open(os.path.join(self.directory("files"), "file"), "w", encoding="utf-8") as out:
            out.write("what the file holds")
        self.serve(self.peer, "vsftpd", self.file("vsftpd.conf", f"""\
listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={self.directory("files")}
secure_chroot_dir={self.directory("empty")}
nopriv_user=nobody
connect_from_port_20=YES
seccomp_sandbox=NO
"""))
        self.serves(self.peer, PEER, 21)

    HELPER = "*raw\n-A OUTPUT -p tcp -m tcp --dport 21 -j CT --helper ftp\nCOMMIT\n"
    RULES = ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
             "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
             "-A OUTPUT -p tcp -m tcp --dport 21 -j ACCEPT")
    RULES4 = rules(*RULES, output="DROP")
    RULES6 = rules(*RULES, NEIGHBOURS, NEIGHBOURS.replace("INPUT", "OUTPUT"), output="DROP")

    def fetch(self, server, way, seconds=SECONDS):
        return self.run_in(self.host, "curl", "-s", "-S", "--max-time", seconds, *self.WAYS[way],
                           f"ftp://[{server}]/file" if ":" in server else f"ftp://{server}/file",
                           timeout=2 * seconds)

    def test_with_the_helper(self):
        self.run_daemon(self.HELPER + self.RULES4, rules6=self.HELPER + self.RULES6)
        for server, way in [(PEER, way) for way in self.WAYS] + [(PEER6, "EPSV"), (PEER6, "EPRT")]:
            with self.subTest(server=server, way=way):
                self.assertEqual(self.fetch(server, way), "what the file holds", self.ask("drops"))

    def test_the_data_comes_by_another_queue(self):
        """Linux spreads by addresses, so it would not by itself: rules of the test's own send it there."""
        self.run_daemon(self.HELPER + self.RULES4, "--queue-balance", "2")
        control, data = (self.host.sh("iptables", "-t", "security", "-S", "SALLYPORT-INPUT").count(" 7200:7201"), 7202)
        self.assertEqual(control, 1)
        for chain, side in (("INPUT", "--sport"), ("OUTPUT", "--dport")):
            self.host.sh("iptables", "-t", "security", "-I", f"SALLYPORT-{chain}", "-p", "tcp", "!", side, "21", "-j", "NFQUEUE",
                         "--queue-num", str(data))
        for way in self.WAYS:
            with self.subTest(way=way):
                self.assertEqual(self.fetch(PEER, way), "what the file holds", self.ask("drops"))
        counters = self.host.sh("iptables", "-t", "security", "-nvxL", "SALLYPORT-INPUT")
        self.assertRegex(counters, r"(?m)^ +\d\d+ .*tcp spt:!21 NFQUEUE num 7202")

    def test_without_the_helper_no_file_comes(self):
        self.run_daemon(self.RULES4)
        self.assertEqual(at_once(lambda way: self.fetch(PEER, way, 3), list(self.WAYS)), [None] * 4)
        self.assert_dropped(rf"tcp {HOST}:\d+ > {PEER}:\d+ SYN out eth0 .*NEW: filter/OUTPUT:policy")
        self.assert_dropped(rf"tcp {PEER}:20 > {HOST}:\d+ SYN in eth0 .*NEW: filter/INPUT:policy")


class Tftp(Case):
    needs = ("atftp", "atftpd")

    def setUp(self):
        super().setUp()
        self.what = "".join(f"line {number}\n" for number in range(1000))
        with open(os.path.join(self.directory("files"), "file"), "w", encoding="utf-8") as out:
            out.write(self.what)
        self.serve(self.peer, "atftpd", "--daemon", "--no-fork", "--user", "root.root", "--logfile", "-",
                   "--no-multicast", "--bind-address", PEER, self.directory("files"))

    HELPER = "*raw\n-A OUTPUT -p udp -m udp --dport 69 -j CT --helper tftp\nCOMMIT\n"

    def fetch(self):
        got = os.path.join(self.scratch, "got")
        with contextlib.suppress(FileNotFoundError):
            os.remove(got)
        self.run_in(self.host, "atftp", "--option", "timeout 1", "--get", "-r", "file", "-l", got, PEER, timeout=3)
        with contextlib.suppress(FileNotFoundError), open(got, encoding="utf-8") as file:
            return file.read()
        return ""

    def test_with_the_helper(self):
        self.run_daemon(self.HELPER + rules(STATEFUL))
        self.assertTrue(self.wait_until(lambda: self.fetch() == self.what, SECONDS), self.logs())

    def test_without_the_helper(self):
        self.run_daemon(rules(STATEFUL))
        self.assertEqual(self.fetch(), "")
        self.assert_dropped(rf"udp {PEER}:\d+ > {HOST}:\d+ in eth0 ")


class Throughput(Case):
    """iperf3 both ways at once, as fast as it goes by TCP, at a steady rate by UDP."""
    needs = ("iperf3",)

    def test_no_packet_is_lost_in_the_queues(self):
        self.run_daemon(rules(STATEFUL), rules6=rules(STATEFUL, NEIGHBOURS))
        self.serve(self.peer, "iperf3", "-s")
        self.serves(self.peer, PEER, 5201)
        for server in (PEER, PEER6):
            for options in ((), ("-u", "-b", "50M")):
                with self.subTest(server=server, options=options):
                    for rate in self.measure(server, *options):
                        self.assertGreater(rate, 1e6)
        queues = json.loads(self.ask("status", "--json"))["queues"]
        self.assertEqual([queue["dropped_full"] + queue["dropped_unread"] for queue in queues], [0] * 3, queues)

    def measure(self, server, *options):
        """The bits a second that arrived, out and in."""
        said = {}

        def measured():  # the server may still be busy with the last client
            out = self.run_in(self.host, "iperf3", "-c", server, "-t", "1", "--bidir", "-J", *options)
            said.clear()
            said.update(json.loads(out) if out else {"error": "no answer"})
            return "error" not in said
        self.assertTrue(self.wait_until(measured, SECONDS), f"{said.get('error')} {self.logs()}")
        sums = ("sum", "sum_bidir_reverse") if "-u" in options else ("sum_received", "sum_received_bidir_reverse")
        return [said["end"][one]["bits_per_second"] for one in sums]


if __name__ == "__main__":
    main()
