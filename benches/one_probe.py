#!/usr/bin/env python3
"""What one `tlsmend probe` costs as a whole process, on the embedded lab's loopback servers, beside curl.

  cargo build --release && benches/one_probe.py [--runs 41] [--scenario behind-two-cnames]

Starts `tlsmend lab run`, then runs the probe and `curl` in alternation and prints minimum, median and maximum of wall
clock and CPU (user + system, from wait4), in milliseconds, and the median ratio to curl. Loopback only.
"""
import argparse, json, os, pathlib, shutil, signal, statistics, subprocess, sys, time

TOOL = pathlib.Path(__file__).resolve().parent.parent / "target/release/tlsmend"


def timed(argv):
    """Wall and CPU milliseconds, and the exit code."""
    null = os.open(os.devnull, os.O_RDWR)
    begun = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begun
    os.close(null)
    return wall * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3, os.waitstatus_to_exitcode(status)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=41)
    parser.add_argument("--scenario", default="behind-two-cnames")
    arguments = parser.parse_args()
    lab = subprocess.Popen([TOOL, "lab", "run", "--only", arguments.scenario, "--output", "json"], stdout=subprocess.PIPE, text=True)
    try:
        world, _ = json.JSONDecoder().raw_decode(read_document(lab.stdout))
        scenario = world["scenarios"][0]
        probe = [str(TOOL), *scenario["arguments"], "--output", "json"]
        commands = {"tlsmend probe": probe}
        host, port = scenario["target"].rsplit(":", 1)
        if curl := shutil.which("curl"):
            commands["curl"] = [curl, "-s", "--cacert", world["roots"], "--resolve", f"{host}:{port}:127.0.0.1", f"https://{host}:{port}/"]
        rows = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, argv in commands.items():
                rows[name].append(timed(argv))
    finally:
        lab.send_signal(signal.SIGINT)
        lab.wait(10)
    for name, runs in rows.items():
        for what, column in (("wall", 0), ("CPU", 1)):
            values = [run[column] for run in runs]
            print(f"{name:14} {what:4} ms  min {min(values):6.1f}  median {statistics.median(values):6.1f}  max {max(values):6.1f}")
    if "curl" in rows:
        for what, column in (("wall", 0), ("CPU", 1)):
            ratios = [ours[column] / theirs[column] for ours, theirs in zip(rows["tlsmend probe"], rows["curl"])]
            print(f"tlsmend / curl {what:4}     median ratio {statistics.median(ratios):.2f}")


def read_document(stream):
    """`lab run` stays alive after its document: read until the JSON is complete."""
    text = ""
    while line := stream.readline():
        text += line
        try:
            json.loads(text)
            return text
        except ValueError:
            continue
    sys.exit("the lab ended before it was up")


main()
