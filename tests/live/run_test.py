#!/usr/bin/env python3
"""sallyport run: the firewall of a host, with real sockets in network namespaces.

    live/run_test.py PATH/TO/sallyport [unittest's arguments]
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
from net import HOST, HOST6, OTHER, PEER, PEER6, hears
from program import STATEFUL, main, rules

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
OUT_ONLY = rules(STATEFUL)
OUT_ONLY6 = rules(STATEFUL, "-A INPUT -p ipv6-icmp -j ACCEPT")  # without its neighbours no host is reached
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33  # asm-generic/socket.h
SSDP = ("239.255.255.250", 1900)
M_SEARCH = (b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n'
            b"MX: 2\r\nST: ssdp:all\r\n\r\n")


class Filters(net.Case):
    def test_what_went_out_decides_what_may_come_in(self):
        self.run_daemon(OUT_ONLY, rules6=OUT_ONLY6)
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        self.assertTrue(self.reached(self.host, self.peer, PEER6))
        self.assertFalse(self.echo(self.peer, self.host, HOST6))

    def test_tcp_in_large_segments_arrives_whole(self):
        self.run_daemon(OUT_ONLY, rules6=OUT_ONLY6)
        data = os.urandom(1 << 16) * 320  # 20 MiB
        self.assertTrue(self.reached(self.host, self.peer, PEER6))
        for address in (PEER, PEER6):
            with self.peer.listen(address, 8080) as server:
                got = bytearray()

                def take(server=server, got=got):
                    one, _ = server.accept()
                    with one:
                        while piece := one.recv(1 << 20):
                            got.extend(piece)

                taker = threading.Thread(target=take)
                taker.start()
                with self.host.tcp((address, 8080), timeout=20) as client:
                    client.sendall(data)
                taker.join()
                self.assertEqual(len(got), len(data))
                self.assertTrue(bytes(got) == data)

    def test_datagrams_in_fragments(self):
        self.run_daemon(OUT_ONLY, rules6=OUT_ONLY6)
        self.assertTrue(self.reached(self.host, self.peer, PEER6))
        for address in (PEER, PEER6):
            with self.peer.udp(address, 9000) as server, \
                    self.host.udp("::" if ":" in address else "") as client:
                client.sendto(b"q" * 4000, (address, 9000))
                question, sender = server.recvfrom(65536)
                self.assertEqual(len(question), 4000)
                server.sendto(b"a" * 4000, sender)
                self.assertTrue(hears(client, b"a" * 4000), address)

    def test_the_answer_to_a_search_comes_in_and_nothing_else(self):
        self.run_daemon(OUT_ONLY)
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        self.address(self.peer, "eth0", "192.0.2.9/32")
        with self.host.udp("", 0) as asks, self.host.udp("", 0) as other, \
                self.peer.udp(PEER, 1900) as device, self.peer.udp("192.0.2.9", 1900) as stranger:
            port = asks.getsockname()[1]
            device.sendto(b"early", (HOST, port))
            asks.sendto(M_SEARCH, SSDP)
            time.sleep(0.1)
            stranger.sendto(b"from another network", (HOST, port))
            device.sendto(b"to another socket", (HOST, other.getsockname()[1]))
            device.sendto(b"answer", (HOST, port))
            self.assertEqual(asks.recv(100), b"answer")
            asks.settimeout(0.3)
            other.settimeout(0.1)
            self.assertRaises(TimeoutError, asks.recv, 100)
            self.assertRaises(TimeoutError, other.recv, 100)

    def test_an_answer_comes_by_another_queue_than_its_question(self):
        self.run_daemon(OUT_ONLY, "--queue-balance", "3")
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        with self.host.udp("", 0) as asks, self.peer.udp(PEER, 1900) as device:
            asks.sendto(M_SEARCH, SSDP)
            self.assertTrue(self.wait_until(
                lambda: "dport=1900" in self.program("conntrack", "-L", "--control", "sock")), "it has gone out")
            device.sendto(b"answer", (HOST, asks.getsockname()[1]))
            self.assertTrue(hears(asks))
        status = json.loads(self.program("status", "--json", "--control", "sock"))
        self.assertEqual([queue["number"] for queue in status["queues"]], [7200, 7201, 7202, 7203, 7204])

    def test_compat_linux_lets_no_answer_in(self):
        self.run_daemon(OUT_ONLY, "--compat", "linux")
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        with self.host.udp("", 0, timeout=0.5) as asks, self.peer.udp(PEER, 1900) as device:
            asks.sendto(M_SEARCH, SSDP)
            time.sleep(0.1)
            device.sendto(b"answer", (HOST, asks.getsockname()[1]))
            self.assertFalse(hears(asks))

    def test_the_recipe_of_an_ipset(self):
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        sets = self.file("sets", "create upnp hash:ip,port timeout 3\n")
        self.run_daemon(rules(
            "-A INPUT -p udp -m set --match-set upnp dst,dst -j ACCEPT",
            "-A OUTPUT -d 239.255.255.250/32 -p udp -m udp --dport 1900 -j SET --add-set upnp src,src --exist"),
            "--sets", sets, "--compat", "linux")
        with self.host.udp("", 0) as asks, self.peer.udp(PEER, 1900) as device:
            asks.sendto(M_SEARCH, SSDP)
            time.sleep(0.1)
            device.sendto(b"answer", (HOST, asks.getsockname()[1]))
            self.assertTrue(hears(asks))

    def test_loopback_passes_output_and_input_once(self):
        self.run_daemon(rules("-A INPUT -i lo -p udp -m udp --dport 9001 -j DROP", input="ACCEPT"))
        self.assertTrue(self.echo(self.host, self.host, "127.0.0.1"))
        self.assertTrue(self.echo(self.host, self.host, HOST))
        self.assertFalse(self.echo(self.host, self.host, "127.0.0.1", port=9001))

    def test_its_own_copy_of_what_it_sends_to_a_group(self):
        group = "239.1.2.3"
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        for accept, expected in ((f"-A INPUT -i eth0 -d {group}/32 -m conntrack --ctstate NEW -j ACCEPT", True),
                                 (STATEFUL, False)):
            self.run_daemon(rules(accept))
            with self.host.udp("", 9000, timeout=0.5) as one:
                one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                               socket.inet_aton(group) + socket.inet_aton(HOST))
                one.sendto(b"answer", (group, 9000))
                self.assertEqual(hears(one), expected)
            self.stop_daemon()

    def test_reject_answers(self):
        self.run_daemon(rules("-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
                              "-A INPUT -p udp -j REJECT"),
                        rules6=rules("-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
                                     "-A INPUT -p ipv6-icmp -j ACCEPT", "-A INPUT -j REJECT"))
        for address in (HOST, HOST6):
            self.assertTrue(self.wait_until(lambda to=address: self.refused((to, 22))))
            with self.peer.udp("::" if ":" in address else "") as one:
                one.connect((address, 9000))
                one.send(b"question")
                self.assertRaises(ConnectionRefusedError, one.recv, 100)

    def test_a_mark_goes_back_to_the_kernel(self):
        self.host.sh("iptables", "-t", "mangle", "-A", "POSTROUTING", "-m", "mark", "--mark", "7")
        self.run_daemon("*mangle\n-A OUTPUT -p udp -m udp --dport 9000 -j MARK --set-mark 7\nCOMMIT\n"
                        + rules(STATEFUL))
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        counted = self.host.sh("iptables", "-t", "mangle", "-nvxL", "POSTROUTING").splitlines()[2].split()
        self.assertEqual(counted[0], "1")

    def test_whose_socket_it_is(self):
        self.run_daemon(rules("-A OUTPUT -m owner --uid-owner 65534 --gid-owner 65533 -j ACCEPT",
                              "-A OUTPUT -p tcp -m owner ! --socket-exists -j ACCEPT",
                              "-A INPUT -j ACCEPT", output="DROP"))
        self.assertFalse(self.echo(self.host, self.peer, PEER))
        ask = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); "
               f"s.sendto(b'question', ('{PEER}', 9000)); print(s.recv(100))")
        with self.peer.udp(PEER, 9000) as server:
            nobody = self.host.start("setpriv", "--reuid", 65534, "--regid", 65533, "--clear-groups", "python3",
                                     "-c", ask, stdout=subprocess.PIPE)
            _, sender = server.recvfrom(100)
            server.sendto(b"answer", sender)
            self.assertEqual(nobody.communicate()[0], "b'answer'\n")
        # The reset that the kernel sends by itself belongs to nobody.
        self.assertTrue(self.refused((HOST, 9)))

    def test_addresses_that_come_later_are_known(self):
        self.run_daemon(rules("-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT"))
        self.address(self.host, "eth0", "10.0.0.2/24")
        self.assertTrue(self.wait_until(lambda: self.echo(self.peer, self.host, "10.0.0.2")))


class Forwards(net.Router):
    def test_only_the_inside_begins(self):
        forward = rules("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                        "-A FORWARD -i eth1 -o eth0 -j ACCEPT", input="ACCEPT")
        self.run_daemon(forward, rules6=forward)
        self.assertTrue(self.echo(self.inside, self.peer, PEER))
        self.assertFalse(self.echo(self.peer, self.inside, "10.1.0.2"))
        self.assertTrue(self.reached(self.inside, self.peer, PEER6))
        self.assertFalse(self.echo(self.peer, self.inside, "fd01::2"))

    def test_prerouting_sees_the_hops_that_came_and_forward_one_less(self):
        self.run_daemon("*mangle\n-A PREROUTING -i eth1 -m ttl ! --ttl-eq 64 -j DROP\nCOMMIT\n" + rules(
            "-A FORWARD -i eth1 -m ttl --ttl-eq 63 -j ACCEPT", "-A FORWARD -i eth0 -j ACCEPT"))
        self.assertTrue(self.echo(self.inside, self.peer, PEER))

    ERROR_RULES = rules("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                        "-A FORWARD -i eth1 -j ACCEPT", input="ACCEPT")

    def error_comes_back(self):
        self.peer.sh("ip", "route", "add", "unreachable", "192.0.2.0/24")
        self.host.sh("ip", "route", "add", "192.0.2.0/24", "via", PEER)
        self.peer.sh("sysctl", "-qw", "net.ipv4.ip_forward=1")
        with self.inside.udp() as one:
            one.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
            one.connect(("192.0.2.1", 9000))
            one.send(b"question")
            with self.assertRaises(OSError) as caught:
                one.recv(100)
            self.assertNotIsInstance(caught.exception, TimeoutError)

    def test_an_error_of_a_router_is_related(self):
        """It comes to FORWARD's queue from another address than the flow's, and goes to the inside."""
        self.run_daemon(self.ERROR_RULES)
        self.error_comes_back()

    def test_an_error_of_a_router_comes_by_another_queue_than_its_flow(self):
        self.assertIn("queues 7200 to 7265 by", self.run_daemon(self.ERROR_RULES, "--queue-balance", "64"))
        self.error_comes_back()
        used = [line.split()[0] for line in self.host.sh("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines()
                if int(line.split()[7]) > 0 and int(line.split()[0]) < 7264]
        self.assertGreater(len(used), 1, "the flow's, and the error's")

    def test_fragments_wait_for_the_whole(self):
        self.run_daemon(rules("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                              "-A FORWARD -i eth1 -p udp -m udp --dport 9000 -j ACCEPT"))
        for port, passes in ((9000, True), (9001, False)):
            with self.peer.udp(PEER, port, timeout=0.5) as server, self.inside.udp() as client:
                client.sendto(b"q" * 4000, (PEER, port))
                self.assertEqual(hears(server, b"q" * 4000), passes)


class Helpers(net.Case):
    """A host that fetches a file from an FTP server, with the helper that reads what they say."""

    FETCH = """
