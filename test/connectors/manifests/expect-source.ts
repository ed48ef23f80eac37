import { expect } from 'vitest'
import { VendorApi, type Vendor, type VendorRequest } from '../../fakes/vendors/vendor-api.ts'
import { bundled, ids, LoopbackSource } from './loopback-source.ts'

type IdsByStream = Readonly<Record<string, readonly string[]>>

export interface SourceExpectation {
  readonly type: string
  readonly config: object
  readonly vendor: Vendor
  /** All streams, in order. */
  readonly streams: readonly string[]
  /** Wrong fields of the configuration, and a part of the message of the check. */
  readonly wrong: readonly [fields: object, words: string]
  /** The first request to it is refused with 429. */
  readonly limited: RegExp
  /** Seconds of the wait that follows; default: those of Retry-After and one more. */
  readonly waits?: number
  /** The keys of the records of a read of all streams, sorted. */
  readonly first: IdsByStream
  /** Fields that are the key in place of `id`. */
  readonly keys?: Readonly<Record<string, string>>
  /** Changes the vendor's data before the second read. */
  readonly change?: () => void
  /** The records of a read that goes on from the states of the first one. */
  readonly second?: IdsByStream
}

/**
 * A bundled manifest beside its vendor: it checks its credentials, waits if it is asked to, reads all streams
 * and then only what is new. Returns the requests of the second read.
 */
export async function expectSource(expected: SourceExpectation): Promise<readonly VendorRequest[]> {
  await using api = await VendorApi.start(expected.vendor)
  const source = new LoopbackSource(bundled(expected.type), expected.config, api)
  expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
  const [fields, words] = expected.wrong
  expect(await source.refusal(fields)).toContain(words)
  expect(await source.streams()).toEqual(expected.streams)
  const retryAfter = { 'retry-after': '9' }
  api.refuseOnce(expected.limited, { status: 429, headers: retryAfter, body: { error: 'slow' } })
  const first = await source.read(expected.streams)
  expect(first.failures).toEqual([])
  expect(first.waits).toContain(expected.waits ?? 10)
  const keysOf = (read: typeof first, names: IdsByStream) =>
    Object.fromEntries(
      Object.keys(names).map((name) => [name, ids(read, name, expected.keys?.[name])]),
    )
  expect(keysOf(first, expected.first)).toEqual(expected.first)
  if (expected.second === undefined) return []
  expected.change?.()
  source.now = '2025-03-10T00:00:00Z'
  api.clear()
  const second = await source.read(Object.keys(expected.second), first.states)
  expect(second.failures).toEqual([])
  expect(keysOf(second, expected.second)).toEqual(expected.second)
  return [...api.requests]
}
