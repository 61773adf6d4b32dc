#!/usr/bin/env python3
"""What iptables, ipset and conntrack list, beside the programs of these names.

    live/listing_test.py PATH/TO/sallyport [unittest's arguments]

The same rules and sets are given to the kernel of a namespace and to a Sallyport in another; what
is listed must be the same to the letter.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
import program
from net import HOST, PEER
from program import STATEFUL, main, rules

SETS = """create upnp hash:ip,port timeout 300
create nets hash:net counters comment
create ports bitmap:port range 1-1023
create all list:set
add nets 10.0.0.0/8 comment "our own"
add upnp 10.0.0.9,udp:1900
add ports 22
add all nets
"""
RULES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:known - [0:0]
[5:1234567] -A INPUT -i lo -j ACCEPT
[99999:100000] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[123456789:123456789012] -A INPUT -m state --state NEW,INVALID -j known
-A INPUT -s 10.0.0.0/8 ! -d 1.2.3.4/32 -i eth+ -p tcp -m tcp --dport 22 -m comment --comment "ssh here" -j ACCEPT
-A INPUT -p udp -m udp --sport 1:5 ! --dport 53 -j DROP
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 5/sec --limit-burst 7 -j LOG --log-prefix "new: " --log-level 6 --log-ip-options
-A INPUT -p tcp -m tcp ! --tcp-flags SYN SYN --tcp-option 2 -j DROP
-A INPUT -p tcp -m tcp --dport 23 -j REJECT --reject-with tcp-reset
-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A INPUT -m mark --mark 0x7/0xff -j ACCEPT
-A INPUT -m mark ! --mark 0x7 -j ACCEPT
-A INPUT -m connmark --mark 0x7 -j ACCEPT
-A INPUT -m addrtype --dst-type LOCAL ! --src-type BROADCAST,MULTICAST -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,80:90 -j ACCEPT
-A INPUT -p udp -m multiport ! --sports 53 -j ACCEPT
-A INPUT -m pkttype --pkt-type multicast -j ACCEPT
-A INPUT -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT
-A INPUT -m ttl --ttl-gt 5 -j ACCEPT
-A INPUT -m ttl --ttl-eq 5 -j ACCEPT
-A INPUT -m length --length 5:9 -j ACCEPT
-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT
-A INPUT -m helper --helper "ftp" -j ACCEPT
-A INPUT -p sctp -f -g known
-A INPUT -m conntrack --ctstate NEW --ctproto 6 --ctorigsrc 1.2.3.4/32 --ctstatus ASSURED --ctexpire 1:9 --ctdir REPLY -j ACCEPT
-A INPUT -m connlabel --label "9" --set -j ACCEPT
-A INPUT ! -i eth0 ! -p 47
-A INPUT -p udp -m set --match-set upnp dst,dst -j ACCEPT
-A INPUT -m set ! --match-set all src -j DROP
-A INPUT -m connmark ! --mark 0x7
-A INPUT -m length ! --length 5
-A INPUT -m iprange ! --src-range 1.1.1.1-1.1.1.2 --dst-range 2.2.2.2-2.2.2.3
-A INPUT -m helper ! --helper ftp
-A INPUT -m pkttype ! --pkt-type multicast
-A INPUT -m mac ! --mac-source 00:11:22:33:44:55
-A INPUT -p icmp -m icmp ! --icmp-type 3/1
-A INPUT -p icmp -m icmp --icmp-type 5/1
-A INPUT -m conntrack ! --ctstate NEW ! --ctproto 6 ! --ctorigsrc 1.1.1.1 ! --ctorigsrcport 5 ! --ctstatus ASSURED
-A INPUT -m conntrack --ctreplsrc 1.1.1.0/24 --ctrepldstport 5:6
-A INPUT -m ttl ! --ttl-eq 5
-A INPUT -m ttl --ttl-lt 5
-A INPUT -m state ! --state NEW
-A INPUT -m connlabel ! --label 9
-A INPUT -p tcp -m tcp ! --tcp-option 5
-A INPUT -p tcp -m multiport ! --ports 5,6
-A INPUT -m set --match-set nets src --return-nomatch
-A INPUT -m set --match-set nets src ! --update-counters --packets-gt 5 ! --bytes-eq 7
-A INPUT -m limit --limit 3/hour
-A INPUT -j SET --del-set upnp src,src
-A INPUT -m addrtype --src-type LOCAL --limit-iface-in
-A INPUT -j LOG --log-prefix abc
-A INPUT -j NFLOG
-A INPUT -j NFLOG --nflog-prefix abc --nflog-group 5
-A INPUT -j NFLOG --nflog-prefix "a b" --nflog-size 64 --nflog-threshold 3
-A FORWARD -m physdev ! --physdev-is-in
-A FORWARD -m physdev --physdev-in eth0 --physdev-is-bridged -j ACCEPT
-A OUTPUT -p udp -m udp --dport 1900
-A OUTPUT -p udp -j SET --add-set upnp src,src --exist
-A known -j RETURN
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A OUTPUT -j MARK --set-xmark 0x7/0xffffffff
-A OUTPUT -j MARK --set-xmark 0x7/0xff
-A OUTPUT -j MARK --set-xmark 0x7/0x7
-A OUTPUT -j MARK --set-xmark 0x0/0xf
-A OUTPUT -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
-A OUTPUT -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
-A OUTPUT -j CONNMARK --set-xmark 0x5/0xff
-A OUTPUT -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf
-A OUTPUT -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf
-A OUTPUT -j CONNMARK --and-mark 7
-A OUTPUT -j MARK --xor-mark 7
-A OUTPUT -j MARK --set-xmark 0/0
-A OUTPUT -j MARK --set-mark 0
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p udp -j CT --helper tftp
-A OUTPUT -p tcp -j CT --notrack
-A OUTPUT -p sctp -j NOTRACK
-A OUTPUT -p icmp -j CT --zone 5
-A OUTPUT -j CT --zone-orig 5
-A OUTPUT -j CT --zone mark
COMMIT
"""
RULES6 = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m hl --hl-eq 255 -j ACCEPT
-A INPUT -p ipv6-icmp -m icmp6 ! --icmpv6-type 1/1
-A INPUT -m hl ! --hl-eq 5
-A INPUT -m hl --hl-lt 5
-A INPUT -d fd00::1/128 -j REJECT --reject-with icmp6-port-unreachable
COMMIT
"""
LEGACY = ["iptables-legacy", "iptables-legacy-restore", "ip6tables-legacy", "ip6tables-legacy-restore", "ipset"]


class Listings(net.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lost = [tool for tool in LEGACY if not shutil.which(tool)]
        if lost:
            raise unittest.SkipTest(f"no {', '.join(lost)}")

    def setUp(self):
        super().setUp()
        self.linux = self.namespace("linux")
        self.linux.sh("ipset", "restore", input=SETS)
        self.linux.sh("iptables-legacy-restore", "-c", input=RULES)
        self.linux.sh("ip6tables-legacy-restore", input=RULES6)
        self.run_daemon(RULES, "--sets", self.file("sets", SETS), rules6=RULES6)

    def theirs(self, tool, *words):
        done = subprocess.run(["ip", "netns", "exec", self.linux.name, tool, *words], capture_output=True,
                              text=True, check=True)
        return done.stdout

    def same(self, tool, *words):
        legacy = tool.replace("tables", "tables-legacy", 1) if "tables" in tool else tool
        self.assertEqual(self.ask(tool, *words), self.theirs(legacy, *words), f"{tool} {' '.join(words)}")

    def test_rules(self):
        # Packets of the host itself may have been counted since: a namespace has its neighbours.
        for tool in ("iptables", "ip6tables"):
            self.same(tool, "-n", "-L", "FORWARD", "-v", "-x", "--line-numbers")
            self.same(tool, "-S")
            self.same(tool, "-nL")
        self.same("iptables", "-nL", "INPUT", "--line-numbers")
        self.same("iptables", "-nL", "known")
        self.same("iptables", "-nL", "INPUT", "3")
        self.same("iptables", "-S", "known")
        self.same("iptables", "-S", "INPUT", "2")
        for table in ("mangle", "raw", "security"):
            self.same("iptables", "-t", table, "-nL", "OUTPUT")
        self.same("iptables", "-nvL", "INPUT", "2")
        self.same("iptables", "-nvL", "INPUT", "3")
        self.same("iptables", "-nvxL", "INPUT", "3")

    def test_sets(self):
        def comparable(text):
            # What an element takes is each one's own, and so is the seed of a hash that nobody gave.
            text = re.sub(r"Size in memory: \d+", "Size in memory: -", text)
            text = re.sub(r" timeout (30\d|29\d)$", " timeout -", text, flags=re.MULTILINE)
            return re.sub(r" initval 0x[0-9a-f]+", "", text)
        for words in (["list", "nets"], ["list", "all"], ["list", "upnp", "-t"], ["list", "ports"], ["save", "nets"],
                      ["list", "-n"]):
            self.assertEqual(comparable(self.ask("ipset", *words)), comparable(self.theirs("ipset", *words)))


# Protocol, state, status; source and destination, and those of the answers.
NATED = [
    ("tcp", "ESTABLISHED", "SEEN_REPLY,ASSURED", "192.168.1.5:40000 93.184.216.34:443 93.184.216.34:443 10.0.0.1:40000"),
    ("tcp", "SYN_SENT", "", "192.168.1.6:40001 93.184.216.35:80 93.184.216.35:80 10.0.0.1:40001"),
    ("tcp", "TIME_WAIT", "SEEN_REPLY,ASSURED", "8.8.4.4:40002 10.0.0.1:8080 192.168.1.7:81 8.8.4.4:40002"),
    ("tcp", "SYN_RECV", "SEEN_REPLY", "192.168.1.9:40009 10.0.0.1:8080 192.168.1.8:82 192.168.1.1:50009"),
    ("udp", "", "SEEN_REPLY", "192.168.1.5:5000 8.8.8.8:53 8.8.8.8:53 10.0.0.1:5001"),
    ("udp", "", "", "192.168.1.6:5002 8.8.8.9:54 8.8.8.9:54 10.0.0.1:5002"),
    ("udp", "", "SEEN_REPLY,ASSURED", "192.168.1.7:5003 8.8.9.9:55 8.8.9.9:55 10.0.0.1:5003"),
    ("udplite", "", "SEEN_REPLY", "192.168.1.8:5003 8.8.9.8:56 8.8.9.8:56 10.0.0.1:5003"),
    ("tcp", "ESTABLISHED", "SEEN_REPLY,ASSURED", "10.0.0.1:1000 1.2.3.4:22 1.2.3.4:22 10.0.0.1:1000"),
    ("tcp", "ESTABLISHED", "SEEN_REPLY,ASSURED", "1.2.3.5:1001 10.0.0.1:22 10.0.0.1:22 1.2.3.5:1001"),
    ("udp", "", "SEEN_REPLY", "127.0.0.1:5003 127.0.0.1:53 127.0.0.1:53 127.0.0.1:5003"),
    ("tcp", "CLOSE", "SEEN_REPLY,ASSURED", "192.168.1.5:1003 172.16.1.1:25 172.16.1.1:25 192.168.1.5:1003"),
    ("udp", "", "SEEN_REPLY", "192.168.1.5:5003 172.16.1.1:53 172.16.1.1:53 192.168.1.5:5003"),
]
# In every state, unanswered, answered and assured.
NATED += [("tcp", state, status, f"10.7.0.1:{2000 + 10 * i + j} 1.2.3.4:22 1.2.3.4:22 10.0.0.1:{2000 + 10 * i + j}")
          for i, state in enumerate(["SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK",
                                     "TIME_WAIT", "CLOSE", "SYN_SENT2"])
          for j, status in enumerate(["", "SEEN_REPLY", "SEEN_REPLY,ASSURED"])]


class Translated(net.Case):
    """netstat-nat on flows that were put into the kernel's table, and on the listing of that table."""
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lost = [tool for tool in ("conntrack", "netstat-nat") if not shutil.which(tool)]
        if lost:
            raise unittest.SkipTest(f"no {', '.join(lost)}")

    def setUp(self):
        super().setUp()
        script = ""
        for protocol, state, status, ends in NATED:
            (source, sport), (destination, dport), (from_, fport), (to, tport) = [end.split(":") for end in ends.split()]
            script += " ".join(["conntrack -I -t 300 -p", protocol, state and f"--state {state}", status and f"-u {status}",
                                f"-s {source} --sport {sport} -d {destination} --dport {dport} -r {from_}",
                                f"--reply-port-src {fport} -q {to} --reply-port-dst {tport}\n"])
        self.host.sh("bash", "-e", input=script)
        self.file("flows", self.host.sh("bash", "-c", "conntrack -L -o extended 2>/dev/null"))

    def same(self, *words):
        done = subprocess.run(["ip", "netns", "exec", self.host.name, "netstat-nat", *words], capture_output=True,
                              text=True, check=False)
        ours = self.program("netstat-nat", "--state", "flows", *words, expect=done.returncode)
        # Where nothing decides, theirs come in the order of the kernel's hash.
        self.assertEqual(sorted(ours.splitlines()), sorted(done.stdout.splitlines()), words)
        return ours, done.stdout

    def test_what_is_shown(self):
        shown = len(self.same("-n")[0].splitlines())
        self.assertEqual(shown, 1 + 8 + 27)
        for words in ("-nx", "-nN", "-nxN", "-nS", "-nD", "-nSD", "-nL", "-nR", "-nLR", "-nRL", "-nSL", "-nLS", "-nLN",
                      "-no", "-n -p udp", "-n -p tcp", "-n -p udplite", "-n -p icmp", "-n -p TCP", "-n -s 192.168.1.5",
                      "-n -d 8.8.8.8", "-n -d 192.168.1.7", "-nL -s 10.0.0.1", "-nL -d 10.0.0.1", "-n -s 192.168.1.7 more"):
            self.same(*words.split())

    def test_the_order(self):
        for order in ("src", "dst", "src-port", "dst-port", "state", "nonsense"):
            ours, theirs = self.same("-no", "-r", order)
            column = {"dst": 2, "src-port": 1, "dst-port": 2, "state": 3}.get(order, 1)

            def key(line, column=column, port="port" in order):
                words = line.split() + [""]
                return words[0], words[column].split(":")[port] if column < 3 else words[3]
            self.assertEqual([key(line) for line in ours.splitlines()], [key(line) for line in theirs.splitlines()], order)

    def test_a_daemon_says_the_same(self):
        self.run_daemon("*filter\nCOMMIT\n", "--conntrack", os.path.join(self.scratch, "flows"))
        ours = self.ask("netstat-nat", "-n")
        self.assertEqual(ours, self.program("netstat-nat", "--state", "flows", "-n"))

    def test_what_makes_no_sense(self):
        for words in ("-n -q", "-n -s", "-h"):
            done = subprocess.run(["netstat-nat", *words.split()], capture_output=True, text=True, check=False)
            ours = self.program("netstat-nat", "--state", "flows", *words.split(), expect=done.returncode)
            self.assertIn(done.stderr, ours)
        self.assertEqual(self.program("netstat-nat", "--state", "flows", "-s", "no.where.invalid", expect=255),
                         "Unknown host: no.where.invalid\n")


