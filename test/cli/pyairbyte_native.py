"""Reads all streams of a source with PyAirbyte into its cache, from the state that the working folder has.

Arguments: the executable, its configuration as JSON, a stream. The last line of the output is a JSON object.
"""

import json
import sys
from pathlib import Path

import airbyte as ab

executable, config, stream = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
source = ab.get_source(
    "source-native",
    config=config,
    local_executable=Path(executable),
    install_if_missing=False,
)
source.check()
source.select_streams([stream])
read = source.read(cache=ab.new_local_cache("native", cleanup=False))
ids = sorted(record["id"] for record in read[stream])
print(json.dumps({"processed": read.processed_records, "ids": ids}))