import ftplib, sys
one = ftplib.FTP()
one.connect(sys.argv[1], 2121, timeout=3)
one.set_pasv(sys.argv[2] == "passive")
one.login()
got = []
one.retrbinary("RETR file", got.append)
print(b"".join(got).decode())
"""

    def serve(self):
        """A server of one client and one file."""
        control = self.peer.listen(PEER, 2121)
        self.addCleanup(control.close)

        def talk():
            one, (client, _) = control.accept()
            one.settimeout(5)
            with one, contextlib.suppress(ConnectionError):
                serve_one(one, client)

        def serve_one(one, client):
            lines, data, where = one.makefile("r", newline="\r\n"), None, None
            one.sendall(b"220 ready\r\n")
            for line in lines:
                word, _, rest = line.strip().partition(" ")
                if word == "PASV":
                    data = self.peer.listen(PEER)
                    port = data.getsockname()[1]
                    one.sendall(f"227 Entering Passive Mode ({PEER.replace('.', ',')},{port >> 8},{port & 255})"
                                "\r\n".encode())
                elif word == "PORT":
                    numbers = [int(number) for number in rest.split(",")]
                    where = (client, numbers[4] << 8 | numbers[5])
                    one.sendall(b"200 fine\r\n")
                elif word == "RETR":
                    one.sendall(b"150 here it comes\r\n")
                    try:
                        flow = data.accept()[0] if data else self.peer.tcp(where, timeout=2)
                        flow.sendall(b"what the file holds")
                        flow.close()
                        one.sendall(b"226 done\r\n")
                    except OSError:
                        one.sendall(b"425 no connection\r\n")
                else:
                    one.sendall(b"230 come in\r\n" if word == "USER" else b"200 fine\r\n")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()

    def fetch(self, mode):
        self.serve()
        done = self.host.start("python3", "-c", self.FETCH, PEER, mode, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        out, err = done.communicate(timeout=20)
        return out.strip() or err.strip().splitlines()[-1]

    RULES = rules("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                  "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                  "-A OUTPUT -p tcp -m tcp --dport 2121 -j ACCEPT", output="DROP")
    RAW = "*raw\n-A OUTPUT -p tcp -m tcp --dport 2121 -j CT --helper ftp\nCOMMIT\n"

    def test_active_ftp_with_several_queues(self):
        self.run_daemon(self.RAW + self.RULES, "--queue-balance", "8")
        self.assertEqual(self.fetch("active"), "what the file holds")

    def test_active_ftp(self):
        self.run_daemon(self.RAW + self.RULES)
        self.assertEqual(self.fetch("active"), "what the file holds")

    def test_passive_ftp(self):
        self.run_daemon(self.RAW + self.RULES)
        self.assertEqual(self.fetch("passive"), "what the file holds")

    def test_without_the_helper_no_data_connection_is_related(self):
        self.run_daemon(self.RULES)
        self.assertEqual(self.fetch("active"), "TimeoutError: timed out")


class Fails(net.Case):
    """Nobody is left open or cut off by accident."""

    def test_dead_it_is_closed_but_for_loopback_and_the_administrator(self):
        self.run_daemon(rules(STATEFUL, input="ACCEPT"), "--admin", f"{OTHER},{PEER6}")
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.daemon.kill()
        self.daemon.wait()
        self.assertFalse(self.echo(self.host, self.peer, PEER))
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        self.assertTrue(self.echo(self.host, self.host, "127.0.0.1"))
        self.assertTrue(self.echo(self.host, self.peer, OTHER))
        for one in (self.host, self.peer):  # who has to be found again
            one.sh("ip", "-6", "neighbour", "flush", "dev", "eth0")
        self.assertTrue(self.reached(self.host, self.peer, PEER6))
        self.assertTrue(self.reached(self.peer, self.host, HOST6))
        self.assertIn("are out", self.program("detach"))
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.assertIn("no queueing rules", self.program("detach"))

    def test_alive_the_administrator_is_judged_as_all_are(self):
        self.run_daemon(OUT_ONLY, "--admin", OTHER)
        with self.host.udp(HOST, 9000, timeout=0.5) as server, self.peer.udp(OTHER) as admin:
            admin.sendto(b"answer", (HOST, 9000))
            self.assertFalse(hears(server))

    def test_dead_it_is_open_where_that_was_chosen(self):
        self.run_daemon(OUT_ONLY, "--fail", "open")
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        self.daemon.kill()
        self.daemon.wait()
        self.assertTrue(self.echo(self.peer, self.host, HOST))

    def flood(self):
        """More datagrams than the queue holds, while nobody reads it; how many came through."""
        with self.peer.udp(PEER, 9000, timeout=0.5) as server, self.host.udp() as client:
            server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            client.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20)
            self.daemon.send_signal(signal.SIGSTOP)
            for _ in range(20000):
                client.sendto(b"x", (PEER, 9000))
            came = 0
            try:
                while server.recv(100):
                    came += 1
            except TimeoutError:
                pass
            self.daemon.send_signal(signal.SIGCONT)
            return came

    def test_overrun_it_is_closed(self):
        self.run_daemon(rules(input="ACCEPT"))
        self.assertEqual(self.flood(), 0)
        self.assertTrue(self.reached(self.host, self.peer, PEER))

    def test_overrun_it_is_open_where_that_was_chosen(self):
        self.run_daemon(rules(input="ACCEPT"), "--fail", "open")
        self.assertGreater(self.flood(), 1000)
        self.assertTrue(self.reached(self.host, self.peer, PEER))

    def test_what_it_keeps_of_roots_rights(self):
        self.run_daemon(rules(input="ACCEPT"))
        with open(f"/proc/{self.daemon.pid}/status", encoding="utf-8") as status:
            caps = dict(line.split(":\t") for line in status.read().splitlines() if line.startswith("Cap"))
        net_raw, net_admin = 1 << 13, 1 << 12
        self.assertEqual({name: int(bits, 16) for name, bits in caps.items()},
                         {"CapInh": 0, "CapPrm": net_admin, "CapEff": net_admin,
                          "CapBnd": net_admin | net_raw, "CapAmb": 0})
        self.stop_daemon()
        self.assertEqual(self.queueing_rules(), [])

    def test_it_starts_no_program_any_more(self):
        with open(net.program.PROGRAM, "rb") as file:
            if b"__asan_init" in file.read():
                self.skipTest("sanitizers ask the kernel for more")
        self.run_daemon(rules(input="ACCEPT"), "--state", os.path.join(self.scratch, "state"))
        self.ask("status")  # start() is over by then
        threads = os.listdir(f"/proc/{self.daemon.pid}/task")
        self.assertGreater(len(threads), 1)
        for thread in threads:
            with open(f"/proc/{self.daemon.pid}/task/{thread}/status", encoding="utf-8") as status:
                self.assertIn("\nSeccomp:\t2\n", status.read())

    def guard(self):
        """The process that takes the rules out."""
        found = self.host.sh("pgrep", "-P", str(self.daemon.pid)).split()
        self.assertEqual(len(found), 1)
        return int(found[0])

    def test_its_guard_has_no_more_rights_and_ends_with_it(self):
        self.run_daemon(rules(input="ACCEPT"))
        guard = self.guard()
        with open(f"/proc/{guard}/status", encoding="utf-8") as status:
            self.assertIn(f"CapEff:\t{1 << 12:016x}\n", status.read())
        self.assertEqual(sorted(os.listdir(f"/proc/{guard}/fd")), ["0", "1", "2", "3"])
        self.kill_daemon()
        self.assertTrue(self.wait_until(lambda: not os.path.exists(f"/proc/{guard}/fd/3")))
        self.assertNotEqual(self.queueing_rules(), [])

    def test_its_guard_ends_with_it_where_there_is_no_standard_input(self):
        path = self.file("rules", rules(input="ACCEPT"))
        self.daemon = self.host.start("bash", "-c", 'exec "$0" "$@" <&-', net.program.PROGRAM, "run", "--control", self.socket,
                                      "--rules", path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.kill_daemon)
        self.assertIn("filtering:", self.daemon.stdout.readline())
        guard = self.guard()
        self.kill_daemon()
        self.assertTrue(self.wait_until(lambda: not os.path.exists(f"/proc/{guard}/fd/3")))

    def test_a_manager_may_end_all_its_processes_at_once(self):
        self.run_daemon(rules(input="ACCEPT"))
        os.kill(self.guard(), signal.SIGTERM)
        self.stop_daemon()
        self.assertEqual(self.queueing_rules(), [])

    def test_without_its_guard_the_rules_stay_and_it_says_so(self):
        self.run_daemon(rules(input="ACCEPT"))
        os.kill(self.guard(), signal.SIGKILL)
        self.assertIn("the queueing rules could not be taken out: the process that does so is gone; sallyport detach "
                      "does it\n", self.stop_daemon(expect=1))
        self.assertNotEqual(self.queueing_rules(), [])
        self.program("detach")
        self.assertEqual(self.queueing_rules(), [])

    def test_a_service_manager_is_told(self):
        path = os.path.join(self.scratch, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(2)
            os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
            try:
                self.run_daemon(rules())
            finally:
                del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
            self.assertIn(b"READY=1", manager.recv(100))
            self.assertEqual([manager.recv(100) for _ in range(3)], [b"WATCHDOG=1"] * 3)
            self.stop_daemon()
            heard = manager.recv(100)
            while heard == b"WATCHDOG=1":
                heard = manager.recv(100)
            self.assertEqual(heard, b"STOPPING=1")

    def test_foreign_rules_stay_as_they_were(self):
        self.host.sh("iptables", "-A", "INPUT", "-p", "udp", "--dport", "9002", "-j", "DROP")
        self.host.sh("iptables", "-t", "security", "-A", "INPUT", "-p", "sctp")
        before = self.host.sh("iptables-save")
        self.run_daemon(rules(input="ACCEPT"))
        self.assertFalse(self.echo(self.peer, self.host, HOST, port=9002))
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.stop_daemon(signal.SIGINT)

        def without_counters(text):
            return [line.split(" [")[0] for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual(without_counters(self.host.sh("iptables-save")), without_counters(before))

    def test_a_trial_ends(self):
        self.run_daemon(rules(output="DROP"), "--for", "2s")
        self.assertFalse(self.echo(self.host, self.peer, PEER))
        self.assertEqual(self.daemon.wait(10), 0)
        self.assertEqual(self.queueing_rules(), [])
        self.assertTrue(self.echo(self.host, self.peer, PEER))

    def test_a_trial_ends_even_if_it_has_died(self):
        self.run_daemon(rules(output="DROP"), "--for", "2s")
        self.daemon.kill()
        self.daemon.wait()
        self.assertNotEqual(self.queueing_rules(), [])
        self.assertTrue(self.echo(self.host, self.host, "127.0.0.1"))
        self.assertTrue(self.wait_until(lambda: not self.queueing_rules(), 10))


class Configured(net.Case):
    """By a file; flags stand over it."""

    def test_names_of_files_are_relative_to_it(self):
        os.mkdir(os.path.join(self.scratch, "etc"))
        self.file("etc/rules.v4", OUT_ONLY)
        config = self.file("etc/sallyport.toml", 'rules = "rules.v4"\nfail = "open"\nadmin = ["192.0.2.7"]\n'
                           'sysctl = ["net.netfilter.nf_conntrack_udp_timeout=7"]\nqueue = 7300\n')
        self.assertIn("queues 7300 to 7302 by iptables, fail-open", self.run_daemon(None, "--config", config))
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        self.assertIn("= 7\n", self.program("sysctl", "--control", "sock", "net.netfilter.nf_conntrack_udp_timeout"))
        self.assertIn("192.0.2.7", self.host.sh("iptables", "-t", "security", "-S"))

    def test_flags_stand_over_it(self):
        config = self.file("c.toml", 'rules = "not-there"\nfail = "open"\nqueue = 7300\n')
        self.assertIn("queues 7200 to 7202 by iptables, fail-closed",
                      self.run_daemon(OUT_ONLY, "--config", config, "--fail", "closed", "--queue", "7200"))

    def test_its_errors_have_places(self):
        config = self.file("c.toml", 'fial = "open"\nfail = "ajar"\nqueue = true\nfor = "60s"\n')
        said = self.program("run", "--config", config, expect=2)
        for line in ("c.toml:1:1: error: unknown key 'fial'", "c.toml:2:8: error: --fail: ajar not in",
                     "c.toml:3:9: error: 'queue' is a string in quotes", "c.toml:4:1: error: unknown key 'for'"):
            self.assertIn(line, said)
        said = self.program("run", "--config", self.file("c.toml", "rules = \n"), expect=2)
        self.assertIn("c.toml:1:9: error:", said)
        self.assertEqual(self.queueing_rules(), [])

    def test_with_the_rights_of_the_unit(self):
        with open(os.path.join(ROOT, "share/host/sallyport.service.in"), encoding="utf-8") as unit:
            rights = next(line for line in unit if line.startswith("CapabilityBoundingSet="))
        rights = ",".join("+" + word.removeprefix("CAP_").lower() for word in rights.split("=")[1].split())
        self.daemon = self.host.start("setpriv", "--bounding-set", f"-all,{rights}", net.program.PROGRAM, "run", "--control",
                                      "sock", "--rules", self.file("rules", OUT_ONLY), "--control-group", "adm",
                                      cwd=self.scratch, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.kill_daemon)
        self.assertIn("filtering:", self.daemon.stdout.readline())
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.stop_daemon()
        self.assertEqual(self.queueing_rules(), [])

    def test_a_service_that_has_failed_stays_closed(self):
        self.run_daemon(OUT_ONLY)
        self.daemon.kill()
        self.daemon.wait()
        leave = ["env", "SERVICE_RESULT=signal", __import__("program").PROGRAM, "detach", "--unless-failed"]
        self.assertIn("its queueing rules stay", self.host.sh(*leave))
        self.assertNotEqual(self.queueing_rules(), [])
        leave[1] = "SERVICE_RESULT=success"
        self.assertIn("are out", self.host.sh(*leave))
        self.assertEqual(self.queueing_rules(), [])


@unittest.skipUnless(shutil.which("nft"), "no nft")
class Nft(net.Case):
    """The queueing rules as nft has them, on kernels with nft's queue and without."""

    def text(self, *arguments):
        return self.program("run", "--rules", self.file("rules", OUT_ONLY), "--rules6", "rules", "--dry-run",
                            "--queue-with", "nft", "--admin", "192.0.2.7,2001:db8::/64", *arguments)

    def load(self, text):
        return subprocess.run(["ip", "netns", "exec", self.host.name, "nft", "-f", "-"], input=text, text=True,
                              capture_output=True, check=False)

    def test_a_kernel_without_the_queue_minds_nothing_else(self):
        for more in ((), ("--queue-balance", "4", "--fail", "open")):
            text = self.text(*more)
            done = self.load(text)
            complaints = [line for line in done.stderr.splitlines() if ": Error:" in line]
            queues = [number for number, line in enumerate(text.splitlines(), 1) if re.search(r"\bqueue\b", line)]
            self.assertIn(len(complaints), (0, len(queues)))
            for number, line in zip(queues, complaints):
                self.assertRegex(line, rf":{number}:\d+-\d+: Error: Could not process rule: No such file or directory$")

    def test_packets_come_where_they_shall(self):
        """Each queue as a counter, asked what has come there."""
        text = re.sub(r"queue (?:flags bypass )?to (\d+)", r'counter name "q\1" accept', self.text())
        named = "".join(f"  counter q{number} {{ }}\n" for number in (7200, 7201, 7202))
        begin = "table inet sallyport {\n"
        done = self.load(text.replace(begin, begin + named, 1))
        self.assertEqual(done.stderr, "")
        # Nothing goes on by itself: no neighbours are looked for.
        self.host.sh("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")

        def counted():
            return {int(number): int(packets) for number, packets in re.findall(
                r"counter q(\d+) {\s+packets (\d+)", self.host.sh("nft", "list", "counters"))}
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        self.host.sh("ip", "route", "add", "192.0.2.7", "dev", "eth0")
        self.host.sh("ip", "neighbour", "add", "192.0.2.7", "lladdr", "02:00:00:00:00:07", "dev", "eth0")
        before = counted()
        # Nobody complains that a port is closed.
        with self.host.udp() as one, self.peer.udp("", 9), self.host.udp("127.0.0.1", 9):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            for to, queue in ((PEER, 7200), ("127.0.0.1", 7202), ("192.0.2.7", 7202), ("239.255.255.250", 7201),
                              ("10.0.0.255", 7201)):
                one.sendto(b"x", (to, 9))
                now = counted()
                self.assertEqual({number for number in now if now[number] > before[number]}, {queue}, to)
                before = now
            one.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x5a11)  # as REJECT's answers have it
            one.sendto(b"x", (PEER, 9))
        self.assertEqual(counted(), before)


