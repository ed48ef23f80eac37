import { expect, test } from 'vitest'
import { Flights } from '../../../sinks/instance/flights.ts'

test('two steps are on their way, and none with a record of another', async () => {
  const flights = new Flights()
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const begin = (name: string, keys: readonly string[]): Promise<void> =>
    flights.begin(new Set(keys), () => {
      begun.push(name)
      const { promise, resolve } = Promise.withResolvers<undefined>()
      ends.set(name, () => {
        resolve(undefined)
      })
      return promise
    })
  await begin('first', ['a', 'b'])
  await begin('second', ['c'])
  const third = begin('third', ['b'])
  await Promise.resolve()
  expect(begun).toEqual(['first', 'second'])
  ends.get('second')?.()
  await new Promise(setImmediate)
  expect(begun).toEqual(['first', 'second'])
  ends.get('first')?.()
  await third
  expect(begun).toEqual(['first', 'second', 'third'])
  ends.get('third')?.()
  await flights.land()
})

test('a failure ends what follows, until it is forgotten', async () => {
  const flights = new Flights()
  await flights.begin(new Set(['a']), () => Promise.reject(new Error('away')))
  await expect(flights.land()).rejects.toThrow('away')
  await expect(flights.begin(new Set(['b']), () => Promise.resolve())).rejects.toThrow('away')
  await flights.forget()
  await flights.begin(new Set(['b']), () => Promise.resolve())
  await flights.land()
})
