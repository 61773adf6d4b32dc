#!/usr/bin/env python3
"""The unit under a real systemd: a Debian 12 in namespaces, with Sallyport installed in it.

    live/systemd_test.py BUILD [unittest's arguments]

BUILD is a build's folder, which is installed from. `make systemd` calls it; `make test` does not: the
Debian is fetched by debootstrap, once, to BUILD/debian12, which takes some minutes.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

PACKAGES = ("systemd,systemd-sysv,dbus,iptables,kmod,procps,libfmt9,libpcap0.8,libmnl0,libcap2,libmicrohttpd12,"
            "libseccomp2")
# What a machine has when systemd begins; run in new namespaces, with the Debian's folder as $1.
BOOT = r"""
set -e
mount --make-rprivate /
mount --bind "$1" "$1"; cd "$1"
mount -t proc proc proc; mount -t sysfs sysfs sys
for one in run tmp dev sys/fs/cgroup; do mount -t tmpfs tmpfs $one; done
for one in null zero full random urandom tty; do touch dev/$one; mount --bind /dev/$one dev/$one; done
mkdir dev/pts dev/shm dev/mqueue sys/fs/cgroup/systemd sys/fs/cgroup/unified
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts; ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd 2>/dev/null || true
mount -t cgroup2 cgroup2 sys/fs/cgroup/unified 2>/dev/null || mount -t cgroup2 cgroup2 sys/fs/cgroup
ip link set lo up
exec chroot . /usr/bin/env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
"""
BUILD = "build"


def need(holds, what, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(what)
        time.sleep(0.1)


class Unit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            raise unittest.SkipTest("not root, or no debootstrap")
        cls.root = os.path.abspath(os.path.join(BUILD, "debian12"))
        done = os.path.join(cls.root, ".complete")
        if not os.path.exists(done):
            print("fetching a Debian 12 …", flush=True)
            shutil.rmtree(cls.root, ignore_errors=True)
            subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", cls.root],
                           check=True, stdout=subprocess.DEVNULL)
            with open(done, "w", encoding="utf-8"):
                pass
        subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr"], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, DESTDIR=cls.root))
        # As README says it: the files to begin with are the configuration.
        shutil.copytree(os.path.join(cls.root, "usr/share/sallyport/host"), os.path.join(cls.root, "etc/sallyport"),
                        dirs_exist_ok=True)
        cls.machine = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--mount", "--net", "--ipc", "--uts",
                                        "--cgroup", "bash", "-c", BOOT, "boot", cls.root], cwd="/",
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.machine.wait)
        cls.addClassCleanup(cls.machine.send_signal, signal.SIGKILL)
        need(lambda: cls.run_in("systemctl", "is-system-running").strip() in ("running", "degraded"), "systemd does not start")

    @classmethod
    def run_in(cls, *command):
        """In the machine; what it prints."""
        children = subprocess.run(["pgrep", "-P", str(cls.machine.pid)], capture_output=True, text=True, check=False).stdout.split()
        if not children:
            return ""
        return subprocess.run(["nsenter", "-t", children[0], "-a", "-r", *command], cwd="/", capture_output=True, text=True,
                              check=False).stdout

    def setUp(self):
        self.run_in("systemctl", "reset-failed", "sallyport")  # systemd counts starts, and has enough of them
        self.run_in("systemctl", "restart", "sallyport")
        need(lambda: self.shows("ActiveState") == "active", "it does not start")

    def shows(self, property_):
        return self.run_in("systemctl", "show", "--value", "-p", property_, "sallyport").strip()

    def rules(self):
        return self.run_in("iptables", "-t", "security", "-S").count("NFQUEUE")

    def main_process(self, key):
        return re.search(rf"^{key}:\s+(\S+)$", self.run_in("cat", f"/proc/{self.shows('MainPID')}/status"), re.MULTILINE)[1]

    def test_it_filters_with_the_rights_that_it_needs(self):
        self.assertEqual(self.shows("StatusText"), "filtering")
        self.assertGreater(self.rules(), 0)
        self.assertEqual(int(self.main_process("CapEff"), 16), 1 << 12)
        self.assertEqual(self.main_process("Seccomp"), "2")
        # The unit's filter lets it have its own.
        self.assertNotIn("seccomp", self.run_in("journalctl", "-b", "-o", "cat", f"_PID={self.shows('MainPID')}"))
        self.assertNotIn("error", self.run_in("sallyport", "doctor"))

    def test_a_reload(self):
        before = self.shows("MainPID")
        self.run_in("systemctl", "reload", "sallyport")
        self.assertEqual((self.shows("ActiveState"), self.shows("MainPID")), ("active", before))
        self.assertIn("reloaded", self.run_in("journalctl", "-b", "-o", "cat", "-u", "sallyport"))

    def test_killed_it_is_closed_until_it_runs_again(self):
        before = self.shows("MainPID")
        self.run_in("kill", "-9", before)
        self.assertGreater(self.rules(), 0)
        need(lambda: self.shows("ActiveState") == "active" and self.shows("MainPID") != before, "it does not come back")
        self.assertIn("its queueing rules stay", self.run_in("journalctl", "-b", "-o", "cat", "-u", "sallyport"))

    def test_one_that_hangs_is_ended_by_its_watchdog(self):
        before = self.shows("MainPID")
        self.run_in("kill", "-STOP", before)
        need(lambda: self.shows("ActiveState") == "active" and self.shows("MainPID") not in ("0", before),
             "the watchdog does nothing", 40)

    def test_stopped_it_takes_its_rules_out(self):
        self.run_in("systemctl", "stop", "sallyport")
        self.assertEqual(self.shows("Result"), "success")
        self.assertEqual(self.rules(), 0)
        self.assertEqual(self.run_in("pgrep", "-x", "sallyport"), "")


def main():
    global BUILD
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BUILD = sys.argv.pop(1)
    unittest.main()


if __name__ == "__main__":
    main()
