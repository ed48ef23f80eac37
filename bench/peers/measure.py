"""Runs a command and prints its wall seconds, CPU seconds and peak resident set (of its largest process) as one JSON line."""

import json
import resource
import subprocess
import sys
import time

started = time.monotonic()
# What the command prints goes to stderr: standard output is for the figures.
code = subprocess.run(sys.argv[1:], stdout=sys.stderr, check=False).returncode
seconds = time.monotonic() - started
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1 if sys.platform == "darwin" else 1024
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpuSeconds": usage.ru_utime + usage.ru_stime,
            "peakRssMb": usage.ru_maxrss * unit / 1024 / 1024,
        }
    )
)
sys.exit(code)
