import { expect, test } from 'vitest'
import type { AirbyteStream, ConfiguredAirbyteStream } from '../../protocol/index.ts'
import type { Fault } from '../fakes/fault-gate.ts'
import { usuallyEvery } from '../support/long.ts'
import { readings, type StreamSubject } from './stream-subject.ts'
import {
  coveredRows,
  keysOf,
  lastState,
  type StreamBench,
  type StreamRead,
} from './stream-world.ts'

const html = '<!doctype html><html><head><title>Gateway</title></head><body>Sorry</body></html>'

/** Faults that pass: the request is sent again. */
const passing: Readonly<Record<string, Fault>> = {
  'a status 429 with Retry-After': { status: 429, headers: { 'retry-after': '7' }, body: {} },
  'a status 429 without Retry-After': { status: 429, body: html },
  'a status 500': { status: 500, body: {} },
  'a status 502 with a page of HTML': { status: 502, body: html },
  'a status 503': { status: 503, body: '' },
  'a timeout': 'hang',
  'a connection that ends without a response': 'reset',
  'a connection that ends in the middle of a body': 'cut',
}

/** Responses that look like successes and are none: they may never pass for an empty or a last page. */
const unreadable: Readonly<Record<string, Fault>> = {
  'half of a body': 'half',
  'a page of HTML': { body: html },
  'an empty body': { body: '' },
  'an empty object': { body: {} },
  null: { body: null },
  'a text': {
    body: JSON.stringify('maintenance'),
    headers: { 'content-type': 'application/json' },
  },
}

const outages: Readonly<Record<string, Fault>> = {
  'every request gets a status 503': { status: 503, body: html },
  'every connection ends': 'reset',
  'every request gets a status 429': { status: 429, body: {} },
}

const unavailable = ['source_unavailable', 'source_failed']
const failures = [...unavailable, 'source_answer_unreadable', 'source_mismatch']

