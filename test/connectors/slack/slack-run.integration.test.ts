import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { fillAcme, ts } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../fakes/slack/slack-simulator.ts'
import { logConfig, planRun, runPlan } from '../../support/engine.ts'
import { testDatabase } from '../../support/postgres.ts'

test('messages come into PostgreSQL once, an edit replaces its row, and threads are complete', async () => {
  await using slack = await SlackSimulator.start()
  await using db = await testDatabase()
  fillAcme(slack.data)
  const connection = `slack-${randomUUID().slice(0, 8)}`
  const run = async () => {
    const plan = await planRun({
      connection,
      source: {
        type: 'slack',
        config: { access_token: botToken, api_url: slack.apiUrl },
        allowedNetworks: ['127.0.0.0/8'],
      },
      destination: db.address,
      schema: 'slack',
      log: logConfig('embedded'),
      mode: 'append_dedup',
      syncMode: 'incremental',
      cursor: 'ts',
      streams: ['messages'],
    })
    const { result } = await runPlan(plan)
    expect(result.status).toBe('complete')
  }
  await run()
  const count =
    'SELECT count(*)::int AS rows, count(thread_ts)::int AS threaded FROM slack.messages'
  expect(await db.query(count)).toMatchObject([{ rows: 428, threaded: 5 }])
  const edited = slack.data.messages.get('C1')?.find((message) => message.ts === ts(6))
  Object.assign(edited ?? {}, { text: 'Edited' })
  slack.data.say('C1', ts(9), { parent: ts(6) })
  await run()
  expect(await db.query(count)).toMatchObject([{ rows: 429, threaded: 6 }])
  const thread = `SELECT ts, text FROM slack.messages WHERE ts IN ('${ts(6)}', '${ts(9)}') ORDER BY ts`
  expect(await db.query(thread)).toMatchObject([{ text: 'Edited' }, { text: `Text of ${ts(9)}` }])
})
