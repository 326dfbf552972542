#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what is in it, and two machines (network namespaces) that run from it, unpacked into a clean root.
usage: package_test.py BUILD_FOLDER [case]"""
import glob
import os
import shutil
import stat
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import Failed, NotRun, run_cases, wait_for  # noqa: E402
from samoza_test_machines import Machines, join, run  # noqa: E402

PROGRAMS = ["samoza", "startz", "zmesh-controlplane", "zmesh", "zrms", "zrun", "zrun-compile", "zbase", "mex", "zshell"]


class Package:
    def __init__(self, build):
        for tool in ("cpack", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise NotRun(f"there is no `{tool}`")
        self.folder = tempfile.mkdtemp(prefix="samoza-p-")
        run("cpack", "--config", f"{build}/CPackConfig.cmake", "-B", self.folder)
        found = glob.glob(f"{self.folder}/*.deb")
        if len(found) != 1:
            raise Failed(f"cpack made {found}")
        self.file, self.root, self.control = found[0], f"{self.folder}/root", f"{self.folder}/control"
        run("dpkg-deb", "-x", self.file, self.root)
        run("dpkg-deb", "-e", self.file, self.control)

    def text(self, path):
        with open(path, encoding="utf-8") as f:
            return f.read()

    def stop(self, keep=False):
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def it_has_the_programs_a_unit_man_pages_and_completion(package):
    for name in PROGRAMS:
        assert os.access(f"{package.root}/usr/bin/{name}", os.X_OK), name
    for path in ("usr/share/man/man8/samoza.8", "usr/share/man/man1/zshell.1", "usr/share/samoza/zhost.yaml",
                 "usr/share/bash-completion/completions/zshell", "usr/share/samoza/sdk/c/samoza.h"):
        assert os.path.exists(f"{package.root}/{path}"), path
    unit = package.text(f"{package.root}/usr/lib/systemd/system/samoza-zhost.service")
    for line in ("Type=notify", "NoNewPrivileges=yes", "LimitNOFILE=65536", "User=samoza",
                 "ExecStart=/usr/bin/startz -config /etc/samoza/zhost.yaml"):
        assert line in unit, line
    other = package.text(f"{package.root}/usr/lib/systemd/system/samoza@.service")
    assert "ExecStart=/usr/bin/startz" in other and package.folder not in other, other
    # It is unset until `samoza init` or `samoza join` write it.
    lines = package.text(f"{package.root}/usr/share/samoza/zhost.yaml").splitlines()
    assert lines and all(line.startswith("#") for line in lines), lines


def its_scripts_start_nothing_keep_data_and_purge_it(package):
    control = package.text(f"{package.control}/control")
    assert "Package: samoza" in control and "libssl3" in control and "adduser" in control, control
    for name in ("postinst", "prerm", "postrm"):
        path = f"{package.control}/{name}"
        assert os.stat(path).st_mode & stat.S_IXUSR, name
        run("sh", "-n", path)
    made = package.text(f"{package.control}/postinst")
    assert " start" not in made.replace("Starts nothing", "") and "enable" not in made, made
    # What runs is restarted by an upgrade, and nothing by a first installation.
    for former, restarts in (("", False), ("0.0.9", True)):
        folder = tempfile.mkdtemp(dir=package.folder)
        for name in ("systemctl", "getent", "install"):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
                f.write(f'#!/bin/sh\necho "{name} $*" >> {folder}/calls\n')
            os.chmod(f"{folder}/{name}", 0o755)
        script = made.replace("/run/systemd/system", folder).replace("/etc/samoza/zhost.yaml", f"{folder}/calls")
        subprocess.run(["sh", "-c", script, "postinst", "configure", former], check=True,
                       env={"PATH": f"{folder}:{os.environ['PATH']}"})
        assert ("try-restart samoza-zhost.service" in package.text(f"{folder}/calls")) == restarts, former
    # As dpkg calls it, with the paths of a folder of our own, and nothing of this machine.
    fake = f"{package.folder}/fake"
    for folder in ("var/lib/samoza", "etc/samoza", "bin"):
        os.makedirs(f"{fake}/{folder}")
    for name in ("systemctl", "deluser", "getent"):
        with open(f"{fake}/bin/{name}", "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nexit 1\n" if name == "getent" else "#!/bin/sh\n")
        os.chmod(f"{fake}/bin/{name}", 0o755)
    script = package.text(f"{package.control}/postrm").replace("/var/lib", f"{fake}/var/lib").replace("/etc/", f"{fake}/etc/")
    for action, there in (("remove", True), ("purge", False)):
        subprocess.run(["sh", "-c", script, "postrm", action], check=True,
                       env={"PATH": f"{fake}/bin:{os.environ['PATH']}"})
        assert os.path.exists(f"{fake}/var/lib/samoza") == there, action


def two_machines_run_from_it(package):
    machines = Machines(count=2, programs=f"{package.root}/usr/bin")
    failed = True
    try:
        shown = machines[1].run("samoza", "init").stdout
        assert "Start it with" in shown and "9000/tcp" in shown and "10.77.0.1" in shown, shown
        again = machines[1].run("samoza", "init", check=False)
        assert again.returncode == 1 and "is a zhost already" in again.stderr, again
        machines[1].start()
        wait_for("the first machine leads", lambda: machines[1].json("cluster"), 60)
        took = join(machines, machines[2])
        print(f"  from `samoza join` to a member: {took:.2f} s")
        refused = machines[2].run("samoza", "join", "-", text="smj_nonsense\n", check=False)
        assert refused.returncode == 2 and "cut or changed" in refused.stderr, refused
        failed = False
    finally:
        machines.stop(keep=failed)


CASES = [it_has_the_programs_a_unit_man_pages_and_completion, its_scripts_start_nothing_keep_data_and_purge_it,
         two_machines_run_from_it]


def main():
    try:
        package = Package(sys.argv[1])
    except NotRun as why:
        print(f"not run: package: {why}")
        return 77
    return run_cases("package", package, CASES, sys.argv[2] if len(sys.argv) > 2 else "")


sys.exit(main())