class Xml(net.Case):
    """conntrack -L -o xml of flows in the kernel's table, and of their listing."""
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not shutil.which("conntrack"):
            raise unittest.SkipTest("no conntrack")

    def setUp(self):
        super().setUp()
        create = [f"-p {protocol} -s {source} -d {destination} --sport 40000 --dport 53 {more}"
                  for source, destination in (("10.9.0.1", "10.9.0.9"), ("fd09::1", "fd09::9"))
                  for protocol, more in (("tcp", "--state ESTABLISHED -u SEEN_REPLY,ASSURED"), ("udp", ""), ("udplite", "-m 7"),
                                         ("tcp", "--state LAST_ACK -w 3"), ("udp", "-u ASSURED -w 4"),
                                         ("udp", "-w 5 -u SEEN_REPLY -r 192.0.2.1 --reply-port-src 7 -q 192.0.2.2 --reply-port-dst 8"
                                          if ":" not in source else "-w 5"))]
        create += ["-p icmp -s 10.9.0.1 -d 10.9.0.9 --icmp-type 8 --icmp-code 0 --icmp-id 7",
                   "-p icmpv6 -s fd09::1 -d fd09::9 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 7",
                   "-p 99 -s 10.9.0.1 -d 10.9.0.9 -r 10.9.0.9 -q 10.9.0.1",
                   "-p gre -s 10.9.0.1 -d 10.9.0.9 --srckey 5 --dstkey 6 --reply-key-src 6 --reply-key-dst 5"]
        self.script = "".join(f"conntrack -I -t 6000 {words}\n" for words in create)

    def both(self, *words):
        """Without ids, times, and the order, which a hash decides."""
        answers = []
        self.file("flows", self.host.sh("bash", "-c", "conntrack -L -o extended 2>/dev/null"))
        for command in (["conntrack", *words], [program.PROGRAM, "conntrack", "--state", "flows", *words]):
            done = subprocess.run(["ip", "netns", "exec", self.host.name, *command], capture_output=True, text=True,
                                  cwd=self.scratch, check=False)
            text = re.sub(r"<id>\d+</id>", "<id/>", done.stdout)
            text = re.sub(r"<(timeout|deltatime)>\d+</", r"<\1></", text)
            lines = re.sub(r"<use>2</use>", "<use>1</use>", text).splitlines()  # -G holds it, too
            answers.append((done.returncode, lines[:2], sorted(lines[2:-1]), lines[-1:], done.stderr))
        self.assertEqual(answers[0], answers[1], words)
        return answers[1]

    def test_flows(self):
        self.host.sh("bash", "-e", input=self.script)
        self.assertEqual(len(self.both("-L", "-o", "xml")[2]), self.script.count("\n"))
        self.both("-L", "-o", "xml,extended,id", "-f", "ipv6")
        self.both("-L", "-o", "xml", "-p", "dccp")
        self.both("-G", "-o", "xml", "-p", "tcp", "-s", "10.9.0.1", "-d", "10.9.0.9", "--sport", "40000", "--dport", "53")
        self.both("-D", "-o", "xml", "-p", "udplite", "-f", "ipv6")

    def test_what_is_counted(self):
        self.host.sh("sysctl", "-w", "net.netfilter.nf_conntrack_acct=1", "net.netfilter.nf_conntrack_timestamp=1")
        self.host.sh("iptables", "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "NEW")  # so flows are tracked
        with self.host.udp(HOST) as one, self.peer.udp(PEER, 9000):
            one.sendto(b"x", (PEER, 9000))
        self.assertIn("<packets>1</packets><bytes>29</bytes>", self.both("-L", "-o", "xml", "-p", "udp", "-d", PEER)[2][0])


class Events(net.Case):
    """conntrack -E of what both see: Linux's own conntrack, behind a rule that asks for it, and ours."""
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not shutil.which("conntrack"):
            raise unittest.SkipTest("no conntrack")

    def watched(self, words, traffic):
        """(exit code, what is printed, what is said) of each, once the traffic is over and they are interrupted."""
        commands = [["conntrack", "-E", *words],
                    [program.PROGRAM, "conntrack", "-E", *words, "--control", self.socket]]
        watchers = [self.host.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for command in commands]
        for watcher in watchers:
            self.addCleanup(watcher.kill)
        time.sleep(0.3)
        traffic()
        time.sleep(0.4)
        answers = []
        for watcher in watchers:
            watcher.send_signal(signal.SIGINT)
            out, err = watcher.communicate(timeout=5)
            out = re.sub(r"(<id>|id=)\d+", r"\1", out)
            out = re.sub(r"^\[\d+\.\d{6}\]", "[]", out, flags=re.MULTILINE)
            out = re.sub(r"<(min|sec)>\d\d</", r"<\1></", out)
            # Linux's time begins when the packet has left our queue.
            out = re.sub(r"( |<timeout>)(119|29|59|431999)\b", lambda late: late[1] + str(int(late[2]) + 1), out)
            answers.append((watcher.returncode, out.splitlines(), err))
        return answers

    def traffic(self):
        self.echo(self.host, self.peer, PEER)
        with self.peer.listen(PEER, 8080) as server, self.host.tcp((PEER, 8080)) as client:
            one, _ = server.accept()
            client.close()
            one.recv(1)  # its end has come: a packet waits in our queue while Linux knows it already
            one.close()
            time.sleep(0.05)
        self.refused_by_peer()

    def refused_by_peer(self):
        with self.assertRaises(ConnectionRefusedError):
            self.host.tcp((PEER, 9)).close()

    def test_as_linux_tells_them(self):
        self.host.sh("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID")
        self.host.sh("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1")
        self.run_daemon(rules(STATEFUL), "--sysctl", "net.netfilter.nf_conntrack_acct=1")
        for words in ("", "-o xml", "-o extended,id", "-o xml,timestamp", "-o timestamp -e NEW,DESTROY", "-p udp -o xml",
                      "-o xml -p sctp", "expect"):
            linux, ours = self.watched(words.split(), self.traffic)
            self.assertEqual(ours, linux, words)
            self.assertIn("events have been shown.\n", ours[2])

    def test_listeners_that_come_and_go_leave_nothing_behind(self):
        self.run_daemon(rules(STATEFUL))

        def memory():  # kB
            with open(f"/proc/{self.daemon.pid}/status", encoding="utf-8") as status:
                return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])
        self.watched([], self.traffic)  # what is kept for the next one
        before = memory()
        for _ in range(4):
            self.watched([], self.traffic)
        self.assertLess(memory() - before, 4096)


