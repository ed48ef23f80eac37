import { expect, test } from 'vitest'
import type { AirbyteStream, ConfiguredAirbyteStream } from '../../protocol/index.ts'
import type { StreamSubject } from './stream-subject.ts'
import { isLong, usuallyThird } from '../support/long.ts'
import { readings } from './stream-subject.ts'
import {
  coveredRows,
  keysOf,
  lastState,
  type ReadOptions,
  type StreamBench,
  type StreamRead,
} from './stream-world.ts'

/** A read that ends early goes on from any of its states. */
export function resumeContract(subject: StreamSubject, bench: () => StreamBench): void {
  test('a read that is killed after any of its states and started again from it loses no record', async () => {
    await eachReading(async (reading, whole, turn) => {
      for (const count of placesIn(whole, turn)) {
        const killed = await read(reading, { killAfter: count + 1 })
        await expectResumed(reading, { whole, begun: killed })
      }
    })
  })

  test('a read that is stopped after any of its states ends with a state that covers its records, and goes on from there', async () => {
    await eachReading(async (reading, whole, turn) => {
      for (const count of placesIn(whole, turn + 1)) {
        const stopped = await read(reading, { stopAfter: count + 1 })
        if (stopped.outcome === 'failed')
          expect(stopped.error?.code, reading.stream.name).toBe('source_read_interrupted')
        else expect(coveredRows(stopped).length).toBe(stopped.rows.length)
        await expectResumed(reading, { whole, begun: stopped })
      }
    })
  })

  test('an undisturbed read gives no record twice, unless the documentation says so', async () => {
    await eachReading(({ stream }, { rows, outcome }) => {
      expect(outcome, stream.name).toBe('complete')
      expect(rows.length, stream.name).toBeGreaterThan(0)
      expectNoneTwice(stream, keysOf(stream, rows))
    })
  })

  /** The undisturbed reads: nobody changes anything here. */
  const wholes = new Map<string, StreamRead>()

  async function eachReading(
    verify: (
      reading: ConfiguredAirbyteStream,
      whole: StreamRead,
      turn: number,
    ) => Promise<void> | void,
  ): Promise<void> {
    let turn = 0
    for (const stream of await bench().streams())
      for (const reading of readings(stream)) {
        const name = `${stream.name}, ${reading.sync_mode}`
        const whole = wholes.get(name) ?? (await read(reading))
        wholes.set(name, whole)
        const { states, rows, error } = whole
        expect(error, stream.name).toBeUndefined()
        expect(coveredRows(whole).length, stream.name).toBe(rows.length)
        // Without a place to go on from, it is read again as a whole.
        if (stream.is_resumable) await verify(reading, whole, turn)
        else expect(states, stream.name).toHaveLength(1)
        turn += 1
      }
  }

  function read(reading: ConfiguredAirbyteStream, options: ReadOptions = {}): Promise<StreamRead> {
    const onRequest = () => {
      const { world } = bench()
      world.pass(world.secondsOfRequest ?? 0)
      return undefined
    }
    return bench().read(reading, { onRequest, ...options })
  }

  async function expectResumed(
    reading: ConfiguredAirbyteStream,
    { whole, begun }: { readonly whole: StreamRead; readonly begun: StreamRead },
  ): Promise<void> {
    const { stream } = reading
    const resumed = await read(reading, { state: lastState(begun) })
    const about = `${stream.name}, ${reading.sync_mode}, from ${JSON.stringify(lastState(begun))}`
    expect(resumed.error, about).toBeUndefined()
    const keys = keysOf(stream, [...coveredRows(begun), ...resumed.rows])
    expect(new Set(keys), about).toEqual(new Set(keysOf(stream, whole.rows)))
    expectNoneTwice(stream, keys)
  }

  function expectNoneTwice({ name }: AirbyteStream, keys: readonly string[]): void {
    if (subject.repeating.includes(name)) return
    expect(keys.length, name).toBe(new Set(keys).size)
  }
}

/**
 * After which states a read ends: all in the long form. In the usual run one for every third reading, in
 * turn: the first, one in the middle and the last.
 */
function placesIn({ states }: StreamRead, turn: number): readonly number[] {
  const all = [...states.keys()]
  const some = new Set(
    [0, Math.floor(all.length / 2), all.length - 1].filter((index) => index in all),
  )
  if (isLong) return all
  return turn % 3 === 0 ? usuallyThird(turn / 3, [...some]) : []
}
