import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import { expect, test } from 'vitest'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { eventsOf, startRun } from '../cli/reactor-command.ts'
import { runHere } from '../cli/run-here.ts'
import { testKafka } from '../support/kafka.ts'
import { testDatabase } from '../support/postgres.ts'
import { runFile } from '../support/run-file.ts'

/** Several times what a reader fetches ahead and its COPY holds, however fast the machine. */
const rows = 200_000

async function untilBegun(admin: Admin, topic: string): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const [partition] = await admin.fetchTopicOffsets(topic)
    if (partition !== undefined && partition.high !== partition.low) return
    if (Date.now() > deadline) throw new Error(`nobody writes to ${topic}`)
    await delay(10)
  }
}

/** All of a topic that its writer leaves alone for a second. */
async function endAtRest(admin: Admin, topic: string): Promise<string> {
  let end = ''
  for (;;) {
    const [partition] = await admin.fetchTopicOffsets(topic)
    if (partition?.high === end) return end
    end = partition?.high ?? ''
    await delay(1_000)
  }
}

test.each([
  ['reads it', 'copy.users'],
  // A lane looks there whether it is the newest one.
  ['has not opened it', 'reactor_connect.streams'],
] as const)(
  'a process that is frozen while its log loses what is not loaded says so when it wakes, and reads that again; its sink %s',
  async (_, heldTable) => {
    await using warehouse = await testDatabase()
    const { brokers, prefix } = testKafka()
    const topic = `connect.${prefix}.users`
    const fileOf = (count: number): ReturnType<typeof runFile> =>
      runFile({
        connection: prefix,
        source: { type: 'faker', config: { streams: [{ name: 'users', rows: count }] } },
        destination: {
          type: 'postgres',
          config: { ...warehouse.address, password: '${PG_PASSWORD}', schema: 'copy' },
        },
        log: { kafka: { brokers } },
        defaults: { sync_mode: 'full_refresh', destination_sync_mode: 'append' },
        limits: { commit_ms: 100, partitions_per_stream: 1 },
      })
    const options = { args: ['--json'], env: { PG_PASSWORD: warehouse.address.password } }
    await using first = await fileOf(10)
    expect(await runHere(first.path, options)).toMatchObject({ code: 0 })

    const { logLevel, Kafka } = kafkajs
    const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const partition = 0
    await admin.deleteTopicRecords({
      topic,
      partitions: [{ partition, offset: await endAtRest(admin, topic) }],
    })
    await using holder = await DestinationSession.open({ address: warehouse.address })
    await using file = await fileOf(rows)
    const frozen = startRun(file.path, options)
    try {
      await untilBegun(admin, topic)
      frozen.process.kill('SIGSTOP')
      await holder.run(`BEGIN; LOCK TABLE ${heldTable} IN ACCESS EXCLUSIVE MODE`)
      frozen.process.kill('SIGCONT')
      await frozen.output('stdout', new RegExp(`"read":${String(rows)}`))
      const offset = await endAtRest(admin, topic)
      frozen.process.kill('SIGSTOP')
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset }] })
      await holder.rollback()
    } finally {
      frozen.process.kill('SIGCONT')
      await admin.disconnect()
    }
    const woken = await frozen.end
    expect(woken.stderr).toContain('code=log_position_lost')
    expect(woken.stderr).not.toContain('accounting_mismatch')
    expect(eventsOf(woken).at(-1)).toMatchObject({
      status: 'complete',
      streams: [{ loaded: rows }],
    })
    expect(await warehouse.query('SELECT count(*)::int AS rows FROM copy.users')).toEqual([
      { rows: rows + 10 },
    ])
  },
  120_000,
)
