import { randomUUID } from 'node:crypto'
import { streamLabel, type StreamId } from '../../../protocol/index.ts'

/** Instead of the time, if messages are kept for ever. It sorts after all times. */
const forEver = 'kept'

/** All objects of a connection, those first that expire first. */
export function recordsPrefix(connection: string): string {
  return `records/${plain(connection)}/`
}

/**
 * A name that no other object has: `records/shop/20261205T114900Z/public.orders-UUID`. The time says when the
 * message that refers to it is gone.
 *
 * @param keptMs how long from now on; undefined: for ever
 */
export function newKey(
  { connection, stream }: { readonly connection: string; readonly stream: StreamId },
  { nowMs, keptMs }: { readonly nowMs: number; readonly keptMs: number | undefined },
): string {
  const expires = keptMs === undefined ? forEver : timeText(nowMs + keptMs)
  return `${recordsPrefix(connection)}${expires}/${plain(streamLabel(stream))}-${randomUUID()}`
}

/** Those of a connection's keys that have expired. */
export function expiredKeys(keys: readonly string[], nowMs: number): readonly string[] {
  const now = timeText(nowMs)
  return keys.filter((key) => {
    const expires = key.split('/').at(2) ?? forEver
    return expires !== forEver && expires < now
  })
}

/** `20261205T114900Z`: in the order of time, without characters that a URL escapes. */
function timeText(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, '')
}

function plain(name: string): string {
  return name.replace(/[^\w.-]/g, '-').slice(0, 200)
}
