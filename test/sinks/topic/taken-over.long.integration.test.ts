import { expect, test } from 'vitest'
import { z } from 'zod'
import { eventsOf, startRun, type CommandEnd } from '../../cli/reactor-command.ts'
import { runHere } from '../../cli/run-here.ts'
import { runFile } from '../../support/run-file.ts'
import { readTopic, topicTest } from './topic-support.ts'

const streamsOfResult = z.array(
  z.object({
    name: z.string(),
    loaded: z.number(),
    before: z.object({ loaded: z.number() }),
    warnings: z.array(z.string()),
  }),
)
type StreamOfResult = z.output<typeof streamsOfResult>[number]

function streamOf(end: CommandEnd, name: string): StreamOfResult {
  const streams = streamsOfResult.parse(eventsOf(end).at(-1)?.streams)
  const found = streams.find((stream) => stream.name === name)
  if (found === undefined) throw new Error(`no stream ${name} in ${end.stdout}`)
  return found
}

test('each row is in one result when a run takes over another one, also of a stream that was complete', async () => {
  const { connection, place } = topicTest()
  const { brokers } = place.servers
  const rows = { few: 100, many: 100_000 }
  const streams = Object.entries(rows).map(([name, count]) => ({ name, rows: count }))
  await using file = await runFile({
    connection,
    source: { type: 'faker', config: { streams } },
    destination: { type: 'topic', url: `topic:${connection}.{stream}`, config: { brokers } },
    defaults: { sync_mode: 'full_refresh', destination_sync_mode: 'append' },
    limits: { commit_bytes: 65_536, commit_ms: 50, partitions_per_stream: 1, parallel_lanes: 2 },
  })
  const older = startRun(file.path, { args: ['--json'] })
  await older.output(
    'stdout',
    /"name":"few","status":"complete".*"name":"many","status":"running"[^{]*"loaded":[1-9]/,
  )
  older.process.kill('SIGSTOP')
  let newer: CommandEnd
  try {
    newer = await runHere(file.path, { args: ['--json'] })
  } finally {
    older.process.kill('SIGCONT')
  }
  const fenced = await older.end
  expect(newer.code).toBe(0)
  expect(eventsOf(fenced).at(-1)?.streams).toContainEqual(
    expect.objectContaining({
      name: 'many',
      error: expect.objectContaining({ code: 'fenced' }) as object,
    }),
  )
  for (const [name, count] of Object.entries(rows)) {
    expect(await readTopic(place, `${connection}.${name}`)).toHaveLength(count)
    const [before, now] = [streamOf(fenced, name), streamOf(newer, name)]
    expect(now.before.loaded).toBeGreaterThan(0)
    expect(before.loaded + before.before.loaded + now.loaded + now.before.loaded).toBe(count)
    expect(before.warnings).toEqual([
      expect.stringContaining(`${now.before.loaded.toLocaleString('en-US')} loaded`) as string,
    ])
  }
}, 120_000)
