import { streamIdOf } from '../../../protocol/index.ts'
import { ObservedFields } from '../../observed-fields.ts'
import type { ReadLaneJob } from '../../threads/protocol.ts'
import type { LaneOutput } from '../lane-output.ts'
import { FunctionClient } from './function-client.ts'
import { TransformingOutput } from './transforming-output.ts'

/**
 * Opens an output that passes the records of a job through a function first; undefined if the stream has no
 * transformation.
 */
export function transformingOutput(
  { transform, loaded: stream, columns, maxRecordBytes, primaryKey, limitRows }: ReadLaneJob,
  { output, signal }: { readonly output: LaneOutput; readonly signal: AbortSignal },
): TransformingOutput | undefined {
  if (transform === undefined) return undefined
  const { service, name } = transform
  const client = new FunctionClient({
    service,
    name,
    stream: streamIdOf(stream.stream),
    stop: signal,
    now: Date.now,
    onPause: (untilMs) => {
      output.rateLimited(untilMs)
    },
  })
  const { apiKey } = service
  return new TransformingOutput({
    ...{ out: output, client, name, apiKey, stream, columns, maxRecordBytes, primaryKey },
    observed: limitRows === undefined ? undefined : new ObservedFields(),
    now: Date.now,
  })
}
