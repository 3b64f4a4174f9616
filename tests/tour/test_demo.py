"""The demo runs from end to end, says what it promises, and leaves nothing behind unless it is asked to."""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
DEMO = TOP / "tests/tour/demo"


@pytest.fixture
def folder(tmp_path):
    """Where the demo puts its own folder; whatever ran in it is gone by the end of the test."""
    yield tmp_path
    left = running(tmp_path)
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert not left


def running(folder):
    """The processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if str(folder) in words and "patrond" in words:
                found.append(int(entry.name))
    return found


def environment(folder):
    return dict(os.environ, TMPDIR=str(folder), PATRON_PYTHON=sys.executable)


def customers_shown(output, identifier):
    return re.findall(rf"^{re.escape(identifier)} +(\d+)  present", output, re.M)


def test_the_demo_shows_a_merge_taken_back_its_past_and_a_training_set_and_leaves_nothing(folder):
    done = subprocess.run([DEMO, "--customers", "300"], env=environment(folder), capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    email, phone = (customers_shown(done.stdout, name) for name in ("email:ada@example.org", "device:ada-phone"))
    assert len(email) == len(phone) == 4, done.stdout
    assert email[0] != phone[0], "two customers before"
    assert email[1] == phone[1], "one after the event that ties them"
    assert (email[2], phone[2]) == (email[0], phone[0]), "as of before, two as ever"
    assert (email[3], phone[3]) == (email[0], phone[0]), "two again once the merge is taken back"
    assert re.search(r"a borrowed phone", done.stdout)
    assert re.search(r"rows in all", done.stdout)
    assert re.search(r"events: 0 differences", done.stdout)
    assert list(folder.iterdir()) == []


def test_kept_it_says_how_to_talk_to_the_server_and_how_to_stop_it(folder):
    done = subprocess.run([DEMO, "--customers", "100", "--keep"], env=environment(folder), capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    address = re.search(r"export PATRON_SERVER=(127\.0\.0\.1:\d+)", done.stdout).group(1)
    said = subprocess.run([Path(os.environ["PATRON_BUILD"]) / "patron", "status", "--server", address],
                          capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0 and "churn" in said.stdout, said.stderr
    exports = "\n".join(re.findall(r"^.*(export \S+=\S+)$", done.stdout, re.M))
    shown = next(line for line in done.stdout.splitlines() if "rows.py" not in line and "patron snapshot" in line)
    # Shown as build/, whatever build is being tried, as in the demo itself.
    command = shown.removeprefix("$ ").replace("build/", os.environ["PATRON_BUILD"] + "/")
    again = subprocess.run(["bash", "-ec", f"{exports}\n{command}"], cwd=TOP, env=environment(folder),
                           capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 0 and str(folder) in again.stdout, again.stdout + again.stderr
    stop = re.search(r"^stop it: +(.*)$", done.stdout, re.M).group(1)
    subprocess.run(stop, shell=True, check=True)
    deadline = time.monotonic() + 30
    while running(folder):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_interrupted_it_leaves_nothing(folder, seconds):
    with subprocess.Popen([DEMO, "--customers", "20000"], env=environment(folder), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as demo:
        assert demo.stdout.readline(), "it says something once there is something to interrupt"
        time.sleep(seconds)
        os.killpg(demo.pid, signal.SIGINT)
        output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, output
    assert list(folder.iterdir()) == []
