import { createHash } from 'node:crypto'
import { isJsonObject } from '../../../protocol/index.ts'
import { parseExactJson, stringifyExact } from '../../../protocol/exact-json.ts'

/**
 * SHA-256 of what an event says. `perDelivery`: names at the top of its body that are left out, so that an
 * event which is sent again is the same one.
 */
export function contentHash(body: Buffer, perDelivery: readonly string[]): Buffer {
  return createHash('sha256').update(contentOf(body, perDelivery)).digest()
}

function contentOf(body: Buffer, perDelivery: readonly string[]): string | Buffer {
  if (perDelivery.length === 0) return body
  try {
    const parsed = parseExactJson(body.toString('utf8'))
    if (!isJsonObject(parsed)) return body
    const kept = Object.entries(parsed).filter(([name]) => !perDelivery.includes(name))
    return stringifyExact(Object.fromEntries(kept))
  } catch {
    return body // Also nested too deeply: a RangeError.
  }
}
