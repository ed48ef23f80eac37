import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Connector } from '../../connectors/connector.ts'
import {
  airbyteCatalog,
  airbyteConnectionStatus,
  type AirbyteStream,
  type ConfiguredAirbyteStream,
  type JsonObject,
} from '../../protocol/index.ts'
import {
  contextOf,
  fullRefreshOf,
  incrementalOf,
  readAll,
  rowsOf,
  statesOf,
  type Row,
} from './collected.ts'

/** A connector with a system behind it that has at least one stream of some thousand rows. */
export interface ContractSubject extends AsyncDisposable {
  readonly config: JsonObject
  /** A configuration that is well-formed but leads nowhere, if the connector has such a thing. */
  readonly unreachable?: JsonObject
  /** The cursor of an incremental read of a stream. */
  cursorOf(stream: AirbyteStream): string
  /**
   * True if a later read returns the newest records again: the API cannot distinguish those that it has
   * already returned, and the destination merges them by their key.
   */
  readonly repeatsNewest?: boolean
}

/**
 * The guarantees of every connector of the registry (connectors/connector.ts). Call it inside a `describe`.
 */
export function connectorContract(
  connector: Connector,
  open: () => Promise<ContractSubject>,
): void {
  const { spec } = connector.descriptor

  test('the specification is JSON Schema that accepts the configuration, and marks its secrets', async () => {
    await using subject = await open()
    expect(() => z.fromJSONSchema(spec).parse(subject.config)).not.toThrow()
    expect(() => z.fromJSONSchema(spec).parse({ ...subject.config, no_such_option: 1 })).toThrow()
    for (const [name, property] of Object.entries(spec.properties as JsonObject)) {
      if (/password|secret|token/.test(name))
        expect(property).toMatchObject({ airbyte_secret: true })
    }
  })

  test('check agrees with discover, and fails without throwing', async () => {
    await using subject = await open()
    const good = airbyteConnectionStatus.parse(await connector.check(subject.config, contextOf()))
    expect(good.status).toBe('SUCCEEDED')
    const bad = await connector.check({ no_such_option: 1 }, contextOf())
    expect(bad).toMatchObject({
      status: 'FAILED',
      message: expect.stringContaining('no_such_option') as unknown,
    })
    await expect(connector.discover({ no_such_option: 1 }, contextOf())).rejects.toMatchObject({
      code: 'source_config_invalid',
    })
    if (subject.unreachable === undefined) return
    const lost = await connector.check(subject.unreachable, contextOf())
    expect(lost.status).toBe('FAILED')
    await expect(connector.discover(subject.unreachable, contextOf())).rejects.toMatchObject({
      name: 'ConnectError',
    })
  })

  test('discover gives a valid catalog whose keys are properties', async () => {
    await using subject = await open()
    const { streams } = airbyteCatalog.parse(await connector.discover(subject.config, contextOf()))
    expect(streams.length).toBeGreaterThan(0)
    for (const stream of streams) {
      const names = namesOf(stream)
      for (const [first] of stream.source_defined_primary_key ?? []) expect(names).toContain(first)
    }
  })

  test('every record of every stream has only keys of the schema, and slices give every row once', async () => {
    await using subject = await open()
    for (const stream of await streamsOf(subject)) {
      const runs = await readAll(connector, subject.config, { stream: fullRefreshOf(stream) })
      expect(runs.every(({ outcome }) => outcome === 'complete')).toBe(true)
      expect(new Set(runs.map(({ slice }) => slice)).size).toBe(runs.length)
      for (const { out } of runs) expect(out.covered.length).toBe(out.rows.length)
      const names = new Set(namesOf(stream))
      const foreign = rowsOf(runs).flatMap((row) =>
        Object.keys(row).filter((key) => !names.has(key)),
      )
      expect(foreign).toEqual([])
      expectNoneTwice(stream, rowsOf(runs))
    }
  })

  test('two reads of the same data give the same rows', async () => {
    await using subject = await open()
    const [stream] = await streamsOf(subject)
    if (stream === undefined) throw new Error('no stream')
    const read = async () =>
      rowsOf(await readAll(connector, subject.config, { stream: fullRefreshOf(stream) }))
    expect(await read()).toEqual(await read())
  })

  test('a resumable full refresh that is stopped and resumed gives every row once, in the same slices', async () => {
    await using subject = await open()
    const streams = (await streamsOf(subject)).filter((stream) => stream.is_resumable)
    for (const stream of streams) {
      const whole = rowsOf(
        await readAll(connector, subject.config, { stream: fullRefreshOf(stream) }),
      )
      const { rows } = await readWithStops(subject, fullRefreshOf(stream))
      expectNoneTwice(stream, rows)
      expect(rows.length).toBe(whole.length)
    }
  })

  test('an incremental read that is stopped and resumed gives every row once, and then nothing', async () => {
    await using subject = await open()
    const streams = (await streamsOf(subject)).filter((stream) =>
      stream.supported_sync_modes.includes('incremental'),
    )
    for (const stream of streams) {
      const configured = incrementalOf(stream, subject.cursorOf(stream))
      const whole = rowsOf(await readAll(connector, subject.config, { stream: configured }))
      const { rows, states } = await readWithStops(subject, configured)
      expectNoneTwice(stream, rows)
      expect(rows.length).toBe(whole.length)
      const later = rowsOf(await readAll(connector, subject.config, { stream: configured, states }))
      if (subject.repeatsNewest === true) expect(rows).toEqual(expect.arrayContaining(later))
      else expect(later).toEqual([])
    }
  })

  test('a read that is stopped before it begins gives nothing', async () => {
    await using subject = await open()
    const [stream] = await streamsOf(subject)
    if (stream === undefined) throw new Error('no stream')
    const runs = await readAll(connector, subject.config, {
      stream: fullRefreshOf(stream),
      stopFirst: true,
    })
    expect(rowsOf(runs)).toEqual([])
    expect(new Set(runs.map(({ outcome }) => outcome))).toEqual(new Set(['stopped']))
  })

  async function streamsOf({ config }: ContractSubject): Promise<AirbyteStream[]> {
    return (await connector.discover(config, contextOf())).streams
  }

  async function readWithStops({ config }: ContractSubject, stream: ConfiguredAirbyteStream) {
    const rows: Row[] = []
    let names: string[] | undefined
    for (let states = new Map(); ;) {
      const runs = await readAll(connector, config, { stream, states, stopAfter: 500 })
      for (const { out } of runs) {
        expect(out.covered.length).toBe(out.rows.length)
        rows.push(...out.rows)
      }
      names ??= runs.map(({ slice }) => slice)
      expect(runs.map(({ slice }) => slice)).toEqual(names)
      states = statesOf(runs)
      if (runs.every(({ outcome }) => outcome === 'complete')) return { rows, states }
    }
  }
}

function namesOf(stream: AirbyteStream): string[] {
  return Object.keys(stream.json_schema.properties as JsonObject)
}

function expectNoneTwice(stream: AirbyteStream, rows: readonly Row[]): void {
  const key = stream.source_defined_primary_key
  if (key === undefined) return
  const keys = rows.map((row) => JSON.stringify(key.map(([name = '']) => row[name])))
  expect(new Set(keys).size).toBe(keys.length)
}