class Refuses(net.Case):
    """Bad input costs nothing: no rule is put in."""

    def refused(self, *arguments, expect=2):
        said = self.program("run", *arguments, expect=expect)
        self.assertEqual(self.queueing_rules(), [])
        return said

    def test_what_makes_no_sense(self):
        good = self.file("good", OUT_ONLY)
        self.assertIn("no rules: give", self.refused())
        self.assertIn("--admin nobody: not an address", self.refused("--rules", good, "--admin", "nobody"))
        for length in ("", "x", "0", "-1", "1h", "86401"):
            if length:
                self.assertIn("write a time like 60s", self.refused("--rules", good, f"--for={length}"))
        self.assertIn("--fail", self.refused("--rules", good, "--fail", "ajar"))

    def test_rules_with_an_error(self):
        bad = self.file("bad", rules("-A INPUT -p tcp --dpotr 22 -j ACCEPT"))
        said = self.refused("--rules", bad, expect=1)
        self.assertIn("bad:5:17: error:", said)

    def test_a_second_one(self):
        self.run_daemon(OUT_ONLY)
        before = self.queueing_rules()
        said = self.program("run", "--rules", "rules", "--control", "another", expect=2)
        self.assertIn("queue 7200: another program listens to it", said)
        self.assertEqual(self.queueing_rules(), before)
        self.assertTrue(self.echo(self.host, self.peer, PEER))

    def test_without_the_right_to(self):
        self.file("rules", OUT_ONLY)
        os.chmod(self.scratch, 0o755)
        done = subprocess.run(["ip", "netns", "exec", self.host.name, "setpriv", "--reuid", "65534",
                               "--clear-groups", "--bounding-set", "-all", __import__("program").PROGRAM,
                               "run", "--rules", "rules", "--control", "sock"], cwd=self.scratch, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("root", done.stderr)

    def test_a_dry_run_changes_nothing(self):
        good = self.file("good", OUT_ONLY)
        said = self.program("run", "--rules", good, "--dry-run", "--admin", "192.0.2.0/24")
        self.assertIn("-A SALLYPORT-INPUT -s 192.0.2.0/24 -j NFQUEUE --queue-num 7202 --queue-bypass", said)
        self.assertEqual(self.queueing_rules(), [])


if __name__ == "__main__":
    main()
