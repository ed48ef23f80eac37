import type { JsonValue } from '../../protocol/index.ts'

/** The JSON of a body; undefined if it is none, or was cut off. */
export function parseJsonBody(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonValue
  } catch {
    return undefined
  }
}
