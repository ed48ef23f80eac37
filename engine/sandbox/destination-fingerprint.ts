import { readFingerprint } from '../../sinks/postgres/sandbox/fingerprint.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import type { DestinationConfig } from '../run-types.ts'

/** See SandboxEngine. */
export function destinationFingerprint(
  destination: DestinationConfig,
  streams: readonly SinkStream[],
): Promise<string> {
  return readFingerprint(destination, streams)
}
