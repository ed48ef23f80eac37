import { expect, test } from 'vitest'
import type { Connector } from '../../connectors/connector.ts'
import type { AirbyteStream, ConfiguredAirbyteStream, JsonValue } from '../../protocol/index.ts'
import type { GateRequest } from '../fakes/fault-gate.ts'
import type { Row } from './collected.ts'
import { usuallyEvery } from '../support/long.ts'
import { readings, type StreamSubject } from './stream-subject.ts'
import {
  coveredRows,
  keyOf,
  lastState,
  StreamBench,
  type LiveList,
  type StreamRead,
} from './stream-world.ts'

/** A change that others make between two pages. */
type Change = (list: LiveList, meanwhile: Meanwhile) => void

const secondsBetweenPages = 400

/** The changes that have happened so far. */
class Meanwhile {
  readonly inserted: string[] = []
  readonly removed = new Set<string>()
  /** The last mark of each record that was changed. */
  readonly marks = new Map<string, string>()
  /** The key of the record that was given last. */
  lastGiven: string | undefined
  #count = 0

  insert(list: LiveList): void {
    const key = list.insert?.()
    if (key !== undefined) this.inserted.push(key)
  }

  remove(list: LiveList, key: string | undefined): void {
    if (key === undefined || !list.keys().includes(key)) return
    list.remove?.(key)
    this.removed.add(key)
  }

  touch(list: LiveList, key: string | undefined): void {
    if (key === undefined || list.touch === undefined || !list.keys().includes(key)) return
    this.#count += 1
    const mark = `mark ${String(this.#count)} end`
    list.touch(key, mark)
    this.marks.set(key, mark)
  }

  /** Returns the keys of the records that nobody has touched. */
  untouched(list: LiveList): readonly string[] {
    return list.keys().filter((key) => !this.marks.has(key) && !this.inserted.includes(key))
  }
}

const changes: Readonly<Record<string, { needs: 'insert' | 'remove' | 'touch'; change: Change }>> =
  {
    'a record arrives': {
      needs: 'insert',
      change: (list, meanwhile) => {
        meanwhile.insert(list)
      },
    },
    'a record of a page that was read is removed': {
      needs: 'remove',
      change: (list, meanwhile) => {
        meanwhile.remove(list, meanwhile.untouched(list)[0])
      },
    },
    'many records of the pages that were read are removed': {
      needs: 'remove',
      change: (list, meanwhile) => {
        for (const key of meanwhile.untouched(list).slice(0, 60)) meanwhile.remove(list, key)
      },
    },
    'the last record of the page that was read is removed': {
      needs: 'remove',
      change: (list, meanwhile) => {
        meanwhile.remove(list, meanwhile.lastGiven)
      },
    },
    'a record of a page that was read is changed': {
      needs: 'touch',
      change: (list, meanwhile) => {
        meanwhile.touch(list, meanwhile.untouched(list)[0])
      },
    },
    'a record of a page that is not read yet is changed': {
      needs: 'touch',
      change: (list, meanwhile) => {
        meanwhile.touch(list, meanwhile.untouched(list).at(-1))
      },
    },
    'the last record of the page that was read is changed': {
      needs: 'touch',
      change: (list, meanwhile) => {
        meanwhile.touch(list, meanwhile.lastGiven)
      },
    },
    'one record arrives, one is removed and one is changed': {
      needs: 'remove',
      change: (list, meanwhile) => {
        meanwhile.insert(list)
        meanwhile.remove(list, meanwhile.untouched(list)[0])
        meanwhile.touch(list, meanwhile.untouched(list).at(-1))
      },
    },
  }

