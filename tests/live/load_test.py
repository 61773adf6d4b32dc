#!/usr/bin/env python3
"""sallyport run under load: what was accepted goes on, whatever floods it or changes beside it.

Numbered datagrams of one flow go both ways at a steady rate, and each that does not come is looked
for. The kernel's queues are of a size: where a test fills them, it holds that no more is missing than
the kernel says that it threw away.

SALLYPORT_FLOOD=1000000 makes the floods so long (100000 otherwise), SALLYPORT_FLOOD_RATE so fast.

    live/load_test.py PATH/TO/sallyport [unittest's arguments]
"""
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
import program
from net import HOST, PEER
from program import STATEFUL, main, rules

FLOOD = int(os.environ.get("SALLYPORT_FLOOD", "100000"))
FLOOD_RATE = int(os.environ.get("SALLYPORT_FLOOD_RATE", "25000"))
FLOODED = 9300
SO_RCVBUFFORCE = 33  # asm-generic/socket.h
SENDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flood.py")
DEADLINE = 30  # for what takes a moment on an idle machine


class Numbered:
    """Datagrams of one flow, numbered, that go both ways at a steady rate until they are counted.

    The sockets hold all that comes, so that nothing has to be read in time.
    """

    def __init__(self, case, rate):
        self.rate, self.sent, self.stop = rate, 0, threading.Event()
        self.ends = [case.host.udp(HOST, 9100), case.peer.udp(PEER, 9100)]
        for one, other in (self.ends, self.ends[::-1]):
            one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
            one.connect(other.getsockname())
            case.addCleanup(one.close)
        self.thread = threading.Thread(target=self.send)
        case.addCleanup(self.end)

    def begin(self):
        """The first goes from the host, whose rules let nothing else begin; the answer settles the flow."""
        for one, other in (self.ends, self.ends[::-1]):
            one.send(b"first")
            if not net.hears(other, b"first"):
                raise AssertionError("the flow does not begin")
        self.thread.start()

    def send(self):
        began = time.monotonic()
        while not self.stop.wait(0.005):
            while self.sent < self.rate * (time.monotonic() - began):
                number = b"%d" % self.sent
                for one in self.ends:
                    one.send(number)
                self.sent += 1

    def end(self):
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join()

    def lost(self):
        """Those that have not come, of both directions, when none comes any more."""
        self.end()
        lost = 0
        for one in self.ends:
            missing = set(range(self.sent))
            one.settimeout(2)
            try:
                while missing:
                    missing.discard(int(one.recv(100)))
            except TimeoutError:
                pass
            lost += len(missing)
        return lost


class Case(net.Case):
    def ask(self, *words):
        """A command of the daemon's; what it prints. Its socket is no part of the network."""
        done = subprocess.run([program.PROGRAM, *words, "--control", self.socket],
                              text=True, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, f"{words}\n{done.stdout}{done.stderr}")
        return done.stdout

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def dropped_by_queues(self):
        return sum(queue["dropped_full"] + queue["dropped_unread"] for queue in self.status()["queues"])

    def flow(self, rate):
        """A flow that is known to be alive, as a table that is full asks: ASSURED."""
        flow = Numbered(self, rate)
        flow.begin()
        self.assertTrue(self.wait_until(self.assured, DEADLINE), "the flow is not ASSURED")
        return flow

    def assured(self):
        return "[ASSURED]" in self.ask("conntrack", "-L", "-p", "udp", "--dport", "9100")


def dropped_by_devices():
    """Packets that the kernel had no room for before any hook; those of all namespaces."""
    with open("/proc/net/softnet_stat", encoding="utf-8") as stat:
        return sum(int(line.split()[1], 16) for line in stat)


