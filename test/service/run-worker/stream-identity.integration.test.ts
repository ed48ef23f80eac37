import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { streamLabel } from '../../../protocol/index.ts'
import type { Run } from '../../../service/runs/schema.ts'
import { testKafka } from '../../support/kafka.ts'
import { runToEnd, testService } from '../../support/test-service.ts'
import { newFolder } from '../../support/new-folder.ts'
import { usually } from '../../support/long.ts'

/** All three are `a.b.c` to code that only joins the parts. */
const twins = [
  { namespace: 'a', name: 'b.c', rows: 20 },
  { namespace: 'a.b', name: 'c', rows: 30 },
  { name: 'a.b.c', rows: 40 },
] as const
const tables = ['b.c', 'c', 'a.b.c']

const principal = 'key_1'

test.each(usually(1, ['embedded', 'kafka'] as const))(
  'streams whose names join to one text stay apart: run, retry, reset and sandbox, log %s',
  async (log) => {
    await using place = await testService({ kafkaBrokers: testKafka().brokers })
    const { instances, connections, runs, sandboxes } = place.service
    const name = `twins-${randomBytes(4).toString('hex')}`
    const folder = await newFolder('twins')
    const fail = {
      at_row: 10,
      kind: 'config_error',
      times: 1,
      counter_file: join(folder, 'failures'),
    }
    const streams = twins.map((twin) => (twin.name === 'c' ? { ...twin, fail } : twin))
    const tableRows = async (): Promise<unknown[]> => {
      const counts = tables.map(
        (table) => `(SELECT count(*)::int FROM shop."${table}") AS "${table}"`,
      )
      return place.data.query(`SELECT ${counts.join(', ')}`)
    }
    await instances.create({ name, type: 'faker', config: { streams } })
    await connections.create({
      name,
      from: name,
      destination: 'data:shop',
      activate: true,
      options: { log },
    })
    place.work({ retries: { maxFruitless: 2, firstDelayMs: 100, maxDelayMs: 100 } })

    const partial = await runToEnd(runs, await runs.start(name))
    expect(statusesOf(partial)).toEqual({
      'a."b.c"': 'complete',
      '"a.b".c': 'failed',
      '"a.b.c"': 'complete',
    })

    const retry = await runToEnd(runs, await runs.retry(name, partial.id))
    expect(retry.status).toBe('complete')
    expect(countsOf(retry)).toMatchObject({ 'a."b.c"': 0, '"a.b.c"': 0 })
    expect(countsOf(retry)['"a.b".c']).toBeGreaterThan(0)
    expect(await tableRows()).toEqual([{ 'b.c': 20, c: 30, 'a.b.c': 40 }])

    const choices = /"a"\."b\.c"|a\."b\.c", "a\.b"\.c or "a\.b\.c"/
    await expect(connections.reset(name, ['a.b.c'])).rejects.toMatchObject({
      code: 'stream_not_found',
      suggestedFix: expect.stringMatching(choices) as string,
    })
    await connections.reset(name, ['"a.b".c'])
    const wanted = { limitRows: 100, principal }
    const { report } = await sandboxes.run(name, { ...wanted, streams: ['"a.b".c', 'a."b.c"'] })
    expect(report.streams.map((stream) => [streamLabel(stream), stream.read])).toEqual([
      ['"a.b".c', 30],
      ['a."b.c"', 0],
    ])
    await expect(sandboxes.run(name, { ...wanted, streams: ['a.b.c'] })).rejects.toMatchObject({
      code: 'stream_not_found',
    })

    const again = await runToEnd(runs, await runs.start(name))
    expect(again.status).toBe('complete')
    expect(countsOf(again)).toEqual({ 'a."b.c"': 0, '"a.b".c': 30, '"a.b.c"': 0 })
    expect(await tableRows()).toEqual([{ 'b.c': 20, c: 30, 'a.b.c': 40 }])
  },
)

function statusesOf({ streams }: Run): Record<string, string> {
  return Object.fromEntries(streams.map((stream) => [streamLabel(stream), stream.status]))
}

function countsOf({ streams }: Run): Record<string, number> {
  return Object.fromEntries(streams.map((stream) => [streamLabel(stream), stream.read]))
}
