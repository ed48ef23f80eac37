import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { fakerConfig } from '../support/test-api.ts'
import { serviceCommands } from './service-commands.ts'
import { longTest } from '../support/long.ts'

const commands = serviceCommands({
  environment: { REACTOR_CONNECT_FUNCTIONS_URL: 'http://127.0.0.1:1' },
})
const { run, json } = commands

const isActive = /^shop is active; next run \d{4}-\d\d-\d\d \d\d:\d\d:00Z\n$/

describe('connections', () => {
  beforeEach(async () => {
    const { instances } = commands.api.service
    await instances.create({ name: 'source', type: 'faker', config: fakerConfig })
  })

  test('are created, listed, changed, paused, reset and deleted', async () => {
    const create = 'connections create shop --from source --streams users,orders --dest data:shop'
    const created = await run([
      ...create.split(' '),
      '--schedule',
      '*/15 * * * *',
      '--deletes',
      'soft',
    ])
    expect(created).toMatchObject({ code: 0, err: '' })
    expect(created.out).toContain('inactive\nnext: reactor connect connections sandbox shop\n')
    const early = await run('connections runs start shop')
    expect(early).toMatchObject({ code: 1 })
    expect(early.err).toContain('[connection_inactive]')
    expect((await run('connections pause shop')).err).toContain('[connection_inactive]')
    expect((await run('connections activate shop')).out).toMatch(isActive)
    expect(await json('connections get shop')).toMatchObject({
      from: 'source',
      destination: 'data:shop',
      streams: [{ name: 'users' }, { name: 'orders' }],
      schedule: { cron: '*/15 * * * *' },
      options: { deletes: 'soft' },
    })
    expect((await run('connections list --status active')).out).toMatch(
      /\nshop +source +data:shop +active +\*\/15 \* \* \* \* +never run\n$/,
    )
    expect(await json('connections list --instance nobody')).toEqual([])
    expect((await run('connections pause shop')).out).toBe('shop is paused\n')
    expect((await run('connections resume shop')).out).toMatch(isActive)
    const unscheduled = await run('connections update shop --no-schedule --dest data:other')
    expect(unscheduled.out).toContain('updated shop: source to data:other, active\nnext: ')
    expect((await run('connections get shop')).out).toMatch(
      /destination +data:other\nschedule +by hand/,
    )
    expect((await run('connections update shop')).code).toBe(2)
    expect((await run('connections reset shop --streams users')).out).toContain(
      'users are forgotten',
    )
    const unknown = await run('connections reset shop --streams nobody')
    expect(unknown.err).toContain('[stream_not_found]')
    const unasked = await run('connections delete shop')
    expect(unasked).toMatchObject({ code: 2 })
    expect(unasked.err).toContain('fix:  Add --yes to the command.')
    const kept = await run('connections delete shop', { answers: ['n'] })
    expect(kept).toMatchObject({ code: 1, out: '' })
    expect(kept.err).toBe('confirm: delete the connection shop and its runs?nothing was done\n')
    expect((await run('connections delete shop', { answers: ['y'] })).out).toContain('deleted shop')
  })

  test('streams can be said in full, and not twice', async () => {
    const create = ['connections', 'create', 'shop', '--from', 'source', '--dest', 'data:shop']
    const stream = { name: 'users', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' }
    const options = [...create, '--stream-config', JSON.stringify([stream])]
    expect((await run([...options, '--streams', 'users'])).code).toBe(2)
    for (const [text, problem, fix] of [
      ['[{"nam":"users"}]', 'streams[0].nam: unknown field', 'Did you mean `name`?'],
      ['[{"name":"users","x":1}]', 'streams[0].x: unknown field', 'Remove it. Fields here: name,'],
      ['[{"name":"users"', 'is not a list of streams: it ends too early', '--stream-config'],
      ['[{"name":users}]', 'line 1, column 10 is not as JSON has it', '--stream-config'],
      ['{"name":"users"}', 'is not a list of streams', 'Write `[{"name":"orders"}]`.'],
    ] as const) {
      const refused = await run([...create, '--stream-config', text])
      expect(refused.code).toBe(2)
      expect(refused.err).toContain(problem)
      expect(refused.err).toContain(fix)
    }
    const mistaken = ['--streams', JSON.stringify([stream])]
    for (const command of [create, ['connections', 'update', 'shop']]) {
      const end = await run([...command, ...mistaken])
      expect(end.code).toBe(2)
      expect(end.err).toContain('--stream-config')
    }
    for (const verb of ['reset', 'sandbox'])
      await expect(run(['connections', verb, 'shop', ...mistaken])).rejects.toThrow('not JSON')
    expect((await run([...create, '--timezone', 'Europe/Oslo'])).code).toBe(2)
    expect((await run(options)).code).toBe(0)
    expect((await run('connections get shop')).out).toContain('users (full_refresh, overwrite)')
  })

  test('have a function for their streams', async () => {
    const create = 'connections create shop --from source --dest data:shop'
    const needsStreams = await run(`${create} --transform function:clean`)
    expect(needsStreams).toMatchObject({ code: 2 })
    expect(needsStreams.err).toContain('Name them with `--streams`')
    const streams = '--streams users,orders --transform function:clean --transform users=function:b'
    expect((await run(`${create} ${streams}`)).code).toBe(0)
    const orders = { name: 'orders', transform: 'function:clean' }
    expect(await json('connections get shop')).toMatchObject({
      streams: [{ name: 'users', transform: 'function:b' }, orders],
    })
    expect((await run('connections get shop')).out).toContain('users (function:b)')
    expect((await run('connections update shop --transform users=none')).code).toBe(0)
    expect(await json('connections get shop')).toMatchObject({
      streams: [{ name: 'users' }, orders],
    })
    expect((await run('connections update shop --transform clean')).code).toBe(2)
  })

  test('a long list is fetched page by page, and no further than asked', async () => {
    const input = {
      ...{ from: 'source', destination: 'data:d', streams: null, schedule: null, options: {} },
      ...({ status: 'inactive', nextRunAt: null } as const),
    }
    for (let index = 0; index < 450; index++)
      await commands.api.store.connections.create({ ...input, name: `c${String(index)}` })
    expect(z.array(z.unknown()).parse(await json('connections list'))).toHaveLength(450)
    expect(z.array(z.unknown()).parse(await json('connections list --limit 201'))).toHaveLength(201)
  })
})

describe('connections to topics', () => {
  const topics = serviceCommands({
    environment: { REACTOR_CONNECT_KAFKA_BROKERS: inject('kafkaBrokers').join(',') },
  })

  longTest(
    'are created with their options, shown, and say what stays when they are deleted',
    async () => {
      await topics.api.service.instances.create({
        name: 'source',
        type: 'faker',
        config: fakerConfig,
      })
      const name = `t${randomBytes(6).toString('hex')}`
      const create = `connections create ${name} --from source --dest topic:${name}.{stream}`
      const made = await topics.run(`${create} --format avro --envelope debezium --partitions 3`)
      expect(made).toMatchObject({ code: 0, err: '' })
      expect(await topics.json(`connections get ${name}`)).toMatchObject({
        destination: `topic:${name}.{stream}`,
        options: { format: 'avro', envelope: 'debezium', partitions: 3 },
      })
      expect((await topics.run(`connections get ${name}`)).out).toContain(`${name}.{stream}\n`)
      const sandbox = await topics.run(`connections sandbox ${name} --limit-rows 5`)
      expect(sandbox.code).toBe(0)
      expect(sandbox.out).toContain('would be sent, compared with nothing')
      expect(sandbox.out).toContain(`-> topic ${name}.users`)
      const address = await topics.run(`connections address ${name}`)
      expect(address).toMatchObject({ code: 2 })
      expect(address.err).toContain('are in topics')
      const refused = await topics.run(`connections update ${name} --dest data:x --partitions 4`)
      expect(refused.err).toContain('[destination_option_unsupported]')
      const deleted = await topics.run(`connections delete ${name} --yes`)
      expect(deleted.out).toContain('its topics stay, with their rows')
    },
  )
})
