import { ConnectError, cutText, type JsonValue } from '../../protocol/index.ts'
import { isOverwriteMode } from '../../sinks/continuation.ts'
import { mostDeletes } from '../../sinks/instance/delete-guard.ts'
import { sentRecords } from '../../sinks/instance/preview/sent-records.ts'
import { noWrites } from '../../sinks/record-writes.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import type { StreamResult, WritePlan } from '../run-types.ts'
import { inferredSchema, schemaMismatches } from './inferred-schema.ts'
import { statusOf, totalsOf } from './report-totals.ts'
import type {
  SandboxOptions,
  SandboxPorts,
  SandboxReport,
  SandboxStream,
} from './sandbox-report.ts'
import { requireGoing, runSandboxed } from './sandboxed-run.ts'
import { costOf, nothingRead, streamIdentity } from './stream-facts.ts'

/**
 * Reads the plan's streams from where the next run would start, and shows the records that it would create,
 * change field by field, and delete. The vendor is only read: nothing is sent, and nothing stays. A failed
 * stream is in the report. Throws as `runSandbox` does.
 */
export async function runWriteSandbox(
  plan: WritePlan,
  options: SandboxOptions,
  ports: SandboxPorts,
): Promise<SandboxReport> {
  const { signal } = ports
  const { destination: place } = plan
  const createdAtMs = ports.now()
  try {
    const preview = { ...plan, destination: { type: 'write-preview', place } as const }
    const results = await runSandboxed(preview, options, ports)
    const readSeconds = (ports.now() - createdAtMs) / 1000
    requireGoing(signal, plan)
    const sent = await sentRecords(place, plan.streams, ports.logger)
    const streams = plan.streams.map((sink, index) =>
      streamReport(sink, results[index], {
        instance: place.instance,
        deletes: place.options.deletes,
        sent: sent[index] ?? 0,
      }),
    )
    return {
      id: options.id,
      schema: null,
      limit_rows: options.limitRows,
      status: statusOf(streams),
      seconds: (ports.now() - createdAtMs) / 1000,
      streams,
      totals: totalsOf(streams, readSeconds),
    }
  } catch (error) {
    // An error that follows from the stop is not reported.
    requireGoing(signal, plan)
    throw error
  }
}

/** The longest value that is shown, in characters. */
const mostShown = 2_000

interface WritePlace {
  readonly instance: string
  readonly deletes: 'keep' | 'delete'
  /** Records that earlier syncs have sent. */
  readonly sent: number
}

function streamReport(
  sink: SinkStream,
  result: StreamResult | undefined,
  place: WritePlace,
): SandboxStream {
  if (result === undefined) return { ...streamIdentity(sink), ...nothingRead, error: unexpected() }
  const { writes = noWrites(0), observed: { fields: observed } = { fields: [] } } = result
  const isComplete = result.status === 'complete'
  const declared = sink.stream.stream.json_schema
  const { created, updated, deleted, unchanged, rejected, samples } = writes
  const records = created + updated + deleted + unchanged + rejected
  const deletes = deletesOf(sink, { writes, isComplete, place })
  return {
    ...streamIdentity(sink),
    ...nothingRead,
    read: result.read,
    rejected: result.rejected,
    complete: isComplete,
    inferred_schema: inferredSchema(declared, { observed, records }),
    schema_mismatches: schemaMismatches(declared, { observed, records, refused: [] }),
    writes: {
      instance: place.instance,
      compared_with: 'last_write_and_vendor',
      ...{ create: created, update: updated, unchanged, delete: deletes },
      deletes_held: (deletes ?? deleted) > mostDeletes(place.sent),
      samples: samples.map((sample) => ({
        ...sample,
        fields: sample.fields.map(({ field, from, to }) => {
          return { field, from: jsonText(from), to: jsonText(to) }
        }),
      })),
    },
    estimated_cost: costOf(result, isComplete),
    warnings: [...result.warnings],
    ...(result.error !== undefined && { error: result.error }),
  }
}

function jsonText(value: JsonValue): string | null {
  return value === null ? null : cutText(JSON.stringify(value), mostShown)
}

/** A read of the whole stream also deletes the records that it did not meet. */
function deletesOf(
  { mode }: SinkStream,
  {
    writes: { deleted, known },
    isComplete,
    place,
  }: {
    readonly writes: NonNullable<StreamResult['writes']>
    readonly isComplete: boolean
    readonly place: WritePlace
  },
): number | null {
  if (!isOverwriteMode(mode) || place.deletes === 'keep') return isComplete ? deleted : null
  return isComplete ? deleted + Math.max(0, place.sent - known) : null
}

function unexpected(): NonNullable<SandboxStream['error']> {
  return new ConnectError('unexpected').toJSON()
}
