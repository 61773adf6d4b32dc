#!/usr/bin/env python3
"""sallyport run under everything at once, for as long as one likes: what it holds does not grow, and
nothing of an accepted flow is lost.

    live/soak_test.py PATH/TO/sallyport [unittest's arguments]

SALLYPORT_SOAK says for how many seconds (10); `make soak HOURS=8` is the same for people. With
more than a minute a line each minute says how it is.
"""
import itertools
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
from net import HOST, PEER
from program import STATEFUL, main, rules

SECONDS = float(os.environ.get("SALLYPORT_SOAK", "10"))
RULES = rules("-A INPUT -i lo -j ACCEPT", STATEFUL,
              "-A INPUT -p udp -m udp --dport 7000 -m set --match-set friends src -j ACCEPT",
              "-A INPUT -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset",
              '-A INPUT -m limit --limit 10/sec -j LOG --log-prefix "soak: "',
              "-A INPUT -p udp -j NFLOG --nflog-prefix soak --nflog-size 128", "-A OUTPUT -j CONNMARK --save-mark")
SETS = "create friends hash:ip timeout 600\nadd friends 10.0.0.9\n"
SSDP = ("239.255.255.250", 1900)
M_SEARCH = (b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n'
            b"MX: 1\r\nST: ssdp:all\r\n\r\n")


