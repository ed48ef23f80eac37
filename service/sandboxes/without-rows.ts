import type { SandboxStream } from '../../engine/sandbox/sandbox-report.ts'
import type { SandboxFindings } from './schema.ts'

/**
 * Rows are the customer's data: they are in the response to a caller that may see them, and stored only in
 * the sandbox's own schema; messages are stored nowhere.
 */
export function withoutRows(report: SandboxFindings): SandboxFindings {
  const { streams, schema_drift: drift } = report
  const ignored = drift?.ignored_run ?? null
  return {
    ...report,
    streams: streams.map(withoutRowsOf),
    schema_drift: drift && {
      ...drift,
      ignored_run: ignored && { ...ignored, streams: ignored.streams.map(withoutRowsOf) },
    },
  }
}

function withoutRowsOf(stream: SandboxStream): SandboxStream {
  const row_examples = { inserted: [], changed: [], deleted: [] }
  const { messages, writes } = stream
  return {
    ...stream,
    sample_rows: [],
    row_examples,
    ...(messages !== undefined && { messages: { ...messages, samples: [] } }),
    ...(writes !== undefined && { writes: { ...writes, samples: [] } }),
  }
}