/** Requests that go wrong. */
export function faultsContract(subject: StreamSubject, bench: () => StreamBench): void {
  const faults = Object.keys({ ...passing, ...subject.limits, ...unreadable, ...outages })

  test.each(Object.entries({ ...passing, ...subject.limits }))(
    '%s is waited for, and the read has the same records',
    async (title, fault) => {
      await eachStream(title, async (reading, whole) => {
        const position = placeIn(whole, title)
        const faultAt = (count: number) => (count === position ? fault : undefined)
        const disturbed = await readWith(reading, faultAt)
        const about = `${reading.stream.name}, ${title} at request ${String(position)}`
        expect(disturbed.error, about).toBeUndefined()
        expectSame(reading.stream, { whole, rows: disturbed.rows, about })
      })
    },
  )

  test.each(Object.entries(unreadable))(
    '%s in the place of a response never loses a record in silence',
    async (title, fault) => {
      await eachStream(title, async (reading, whole) => {
        const position = placeIn(whole, title)
        const disturbed = await readWith(reading, (count) =>
          count === position ? fault : undefined,
        )
        const about = `${reading.stream.name}, ${title} at request ${String(position)}`
        if (disturbed.error !== undefined) expectReason(reading.stream, disturbed, failures)
        await expectResumed(reading, { whole, disturbed, about })
      })
    },
  )

  test.each(Object.entries(outages))(
    'if %s, the stream fails with words, keeps what it gave, and a later read completes it',
    async (title, fault) => {
      await eachStream(title, async (reading, whole) => {
        const position = placeIn(whole, title)
        const disturbed = await readWith(reading, (count) =>
          count >= position ? fault : undefined,
        )
        const about = `${reading.stream.name}, ${title}`
        expect(disturbed.outcome, about).toBe('failed')
        expectReason(reading.stream, disturbed, unavailable)
        await expectResumed(reading, { whole, disturbed, about })
      })
    },
  )

  test('wrong credentials fail the check, with what to do about them', async () => {
    const { config } = bench()
    expect(await bench().check(config)).toEqual({ status: 'SUCCEEDED' })
    const { status, message } = await bench().check({ ...config, ...subject.credentials.wrong })
    expect(status).toBe('FAILED')
    expect(message).toMatch(subject.credentials.fix)
  })

  test.each([...subject.denials])(
    'credentials that lack $title fail only the streams that need it, with what to do',
    async ({ refuses, answer, streams, fix }) => {
      const failed: string[] = []
      for (const stream of await bench().streams()) {
        const [reading] = readings(stream).slice(-1)
        if (reading === undefined) throw new Error(`${stream.name} cannot be read`)
        const read = await bench().read(reading, {
          onRequest: (request) => (refuses(request) ? answer : undefined),
        })
        if (read.error === undefined) continue
        failed.push(stream.name)
        expect(read.error.code, stream.name).toBe('source_refused')
        expect(read.error.message).toMatch(fix)
      }
      expect(failed.toSorted()).toEqual([...streams].toSorted())
    },
  )

  const wholes = new Map<string, Whole>()

  /** Others of the streams with each fault. */
  async function eachStream(
    fault: string,
    verify: (reading: ConfiguredAirbyteStream, whole: Whole) => Promise<void>,
  ): Promise<void> {
    const cases = await bench().streams()
    for (const stream of usuallyEvery(8, { start: faults.indexOf(fault), cases })) {
      const [reading] = readings(stream).slice(-1)
      if (reading === undefined) throw new Error(`${stream.name} cannot be read`)
      const whole = wholes.get(stream.name) ?? (await readWhole(reading))
      wholes.set(stream.name, whole)
      await verify(reading, whole)
    }
  }

  async function readWhole(reading: ConfiguredAirbyteStream): Promise<Whole> {
    let requests = 0
    const { rows } = await readWith(reading, (count) => {
      requests = count
      return undefined
    })
    return { keys: new Set(keysOf(reading.stream, rows)), requests }
  }

  function readWith(
    reading: ConfiguredAirbyteStream,
    faultAt: (count: number) => Fault | undefined,
  ): Promise<StreamRead> {
    let count = 0
    const onRequest = () => {
      count += 1
      return faultAt(count)
    }
    return bench().read(reading, { onRequest })
  }

  async function expectResumed(
    reading: ConfiguredAirbyteStream,
    {
      whole,
      disturbed,
      about,
    }: { readonly whole: Whole; readonly disturbed: StreamRead; readonly about: string },
  ): Promise<void> {
    const { stream } = reading
    if (disturbed.outcome === 'complete') {
      expectSame(stream, { whole, rows: disturbed.rows, about })
      return
    }
    const state = stream.is_resumable ? lastState(disturbed) : null
    const { rows, error } = await bench().read(reading, { state })
    expect(error, about).toBeUndefined()
    const kept = stream.is_resumable ? coveredRows(disturbed) : []
    expectSame(stream, { whole, rows: [...kept, ...rows], about })
  }

  function expectSame(
    stream: AirbyteStream,
    { whole, rows, about }: { whole: Whole; rows: StreamRead['rows']; about: string },
  ): void {
    expect(new Set(keysOf(stream, rows)), about).toEqual(whole.keys)
  }
}

interface Whole {
  readonly keys: ReadonlySet<string>
  readonly requests: number
}

/**
 * The request that goes wrong: another one with each fault, so that the first, the last and those between
 * them all do.
 */
function placeIn({ requests }: Whole, title: string): number {
  return 1 + (title.length % requests)
}

function expectReason(
  { name }: AirbyteStream,
  { error }: StreamRead,
  codes: readonly string[],
): void {
  expect(codes, `${name}: ${error?.message ?? ''}`).toContain(error?.code)
  expect(error?.message).toContain(name)
  expect(error?.suggestedFix).toBeTruthy()
}
