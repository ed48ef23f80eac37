"""One table through dlt, the fastest way that it has: connectorx reads Arrow, ADBC loads Parquet.

Reads from the environment: SOURCE_URL, TARGET_URL, TABLE (with its schema), TARGET_SCHEMA, TARGET_TABLE, PIPELINES_DIR.
"""

import os

import dlt
from dlt.sources.sql_database import sql_table

env = os.environ
schema, table = env["TABLE"].split(".")
rows = sql_table(
    credentials=env["SOURCE_URL"].replace("postgres://", "postgresql://", 1),
    schema=schema,
    table=table,
    backend="connectorx",
    # connectorx takes all rows at once; without this dlt would reflect its own types first and cast to them.
    backend_kwargs={"return_type": "arrow"},
)
rows.apply_hints(table_name=env["TARGET_TABLE"], write_disposition="append")
pipeline = dlt.pipeline(
    pipeline_name="bench",
    pipelines_dir=env["PIPELINES_DIR"],
    destination=dlt.destinations.postgres(env["TARGET_URL"].replace("postgres://", "postgresql://", 1)),
    dataset_name=env["TARGET_SCHEMA"],
)
print(pipeline.run(rows, loader_file_format="parquet"))
