import type {
  EstimatedCost,
  RowCounts,
  SandboxReport,
  SandboxStream,
  SandboxTotals,
} from './sandbox-report.ts'

export function statusOf(streams: readonly SandboxStream[]): SandboxReport['status'] {
  if (streams.length > 0 && streams.every(({ error }) => error !== undefined)) return 'failed'
  const isWhole = streams.every(({ complete, error }) => complete && error === undefined)
  return isWhole ? 'complete' : 'partial'
}

export function totalsOf(streams: readonly SandboxStream[], readSeconds: number): SandboxTotals {
  const sumCost = (name: keyof EstimatedCost): number | null => {
    const known = streams.map(({ estimated_cost: estimated }) => estimated[name])
    return known.includes(null) ? null : sum(known.map((value) => value ?? 0))
  }
  const total = (name: keyof RowCounts): number | null =>
    streams.every((stream) => isExact(stream, name)) ? atLeast(streams, name) : null
  return {
    streams: streams.length,
    failed: streams.filter(({ error }) => error !== undefined).length,
    cut: streams.filter(({ complete, error }) => !complete && error === undefined).length,
    read: sum(streams.map(({ read }) => read)),
    rows: {
      insert: total('insert'),
      update: total('update'),
      unchanged: total('unchanged'),
      delete: total('delete'),
    },
    rows_at_least: {
      insert: atLeast(streams, 'insert'),
      update: atLeast(streams, 'update'),
      unchanged: atLeast(streams, 'unchanged'),
      delete: atLeast(streams, 'delete'),
    },
    estimated_cost: {
      rows: sumCost('rows'),
      bytes: sumCost('bytes'),
      requests: sumCost('requests'),
      // Streams are read in parallel: their times do not add up.
      seconds: streams.every(({ complete }) => complete) ? readSeconds : null,
    },
  }
}

/** Nothing is known about a stream that failed: a run may have done a part of it. */
function isExact(stream: SandboxStream, name: keyof RowCounts): boolean {
  const { diff_vs_current: diff, error, writes, complete } = stream
  if (writes !== undefined && error === undefined) return complete && countIn(stream, name) !== null
  if (diff === undefined || error !== undefined) return false
  return diff.rows[name] !== null && !diff.at_least.includes(name)
}

function atLeast(streams: readonly SandboxStream[], name: keyof RowCounts): number {
  return sum(
    streams.map((stream) => (stream.error === undefined ? (countIn(stream, name) ?? 0) : 0)),
  )
}

/** Rows of a table, or records of an instance. */
function countIn(
  { diff_vs_current: diff, writes }: SandboxStream,
  name: keyof RowCounts,
): number | null | undefined {
  if (writes === undefined) return diff?.rows[name]
  return name === 'insert' ? writes.create : writes[name]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0)
}
