"""Checks a source and reads all its streams with PyAirbyte, from the state that the cache in the working folder has.

Arguments: the executable, its configuration as JSON. The last line of the output is a JSON object.
"""

import json
import sys
from pathlib import Path

import airbyte as ab

executable, config = sys.argv[1], json.loads(sys.argv[2])
source = ab.get_source(
    "source-tracker",
    config=config,
    local_executable=Path(executable),
    install_if_missing=False,
)
result = {"check": "succeeded"}
try:
    source.check()
except ab.exceptions.AirbyteConnectorCheckFailedError:
    result["check"] = "failed"
else:
    source.select_all_streams()
    read = source.read(cache=ab.new_local_cache("tracker", cleanup=False))
    result["processed"] = read.processed_records
    result["issues"] = sorted(record["id"] for record in read["issues"])
print(json.dumps(result))
