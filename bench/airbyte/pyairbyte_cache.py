"""Reads all streams of a source with PyAirbyte into its cache (DuckDB).

Arguments: the executable, its configuration as JSON, the names of the streams with commas between them.
"""

import json
import sys
from pathlib import Path

import airbyte as ab

executable, config, streams = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].split(",")
source = ab.get_source("source-bench", config=config, local_executable=Path(executable), install_if_missing=False)
source.select_streams(streams)
read = source.read(cache=ab.new_local_cache("bench", cleanup=False), force_full_refresh=True)
print(read.processed_records)