/** Tests the changes that others make at the vendor while a stream is read page by page. */
export function changesContract(connector: Connector, subject: StreamSubject): void {
  test.each(Object.entries(changes))(
    '%s between two pages: nothing is lost that was there the whole time, and the news come in this read or the next',
    async (title, { needs, change }) => {
      await using any = await StreamBench.open(connector, () => subject.openPaged(''))
      const lists = Object.entries(any.world.lists).filter(([, list]) => list[needs] !== undefined)
      const turn = Object.keys(changes).indexOf(title)
      for (const [name, list] of usuallyEvery(8, { start: turn, cases: lists })) {
        for (const reading of readings(await streamOf(any, name, list))) {
          await using bench = await StreamBench.open(connector, () => subject.openPaged(name))
          await expectNothingLost(bench, { name, reading, change })
        }
      }
    },
  )

  async function expectNothingLost(
    bench: StreamBench,
    { name, reading, change }: Disturbance,
  ): Promise<void> {
    const { stream } = reading
    const about = `${name}, ${reading.sync_mode}`
    const list = bench.world.lists[name]
    if (list === undefined) throw new Error(`the world has no list ${name}`)
    const keysIn = (row: Row) => list.keysIn?.(row) ?? [keyOf(stream, row)]
    const before = list.keys()
    const meanwhile = new Meanwhile()
    let pages = 0
    const first = await readUntilComplete(bench, { reading, list }, (request, rows) => {
      pages += 1
      if (pages === 1) return
      // Longer than a lookback: a limit of the rate can hold a read up for an hour.
      bench.world.pass(secondsBetweenPages)
      const last = rows.at(-1)
      meanwhile.lastGiven = list.lastBefore?.(request) ?? (last && keysIn(last).at(-1))
      change(list, meanwhile)
    })
    expect(pages, `${about}: pages`).toBeGreaterThan(1)
    const stayed = before.filter((key) => !meanwhile.removed.has(key))
    const isLast = reading.sync_mode === 'full_refresh'
    const keysOfAll = (rows: readonly Row[]) =>
      new Set(lastVersions(stream, rows).flatMap((row) => keysIn(row)))
    const firstKeys = keysOfAll(first.rows)
    if (isLast) expect(missing(stayed, firstKeys), `${about}: lost`).toEqual([])
    if (!subject.repeating.includes(stream.name))
      expect(first.rows.length, `${about}: doubles`).toBe(lastVersions(stream, first.rows).length)
    bench.world.pass(60)
    const from = isLast ? null : first.state
    const second = await readUntilComplete(bench, { reading, list, from }, () => undefined)
    const rows = isLast ? second.rows : [...first.rows, ...second.rows]
    for (const row of rows)
      expect(new Set(keysIn(row)).size, `${about}: doubles in a row`).toBe(keysIn(row).length)
    const keys = keysOfAll(rows)
    expect(missing(stayed, keys), `${about}: lost for ever`).toEqual([])
    expect(missing(meanwhile.inserted, keys), `${about}: new`).toEqual([])
    for (const [key, mark] of meanwhile.marks) {
      if (meanwhile.removed.has(key)) continue
      const versions = rows.filter((row) => keysIn(row).includes(key))
      expect(JSON.stringify(versions), `${about}: the change of ${key}`).toContain(mark)
    }
  }
}

interface Disturbance {
  /** The name of the list. */
  readonly name: string
  readonly reading: ConfiguredAirbyteStream
  readonly change: Change
}

async function streamOf(
  bench: StreamBench,
  name: string,
  { stream: own = name }: LiveList,
): Promise<AirbyteStream> {
  const stream = (await bench.streams()).find((candidate) => candidate.name === own)
  if (stream === undefined) throw new Error(`no stream reads the list ${name}`)
  return stream
}

/** As a destination has them that knows the key of the stream. */
function lastVersions(stream: AirbyteStream, rows: readonly Row[]): readonly Row[] {
  return [...new Map(rows.map((row) => [keyOf(stream, row), row])).values()]
}

interface Completed {
  readonly rows: readonly Row[]
  readonly state: JsonValue | null
}

/**
 * Reads as a run does: after a failure that may pass again from the last state, without what it does not
 * cover.
 */
async function readUntilComplete(
  bench: StreamBench,
  {
    reading,
    list,
    from = null,
  }: {
    readonly reading: ConfiguredAirbyteStream
    readonly list: LiveList
    readonly from?: JsonValue | null
  },
  onPage: (request: GateRequest, rows: readonly Row[]) => void,
): Promise<Completed> {
  const { stream } = reading
  let state = from
  const kept: Row[] = []
  let isDisturbed = true
  for (let attempt = 1; ; attempt += 1) {
    const isCalm = !isDisturbed
    const read: StreamRead = await bench.read(reading, {
      state,
      onRequest: (request, rows) => {
        if (!isCalm && list.pages(request)) onPage(request, rows)
        return undefined
      },
    })
    if (read.outcome === 'complete')
      return { rows: [...kept, ...read.rows], state: lastState(read) ?? state }
    expect(read.error?.code, `${stream.name}: ${read.error?.message ?? ''}`).toBe(
      'source_unavailable',
    )
    expect(attempt).toBeLessThan(3)
    isDisturbed = false
    if (!stream.is_resumable) continue
    kept.push(...coveredRows(read))
    state = lastState(read) ?? state
  }
}

function missing(keys: readonly string[], found: ReadonlySet<string>): readonly string[] {
  return keys.filter((key) => !found.has(key))
}