class Flood(Case):
    """Many sources that do not exist, while a flow goes on."""
    MAX = 20000
    OPEN = rules(STATEFUL, f"-A INPUT -p udp -m udp --dport {FLOODED} -j ACCEPT")

    def flood(self, rate, senders=1):
        """From FLOOD sources; the flows of each moment, and how many packets the kernel threw away."""
        self.senders = senders
        before = dropped_by_devices()
        began = time.monotonic()
        floods = [self.peer.start("python3", SENDER, HOST, FLOODED, f"{11 + number}.0.0.0", FLOOD // senders, rate,
                                  stdout=subprocess.DEVNULL) for number in range(senders)]
        flows = []
        while any(one.poll() is None for one in floods):
            flows.append(self.status()["flows"])
            time.sleep(0.1)
        self.took = time.monotonic() - began
        self.assertEqual([one.wait() for one in floods], [0] * senders)
        self.assertTrue(self.wait_until(
            lambda: all(queue["waiting"] == 0 for queue in self.status()["queues"]), DEADLINE))
        flows.append(self.status()["flows"])
        return flows, self.dropped_by_queues() + dropped_by_devices() - before

    def assert_lived(self, flow, thrown):
        """No packet of it was lost but what the kernel threw away, and none at all was lost unseen."""
        lost = flow.lost()
        self.assertLessEqual(lost, thrown)
        self.assertTrue(self.assured())
        packets = self.status()["packets"]
        self.assertGreaterEqual(packets + thrown, FLOOD - FLOOD % self.senders + 2 * flow.sent)
        if "SALLYPORT_FLOOD" in os.environ:
            print(f"flood of {FLOOD} in {self.took:.1f} s: {flow.sent} datagrams each way, {lost} lost; "
                  f"{packets} packets judged, {thrown} thrown away by the kernel")

    def test_what_the_policy_drops_takes_no_room(self):
        self.run_daemon(rules(STATEFUL))
        flow = self.flow(500)
        flows, thrown = self.flood(FLOOD_RATE)
        self.assertLess(max(flows), 20)
        self.assert_lived(flow, thrown)

    def test_what_is_accepted_fills_the_table_and_makes_room_by_itself(self):
        """As Linux does: flows that nobody has answered go first, so that others can begin."""
        self.run_daemon(self.OPEN, "--sysctl", f"net.netfilter.nf_conntrack_max={self.MAX}")
        with self.host.udp(HOST, FLOODED):
            flow = self.flow(500)
            flows, thrown = self.flood(FLOOD_RATE)
        self.assertEqual(max(flows), self.MAX)
        self.assert_lived(flow, thrown)
        self.assertTrue(self.reached(self.host, self.peer, PEER))

    def test_faster_than_it_can_read(self):
        """The host answers each that it is not there, too; what is lost is what the queues had no room for."""
        self.run_daemon(self.OPEN, "--sysctl", f"net.netfilter.nf_conntrack_max={self.MAX}")
        flow = self.flow(500)
        flows, thrown = self.flood(0, senders=3)
        self.assertLessEqual(max(flows), self.MAX)
        self.assert_lived(flow, thrown)
        self.assertTrue(self.reached(self.host, self.peer, PEER))

    def test_a_table_full_of_flows_that_are_alive_takes_no_new_one(self):
        self.run_daemon(rules(STATEFUL), "--sysctl", "net.netfilter.nf_conntrack_max=32")
        with self.peer.udp(PEER, 9000) as server:
            clients = [self.host.udp() for _ in range(32)]
            for one in clients:
                self.addCleanup(one.close)

            def talk(one):
                one.sendto(b"question", (PEER, 9000))
                with contextlib.suppress(TimeoutError):
                    server.sendto(b"answer", server.recvfrom(100)[1])
                    return net.hears(one)
                return False

            def full():
                return all([talk(one) for one in clients]) and \
                    self.ask("conntrack", "-L", "-p", "udp").count("[ASSURED]") == len(clients)
            self.assertTrue(self.wait_until(full, DEADLINE))
            server.settimeout(0.3)
            with self.host.udp() as another:
                self.assertFalse(talk(another))
            self.assertIn("the connection table is full", self.ask("drops"))
            self.assertTrue(all([talk(one) for one in clients]))


class Changes(Case):
    SECONDS = 5

    def test_nothing_of_an_accepted_flow_is_lost_while_rules_change(self):
        """Files read again, and rules added and deleted, all the time: each is a step between two packets."""
        self.run_daemon(rules(STATEFUL))
        flow = self.flow(2000)
        sent, got = hashlib.sha256(), hashlib.sha256()
        over = threading.Event()
        server = self.peer.listen(PEER, 8080)
        self.addCleanup(server.close)

        def take():
            one, _ = server.accept()
            one.settimeout(DEADLINE)
            with one, contextlib.suppress(TimeoutError):  # then it is seen that something is missing
                while piece := one.recv(1 << 20):
                    got.update(piece)

        def give():
            with self.host.tcp((PEER, 8080), timeout=DEADLINE / 2) as one, contextlib.suppress(TimeoutError):
                while not over.wait(0.002):
                    piece = os.urandom(1 << 16)
                    one.sendall(piece)
                    sent.update(piece)

        threads = [threading.Thread(target=one) for one in (take, give)]
        for one in threads:
            one.start()
        rounds, began = 0, time.monotonic()
        try:
            while time.monotonic() < began + self.SECONDS:
                extra = f"-s 192.0.2.{rounds % 250}/32 -j DROP"
                self.file("rules", rules(*[f"-A INPUT {extra}"] * (rounds % 3), STATEFUL))
                self.assertEqual(self.ask("reload"), "reloaded\n")
                self.ask("iptables", "-I", "INPUT", *extra.split())
                self.ask("iptables", "-D", "INPUT", *extra.split())
                rounds += 1
                time.sleep(max(0, began + rounds * 0.1 - time.monotonic()))
        finally:
            over.set()
            for one in threads:
                one.join()
        self.assertEqual(flow.lost(), 0)
        self.assertEqual(sent.digest(), got.digest())
        self.assertEqual(self.dropped_by_queues(), 0)
        self.assertGreater(rounds, 5)


if __name__ == "__main__":
    main()
