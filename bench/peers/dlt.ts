import type { Peer } from './peer.ts'

const version = '1.31.0'
const script = new URL('dlt_replicate.py', import.meta.url).pathname

export const dlt: Peer = {
  name: `dlt ${version}`,
  note: 'connectorx to Parquet to ADBC, append, table without a key',
  packages: [
    `dlt[postgres,parquet]==${version}`,
    'sqlalchemy==2.0.44',
    'psycopg2-binary==2.9.13',
    'connectorx==0.4.6',
    'pyarrow==26.0.1',
    'adbc-driver-manager==1.13.0',
    'adbc-driver-postgresql==1.13.0',
  ],
  command: ({ python }, work) => ({
    argv: [python, script],
    environment: {
      SOURCE_URL: work.sourceUrl,
      TARGET_URL: work.targetUrl,
      TABLE: work.table,
      TARGET_SCHEMA: work.targetSchema,
      TARGET_TABLE: work.targetTable,
      PIPELINES_DIR: work.workDir,
      RUNTIME__DLTHUB_TELEMETRY: 'false',
      RUNTIME__LOG_LEVEL: 'WARNING',
    },
  }),
}