class States(net.Case):
    """A file of sets or flows is answered for as a daemon answers."""
    def both(self, name, *words, stdin=""):
        answers = []
        for where in (["--control", os.path.join(self.scratch, "sock")], ["--state", "state-" + name]):
            done = subprocess.run(["ip", "netns", "exec", self.host.name, program.PROGRAM, name, *where, *words],
                                  input=stdin, capture_output=True, text=True, cwd=self.scratch, check=False)
            answers.append((done.returncode, done.stdout, done.stderr))
        self.assertEqual(answers[0], answers[1], f"{name} {words}")

    def test_sets_and_flows(self):
        self.run_daemon("*filter\nCOMMIT\n")
        for words in ("create a hash:ip initval 0x1", "add a 10.0.0.1", "add a 10.0.0.1", "add b 10.0.0.1", "list", "save",
                      "test a 10.0.0.1", "test a 10.0.0.2", "del a 10.0.0.2", "del a 10.0.0.1", "rename a c", "list -n",
                      "create d nonsense", "nonsense", "-q add b 1", "help", "version", "swap c c", "destroy c", "list"):
            self.both("ipset", *words.split())
        self.both("ipset", "restore", stdin="create a hash:ip\nadd a nonsense\n")
        flow = "-p udp -s 10.9.9.1 -d 10.9.9.9 --sport 1000 --dport 53"
        # What would print the time that is left is not asked: it goes by in the daemon alone.
        for words in (f"-I {flow} -t 6000", f"-I {flow} -t 6000", "-L -p tcp", "-C", "-S", "-L expect", f"-D {flow} -m 9",
                      "-F", f"-G {flow}", f"-U {flow} -m 7", f"-D {flow}", "-Q", "-L -p nonsense", "-h", "-V", "-L", ""):
            self.both("conntrack", *words.split())


if __name__ == "__main__":
    main()
