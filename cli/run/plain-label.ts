import { streamLabel, type StreamId } from '../../protocol/index.ts'
import { plainText } from '../output/plain-text.ts'

/** The name of a stream for the terminal: the author of the source chose it. */
export function plainLabel(stream: StreamId): string {
  return plainText(streamLabel(stream))
}
