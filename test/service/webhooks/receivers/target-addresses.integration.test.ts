import { afterAll, beforeAll, expect, test } from 'vitest'
import { StoredKey } from '../../../../service/platform/vault/stored-key.ts'
import { moveTargetAddresses } from '../../../../service/webhooks/receivers/move-addresses.ts'
import { TargetAddresses } from '../../../../service/webhooks/receivers/target-addresses.ts'
import { dumpOf } from '../../../support/all-texts.ts'
import { newDelivery } from '../../../support/deliveries.ts'
import { TestApi } from '../../../support/test-api.ts'
import { makeReceiver } from './receiver-api.ts'

const planted = 'planted4711q'
const target = `url:https://hooks.example.com/in?token=${planted}&v=2`
const shown = 'url:https://hooks.example.com/in?token=***&v=***'

let api: TestApi
beforeAll(async () => {
  api = await TestApi.start()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

/** As a process that starts now has them. */
function addresses(): TargetAddresses {
  const { vault } = api
  return new TargetAddresses({ vault, key: new StoredKey(vault, 'webhooks/target-key') })
}

function move(): Promise<number> {
  return moveTargetAddresses({ store: api.store, addresses: addresses() })
}

async function entryOf(receiverId: string): Promise<unknown> {
  return (await api.vault.get(`receiver-targets/${receiverId}`))?.secrets
}

test('the query of an address is in the vault only, as long as the receiver has the target', async () => {
  const { name } = await makeReceiver(api, { name: 'hooked', dispatch: [{ target }] })
  const { id, dispatch } = await api.store.receivers.get(name)
  const stored = dispatch[0]?.target ?? ''
  expect(stored).toMatch(
    /^url:https:\/\/hooks\.example\.com\/in\?token=\*\*\*&v=\*\*\*#vault-[0-9a-f]{32}$/,
  )
  const sent = newDelivery(id, { dispatches: [{ target: stored, orderKey: null }] })
  await api.store.deliveryLog.append(sent)
  const [claimed] = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 1 })
  expect(await addresses().whole(id, claimed?.target ?? '')).toBe(target)
  const query = new URLSearchParams({ target }).toString()
  const listed = await api.call(`GET /deliveries?${query}`)
  expect(listed.body).toMatchObject({ items: [{ id: sent.id, dispatches: [{ target: shown }] }] })
  expect(await dumpOf(api.database)).not.toContain(planted)

  const other = { target: `url:https://hooks.example.com/other?token=${planted}` }
  await api.call(`PATCH /receivers/${name}`, { dispatch: [{ target }, other] })
  expect(Object.values((await entryOf(id)) ?? {})).toEqual([target, other.target])
  const outdated = { dispatch: [{ target: 'url:https://hooks.example.com/?a=late' }] }
  const refused = await api.call(`PATCH /receivers/${name}`, outdated, { 'if-match': '"1"' })
  expect(refused.status).toBe(412)
  await api.call(`POST /receivers/${name}/rotate-dispatch-secret`)
  await api.call(`POST /receivers/${name}/secret`)
  expect(Object.values((await entryOf(id)) ?? {})).toEqual([target, other.target])
  await api.call(`PATCH /receivers/${name}`, { dispatch: [other] })
  expect(Object.values((await entryOf(id)) ?? {})).toEqual([other.target])
  await api.call(`DELETE /receivers/${name}`)
  expect(await entryOf(id)).toBeUndefined()
  expect(await dumpOf(api.database)).not.toContain(planted)
})

test('what a version before stored in plain text is moved at the start, also after a crash', async () => {
  const { name } = await makeReceiver(api, { name: 'old', dispatch: [{ target: 'job:work' }] })
  const { id } = await api.store.receivers.get(name)
  const gone = `url:https://hooks.example.com/gone?${planted}`
  const wanted = [target, gone, 'job:work']
  await api.store.receivers.update(name, { dispatch: [{ target, orderBy: '/id' }] })
  const dispatches = wanted.map((text) => ({ target: text, orderKey: null }))
  await api.store.deliveryLog.append(newDelivery(id, { dispatches }))
  await api.database.query(
    `INSERT INTO reactor_connect_service.webhook_targets (target, failures) VALUES ($1, 5)`,
    [target],
  )
  expect(await dumpOf(api.database)).toContain(planted)

  const { receivers } = api.store
  const hideTargets = receivers.hideTargets.bind(receivers)
  receivers.hideTargets = () => Promise.reject(new Error('the process died'))
  await expect(move()).rejects.toThrow('the process died')
  receivers.hideTargets = hideTargets
  expect(await dumpOf(api.database)).toContain(planted)
  expect(await Promise.all([move(), move()])).toEqual(expect.arrayContaining([0, 1]))
  expect(await move()).toBe(0)

  expect(await dumpOf(api.database)).not.toContain(planted)
  expect(await receivers.plainTargets()).toEqual([])
  expect(Object.values((await entryOf(id)) ?? {})).toEqual([target])
  const stored = await addresses().stored(target)
  expect((await receivers.get(name)).dispatch).toEqual([{ target: stored, orderBy: '/id' }])
  const claimed = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
  expect(claimed.map((each) => each.target)).toEqual(
    expect.arrayContaining([stored, await addresses().stored(gone), 'job:work']),
  )
})
