import { beforeEach, expect, test } from 'vitest'
import { StripeSimulator } from '../fakes/stripe/stripe-simulator.ts'
import { serviceCommands } from './service-commands.ts'

const commands = serviceCommands()
const { run } = commands

let stripe: StripeSimulator
beforeEach(async () => {
  stripe = await StripeSimulator.start()
  const config = { api_key: 'sk_live_cli', api_url: stripe.url }
  await commands.api.service.instances.create({ name: 'pay', type: 'stripe', config })
  return () => stripe[Symbol.asyncDispose]()
})

const input = '{"email":"ada@example.com"}'
const invoke = ['actions', 'invoke', 'pay', 'createCustomer', '--input', input]

test('the actions of an instance are listed; one is shown with the fields of its input and their choices', async () => {
  const list = await run('actions list pay')
  expect(list.out).toMatch(/^ACTION +EFFECT +DRY RUN +TITLE\n/)
  expect(list.out).toMatch(/\ndeleteCustomer +delete +native +Delete a customer/)
  const { out } = await run('actions show pay createCustomer')
  expect(out).toContain('createCustomer: Create a customer\n')
  expect(out).toMatch(/\n {2}tax_exempt +string +One of: none, exempt, reverse\.\n/)
  expect(out).not.toContain('authentication')
})

test('a dry-run shows the request and its token, which invokes the action once', async () => {
  const shown = await run([...invoke, '--dry-run'])
  expect(shown.out).toContain(`POST ${stripe.url}/v1/customers\n`)
  expect(shown.out).toContain('nothing was sent')
  expect(stripe.requests).toEqual([])
  const token = /^token: (\S+) /m.exec(shown.out)?.[1] ?? ''
  const done = await run([...invoke, '--token', token])
  expect(JSON.parse(done.out)).toMatchObject({ object: 'customer', email: 'ada@example.com' })
  expect((await run([...invoke, '--token', token])).err).toContain('[dry_run_token_used]')
  expect(stripe.asked).toEqual(['POST customers'])
  const audit = await run('audit --action actions:invoke')
  expect(audit.out).toMatch(/actions:invoke +pay +done .*createCustomer, req_1\n/)
  expect(audit.out).toMatch(/actions:invoke +pay +done .*createCustomer \(dry-run\)\n/)
})

test('what is wrong with a call is said in the words of the command line', async () => {
  const misspelled = await run([
    'actions',
    'invoke',
    'pay',
    'createCustomer',
    '--input',
    '{"mail":"a"}',
  ])
  expect(misspelled.err).toContain('`/mail`: there is no such field')
  expect(misspelled.err).toContain(
    '`reactor connect actions show` lists the fields that createCustomer takes',
  )
  expect(stripe.requests).toEqual([])
  await expect(run([...invoke, '--timeout', '500'])).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('from 1 to 100') as unknown,
  })
})