class Soak(net.Case):
    def setUp(self):
        super().setUp()
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        self.over = threading.Event()
        self.wrong = []
        self.asked = self.answered = self.found = self.commands = 0
        self.random = random.Random(1)

    def launch(self):
        knobs = {"net.netfilter.nf_conntrack_udp_timeout": 3, "net.netfilter.nf_conntrack_udp_timeout_stream": 600,
                 "net.netfilter.nf_conntrack_tcp_timeout_time_wait": 3, "net.netfilter.nf_conntrack_acct": 1}
        self.run_daemon(RULES, "--sets", self.file("sets", SETS), "--state", self.path("state"), "--log", self.path("log"),
                        "--nflog", self.path("nflog"), "--metrics", "127.0.0.1:9123",
                        *(word for knob, value in knobs.items() for word in ("--sysctl", f"{knob}={value}")))

    def path(self, name):
        return os.path.join(self.scratch, name)

    def go(self, work, pause):
        """A thread that does it again and again until all is over."""
        def forever():
            try:
                while not self.over.wait(pause):
                    work()
            except Exception as error:  # noqa: BLE001: told by the test, from its own thread
                self.wrong.append(f"{work.__name__}: {error!r}")
                self.over.set()
        thread = threading.Thread(target=forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.over.set)

    def udp(self, where, *arguments, **more):
        one = where.udp(*arguments, **more)
        self.addCleanup(one.close)
        return one

    # ---- what goes on

    def steady(self):
        """Numbered questions of one flow; each is answered."""
        server, client = self.udp(self.peer, PEER, 9000), self.udp(self.host, timeout=5)
        client.connect((PEER, 9000))

        def ask():
            self.asked += 1
            client.send(struct.pack("!Q", self.asked))
            server.sendto(*server.recvfrom(100))
            if struct.unpack("!Q", client.recv(100)) == (self.asked,):
                self.answered += 1
        self.go(ask, 0.01)

    def churn(self):
        """Flows that come and go, and what nobody has asked for."""
        out = [self.udp(self.host) for _ in range(8)]
        sink, stranger = self.udp(self.peer, PEER, 9001), self.udp(self.peer, PEER, 0)
        known = self.udp(self.host, HOST, 7000)
        ports = itertools.cycle(range(20000, 60000))

        def send():
            for one in out:
                one.sendto(b"x" * self.random.randrange(1400), (PEER, next(ports)))
            stranger.sendto(b"x" * self.random.randrange(1400), (HOST, next(ports)))
            stranger.sendto(b"hello", (HOST, 7000))
            known.recv(100)
        sink.close()
        self.go(send, 0.02)

    def streams(self):
        server = self.peer.listen(PEER, 8080)
        self.addCleanup(server.close)

        def stream():
            with self.host.tcp((PEER, 8080)) as client:
                one, _ = server.accept()
                with one:
                    client.sendall(b"x" * 100000)
                    client.close()
                    while one.recv(65536):
                        pass
            if not self.refused((HOST, 22)):
                raise AssertionError("no reset from port 22")
        self.go(stream, 0.2)

    def discovery(self):
        device = self.udp(self.peer, PEER, 1900)

        def search():
            with self.host.udp("", 0, timeout=5) as asks:
                asks.sendto(M_SEARCH, SSDP)
                time.sleep(0.2)  # a device's question is not among those that come here
                device.sendto(b"answer", (HOST, asks.getsockname()[1]))
                if asks.recv(100) == b"answer":
                    self.found += 1
        self.go(search, 0.5)

    def administration(self):
        commands = [("status",), ("status", "--json"), ("drops", "--json"), ("conntrack", "-L", "-o", "extended"),
                    ("conntrack", "-D", "-p", "udp", "--dport", "20000"), ("iptables", "-nvL"), ("iptables-save", "-c"),
                    ("iptables", "-I", "INPUT", "-p", "udp", "-j", "ACCEPT", "-s", "192.0.2.1"),
                    ("iptables", "-D", "INPUT", "-p", "udp", "-j", "ACCEPT", "-s", "192.0.2.1"), ("reload",),
                    ("reload", "--preview"), ("ipset", "add", "friends", "192.0.2.2", "-exist"), ("ipset", "list"),
                    ("ipset", "del", "friends", "192.0.2.2", "-exist"), ("netstat-nat",), ("sysctl", "net.netfilter.nf_conntrack_acct")]

        def administer():
            words = self.random.choice(commands)
            one = self.host.start(net.program.PROGRAM, *words, "--control", self.socket, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            out, err = one.communicate(timeout=30)
            self.commands += 1
            if one.returncode not in (0, 1):  # 1: there is no such rule, or flow
                raise AssertionError(f"{words}: {one.returncode} {out}{err}")
        self.go(administer, 0.1)

    def listeners(self):
        def listen():
            one = self.host.start(net.program.PROGRAM, "conntrack", "-E", "--control", self.socket,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            one.stdout.readline()  # it listens: something happens all the time
            one.send_signal(signal.SIGINT)
            _, err = one.communicate(timeout=10)
            if "flow events have been shown" not in err:
                raise AssertionError(err)
        self.go(listen, 1)

    def files(self):
        def rotate():
            for name in ("log", "nflog"):
                if os.path.exists(self.path(name)):
                    os.replace(self.path(name), self.path(name + ".1"))
            self.daemon.send_signal(signal.SIGHUP)
            with self.host.entered():  # the thread's own namespace
                with urllib.request.urlopen("http://127.0.0.1:9123/metrics", timeout=5) as page:
                    if b"sallyport_nflog_lost_total 0" not in page.read():
                        raise AssertionError("NFLOG has lost packets")
        self.go(rotate, 2)

    # ---- what is looked at

    def held(self):
        """(kB of memory, descriptors, threads) of the daemon."""
        with open(f"/proc/{self.daemon.pid}/status", encoding="utf-8") as status:
            text = status.read()
        return (int(re.search(r"VmRSS:\s+(\d+)", text)[1]), len(os.listdir(f"/proc/{self.daemon.pid}/fd")),
                int(re.search(r"Threads:\s+(\d+)", text)[1]))

    def test_it_holds(self):
        self.launch()
        for begin in (self.steady, self.churn, self.streams, self.discovery, self.administration, self.listeners, self.files):
            begin()
        started, said = time.monotonic(), 0.0
        settled = None
        while (passed := time.monotonic() - started) < SECONDS and not self.over.wait(1):
            memory, _, threads = self.held()
            if settled is None and passed > min(SECONDS / 2, 60):
                settled = memory
            if passed - said >= 60:
                said = passed
                print(f"{passed / 60:.0f} min: {memory} kB, {threads} threads, {self.answered} answers, {self.found} found, "
                      f"{self.commands} commands", flush=True)
        self.over.set()
        self.assertEqual(self.wrong, [])
        time.sleep(0.5)
        status = json.loads(self.ask("status", "--json"))
        self.assertEqual([(queue["dropped_full"], queue["dropped_unread"]) for queue in status["queues"]], [(0, 0)] * 3)
        self.assertEqual(status["overruns"], 0)
        self.assertGreater(self.answered, 10)
        self.assertLessEqual(self.asked - self.answered, 1)  # the last one may be under way
        self.assertGreater(self.found, 0)
        memory, _, _ = self.held()
        self.assertLess(memory, settled * 1.1 + 8192)
        self.stop_daemon()
        self.assertEqual(self.queueing_rules(), [])


if __name__ == "__main__":
    main()
