import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { StripeSimulator } from '../fakes/stripe/stripe-simulator.ts'
import { newFolder } from '../support/new-folder.ts'
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

test('an action is shown with the types of all fields, and the fields inside of them', async () => {
  const { out } = await run('actions show pay createSubscription')
  expect(out).toMatch(
    /\n {2}items +array of object +required +1 to 20 items\.\n {4}price +string +Id of the price/,
  )
  expect(out).toMatch(/\n {2}metadata +object of string /)
  expect(out).toMatch(
    /\n {2}cancel_at +integer or string +At least 0\. Or one of: min_period_end, /,
  )
  expect(out).not.toMatch(/\n {2}\w+\n/)
})

test('the catalog of the service shows an action as an instance does', async () => {
  const aboutPlace = /(?:next|try it): .*\n/g
  const [instance, connector] = [
    await run('actions show pay createCustomer'),
    await run('catalog show stripe createCustomer --remote'),
  ].map(({ out }) => out.replaceAll(aboutPlace, ''))
  expect(connector).toBe(instance)
  expect(connector).toMatch(/\noutput\n {2}id +string +required\n/)
  const [json, remote] = [
    await run('actions show pay createCustomer --json'),
    await run('catalog show stripe createCustomer --remote --json'),
  ].map(({ out }) => out)
  expect(remote).toBe(json)
})

test('a connector in the place of an instance is told apart, and leads to its actions', async () => {
  for (const [command, shown] of [
    ['list stripe', 'stripe'],
    ['show stripe createCustomer', 'stripe createCustomer'],
  ] as const) {
    const { err } = await run(`actions ${command}`)
    expect(err).toContain('There is no instance stripe: stripe is a connector')
    expect(err).toContain(`\`reactor connect catalog show ${shown}\``)
  }
  expect((await run('actions list nowhere')).err).toContain('[instance_not_found]')
})

test('what changes something is not done without an input, and an empty one has to be written', async () => {
  const without = await run('actions invoke pay createCustomer')
  expect(without).toMatchObject({ code: 2, out: '' })
  expect(without.err).toContain('createCustomer changes something (create)')
  expect(without.err).toContain("--input '{}'")
  expect(stripe.requests).toEqual([])
  const empty = await run(['actions', 'invoke', 'pay', 'createCustomer', '--input', '{}'])
  expect(JSON.parse(empty.out)).toMatchObject({ object: 'customer' })
  // A read may be invoked without input; the error then names the fields that it needs.
  expect((await run('actions invoke pay getCustomer')).err).toContain('`/id`')
})

test('what needs a confirmation asks for it in a terminal, and takes --yes elsewhere', async () => {
  const remove = async (): Promise<readonly string[]> => {
    const { id } = customer.parse(JSON.parse((await run(invoke)).out))
    return ['actions', 'invoke', 'pay', 'deleteCustomer', '--input', JSON.stringify({ id })]
  }
  const command = await remove()
  const refused = await run(command)
  expect(refused.code).toBe(2)
  expect(refused.err).toContain('deleteCustomer needs a confirmation')
  const declined = await run(command, { answers: ['n'] })
  expect(declined.code).toBe(1)
  expect(declined.err).toMatch(/deleteCustomer \(Delete a customer.*with the instance pay\?/)
  expect(declined.err).toContain('nothing was done\n')
  expect((await run([...command, '--dry-run'])).out).toMatch(/--token TOKEN --yes\n$/)
  expect(stripe.asked).toEqual(['POST customers'])
  const gone = { object: 'customer', deleted: true }
  expect(JSON.parse((await run([...command, '--yes'])).out)).toMatchObject(gone)
  const agreed = await run(await remove(), { answers: ['y'] })
  expect(JSON.parse(agreed.out)).toMatchObject(gone)
})

const customer = z.object({ id: z.string() })

test('a key that may only invoke gets on with --input and --yes', async () => {
  const scope = ['--scope', 'actions:invoke', '--json']
  const made = await run(['keys', 'create', 'caller', '--kind', 'operator', ...scope])
  const { key } = z.object({ key: z.string() }).parse(JSON.parse(made.out))
  const refused = await run([...invoke, '--key', key])
  expect(refused.err).toContain('Give both --input and --yes')
  const done = await run([...invoke, '--key', key, '--yes'])
  expect(JSON.parse(done.out)).toMatchObject({ object: 'customer' })
})

test('an agent is refused with what it can do on the command line', async () => {
  const made = await run(['keys', 'create', 'robot', '--kind', 'agent', '--json'])
  const { key } = z.object({ key: z.string() }).parse(JSON.parse(made.out))
  const plain = await run([...invoke, '--key', key, '--yes'])
  expect(plain.err).toContain('[permission_denied]')
  expect(plain.err).toMatch(/--dry-run.*then with --token/s)
  expect(plain.err).not.toContain('"dry_run"')
  const shown = await run([...invoke, '--key', key, '--dry-run=synthesized'])
  const token = /^token: (\S+) /m.exec(shown.out)?.[1] ?? ''
  const shared = ['--idempotency-key', 'ada-1', '--idempotency-scope', 'instance']
  expect((await run([...invoke, ...shared])).code).toBe(0)
  // The call of the other key.
  expect((await run([...invoke, ...shared, '--key', key, '--token', token])).code).toBe(0)
  expect(stripe.asked).toEqual(['POST customers'])
})

test('a misspelt action is shown the one that was meant', async () => {
  const { err } = await run(['actions', 'invoke', 'pay', 'createcustomer', '--input', input])
  expect(err).toContain('[action_not_found]')
  expect(err).toContain('Did you mean `createCustomer`?')
})

test('a refusal shows all problems, and the code and the request of the vendor', async () => {
  const wrong = '{"mail":"a","nam":"b","phone":5}'
  const { err } = await run(['actions', 'invoke', 'pay', 'createCustomer', '--input', wrong])
  for (const path of ['/mail', '/nam', '/phone']) expect(err).toContain(`\`${path}\`: `)
  const missing = '{"id":"cus_missing"}'
  const refused = await run(['actions', 'invoke', 'pay', 'getCustomer', '--input', missing])
  expect(refused.err).toMatch(/\n {2}at the vendor: code resource_missing, request req_\w+\n/)
})

test('a file that is not there is named, and a file may have an @ before it', async () => {
  const folder = await newFolder('input')
  const file = join(folder, 'customer.json')
  const from = (value: string) =>
    run(['actions', 'invoke', 'pay', 'createCustomer', '--input', value])
  for (const value of [file, `@${file}`]) {
    const { code, err } = await from(value)
    expect(code).toBe(2)
    expect(err).toContain(`There is no file ${file} for --input`)
    expect(err).toContain('the name of a JSON file')
  }
  await writeFile(file, input)
  for (const value of [file, `@${file}`])
    expect(JSON.parse((await from(value)).out)).toMatchObject({ email: 'ada@example.com' })
  expect((await from(folder)).err).toContain('it is a folder')
  // It may be a secret.
  const secret = await from('sk_live_5ecret')
  expect(secret.err).toContain('neither a JSON text nor the name of a file')
  expect(secret.err).not.toContain('5ecret')
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
  expect(misspelled.err).toContain('`/mail`: there is no such field; did you mean `email`?')
  expect(misspelled.err).toContain('`reactor connect actions show pay createCustomer`')
  expect(stripe.requests).toEqual([])
  await expect(run([...invoke, '--dry-run', 'nothing'])).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('native or synthesized') as unknown,
  })
  await expect(run([...invoke, '--timeout', '500'])).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('from 1 to 100') as unknown,
  })
})
