import { beforeEach, describe, expect, test } from 'vitest'
import { newDelivery } from '../support/deliveries.ts'
import { newReceiver } from '../support/open-test-store.ts'
import { serviceCommands } from './service-commands.ts'

const commands = serviceCommands()
const { run, json } = commands
let receiver = ''
beforeEach(async () => {
  receiver = (await newReceiver(commands.api.store, 'shop')).id
})

/** A delivery that was given up. */
async function deadDelivery(eventId = 'evt_1'): Promise<string> {
  const { store } = commands.api
  const body = '{"a": 1.0}\n\u001b[31mred'
  const delivery = newDelivery(receiver, { eventId, body })
  await store.deliveryLog.append(delivery)
  const claimed = await store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
  const error = { code: 'dispatch_failed', message: 'it responded with status 400' }
  await store.dispatches.settle(
    'me',
    claimed.map(({ seq, target }) => ({
      ...{ seq, target, outcome: 'dead', error, isTargetDown: false },
    })),
  )
  return delivery.id
}

describe('deliveries', () => {
  test('are listed, shown, replayed and discarded', async () => {
    expect((await run('deliveries dead')).out).toBe(
      'no deliveries match the options\nnext: reactor connect deliveries list\n',
    )
    const id = await deadDelivery()
    const list = (await run('deliveries list shop')).out.split('\n')
    expect(list[0]).toMatch(/^DELIVERY +RECEIVER +RECEIVED +EVENT +KIND +STATUS +ERROR/)
    expect(list[1]).toContain(id)
    expect(list[1]).toContain('it responded with status 400')
    const { out } = await run(`deliveries show shop ${id}`)
    expect(out).toMatch(/^job:work +dead +1 /m)
    expect(out).toContain('content-type: application/json')
    expect(out).toContain('{"a": 1.0}')
    expect(out).not.toContain('\u001b')
    expect(await json(`deliveries show shop ${id}`)).toMatchObject({ id, body_encoding: 'utf8' })
    expect(await json('deliveries dead shop --target job:work')).toHaveLength(1)
    expect((await run(`deliveries replay ${id}`)).out).toBe('1 event will be sent again\n')
    expect(await json('deliveries list --status pending')).toHaveLength(1)
    expect((await run('deliveries discard --receiver shop')).out).toBe(
      'nothing to discard: no delivery matches\n',
    )
    await deadDelivery('evt_2')
    expect(await json('deliveries discard --receiver shop')).toEqual({ count: 2 })
  })

  test('are listed by target with the reason of that target, when targets or a status are asked for', async () => {
    const { store } = commands.api
    const gone = 'url:https://shop.example.com/gone?token=secret'
    await run(`receivers update shop --dispatch ${gone}`)
    const stored = (await store.receivers.get('shop')).dispatch[0]?.target ?? ''
    const targets = ['url:https://shop.example.com/bad', stored, 'job:work']
    const dispatches = targets.map((target) => ({ target, orderKey: null }))
    await store.deliveryLog.append(newDelivery(receiver, { dispatches }))
    const claimed = await store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
    const failed = (status: number) => ({
      error: { code: 'dispatch_failed', message: `it responded with status ${String(status)}` },
      isTargetDown: false,
    })
    await store.dispatches.settle(
      'me',
      claimed.map(({ seq, target }) => {
        if (target === stored) return { seq, target, outcome: 'dead', ...failed(410) }
        if (target === 'job:work') return { seq, target, outcome: 'done' }
        return { seq, target, outcome: 'retry', delayMs: 60_000, ...failed(400) }
      }),
    )
    const shown = 'url:https://shop.example.com/gone\\?token=\\*\\*\\*'
    const line = new RegExp(`^dlv_.* ${shown} +dead +it responded with status 410$`)
    for (const command of ['dead', 'dead shop', `dead --target ${gone}`, `list --target ${gone}`]) {
      const lines = (await run(`deliveries ${command}`)).out.trim().split('\n')
      expect(lines[0]).toMatch(/^DELIVERY +RECEIVER +RECEIVED +EVENT +KIND +TARGET +STATUS +ERROR/)
      expect(lines.slice(1)).toEqual([expect.stringMatching(line)])
    }
    const all = (await run('deliveries list')).out
    expect(all).toContain('done 1, pending 1, dead 1')
  })

  test('are not replayed or discarded without a choice, and errors name what is wrong', async () => {
    for (const verb of ['replay', 'discard'])
      expect(await run(`deliveries ${verb}`)).toMatchObject({ code: 2 })
    expect((await run('deliveries list nobody')).err).toContain('[receiver_not_found]')
    for (const time of ['2026-11-28', '2026-11-28T12:51:48', 'yesterday', '2026-02-30T00:00:00Z']) {
      const { err } = await run(`deliveries list --since ${time}`)
      expect(err.match(/since: [^\n;]*/g)).toEqual([
        expect.stringContaining('must be a time with its zone, such as 2026-11-28T12:00:00Z'),
      ])
    }
    const none = await run('deliveries show shop dlv_00000000000000000000000000')
    expect(none.err).toContain('[delivery_not_found]')
  })
})
