import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { EchoApi, formsOf } from '../../fakes/echo-api.ts'
import { dumpOf, topicsOf } from '../../support/all-texts.ts'
import { testKafka } from '../../support/kafka.ts'
import { importManifest } from '../../support/import-manifest.ts'
import { runToEnd, testService, type TestService } from '../../support/test-service.ts'
import { usually } from '../../support/long.ts'

/** In every planted secret, and nowhere else. */
const mark = `Planted${randomBytes(6).toString('hex')}`
const planted = (what: string): string => `${mark}-${what}+/=&"x y`
const { brokers, prefix } = testKafka()

let world: TestService
/** Whatever the service gave back or threw. */
const output: string[] = []

beforeAll(async () => {
  world = await testService({ logLevel: 'trace', kafkaBrokers: brokers })
  await importManifest(world.catalogDir, 'echo')
  // Two, so that the runs of all logins that are tried at a time go on at a time.
  for (let worker = 0; worker < 2; worker++)
    world.work({ retries: { maxFruitless: 1, firstDelayMs: 10, maxDelayMs: 10 } })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

const logins: Readonly<Record<string, JsonObject>> = {
  key: { key: planted('key') },
  oauth: oauthLogin(),
  memory: oauthLogin(),
  session: { key: planted('session-key') },
  session_header: { key: planted('session-key') },
  session_query: { key: planted('session-key') },
}

function oauthLogin(): JsonObject {
  return {
    client_id: planted('client'),
    client_secret: planted('client-secret'),
    refresh_token: planted('first-refresh'),
  }
}

/**
 * Three at a time: they wait between attempts most of the time, and one service runs no more than four
 * sandboxes.
 */
const kinds = usually(1, Object.keys(logins))
const groups = [kinds.slice(0, 3), kinds.slice(3)].filter((some) => some.length > 0)
describe.each(groups.map((some) => ({ some })))('with $some', ({ some }) => {
  test.concurrent.each(some)(
    'a vendor that repeats secrets shows none, with a login of the kind %s',
    async (kind) => {
      const api = await EchoApi.start(mark)
      await using parts = new AsyncDisposableStack()
      parts.use(api)
      const name = `${prefix}-${kind.replace('_', '-')}`
      const { instances, connections } = world.service
      const config = {
        url: api.url,
        header_secret: planted('header'),
        deep: { query_secret: planted('query') },
        login: { kind, ...logins[kind] },
      }
      await instances.create({ name, type: 'echo', config })
      await everyRoad(name, { isFirst: true })
      expect(await connections.get(name)).toMatchObject({ lastRun: { status: 'complete' } })
      expect(api.echoes).toBe(0)
      for (const paths of [['/items'], ['/schema', '/token']]) {
        for (const path of paths) api.refused.add(path)
        await everyRoad(name, { isFirst: false })
      }
      expect(api.echoes).toBeGreaterThan(5)
      expect(api.tokens.length > 0).toBe(kind !== 'key')
      await expectNoSecrets(config, api)
    },
    180_000,
  )
})

test('the topics of all these runs hold none either', async () => {
  const topics = await topicsOf(brokers, prefix)
  expect(topics.length).toBeGreaterThan(500)
  expect(topics).not.toContain(mark)
}, 120_000)

/** A check, a discovery, a run and a sandbox. */
async function everyRoad(name: string, { isFirst }: { readonly isFirst: boolean }): Promise<void> {
  const { instances, connections, runs, sandboxes } = world.service
  await tell(() => instances.check(name))
  await tell(() => instances.discover(name, { refresh: true }))
  if (isFirst) {
    const options = { log: 'kafka', framing: 'record' } as const
    await connections.create({
      name,
      from: name,
      destination: `data:${name.replaceAll('-', '_')}`,
      options,
      activate: true,
    })
  }
  await tell(async () => runToEnd(runs, await runs.start(name)))
  await tell(() => sandboxes.run(name, { limitRows: 10, principal: 'key_1' }))
}

async function tell(work: () => Promise<unknown>): Promise<void> {
  try {
    output.push(JSON.stringify(await work()))
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    output.push(JSON.stringify(error), String(error.stack), String(error.cause))
  }
}

async function expectNoSecrets(config: JsonObject, api: EchoApi): Promise<void> {
  const places = {
    told: output.join('\n'),
    logged: world.logged.join('\n'),
    metadata: await dumpOf(world.metadata),
    data: await dumpOf(world.data),
  }
  const secrets = [...textsIn(config).filter((text) => text.includes(mark)), ...api.tokens]
  const forms = secrets.flatMap(formsOf)
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(500)
    const around = new RegExp(`.{0,60}${mark}.{0,40}`, 'g')
    const lines = text.match(around) ?? []
    expect(lines, place).toEqual([])
    for (const form of [...forms, ...forms.map((each) => JSON.stringify(each).slice(1, -1))])
      expect(text.includes(form), `${place}: ${form}`).toBe(false)
  }
  expect(places.logged).toContain('***')
  expect(places.told).toContain('***')
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
