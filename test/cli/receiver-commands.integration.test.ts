import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { standardWebhooks } from '../../connectors/webhook-signature.ts'
import { readReceiverSecrets } from '../../service/webhooks/receivers/receiver-secrets.ts'
import { serviceCommands } from './service-commands.ts'

const commands = serviceCommands()
const { run, json } = commands
beforeEach(async () => {
  await commands.api.service.instances.create({ name: 'my-stripe', type: 'stripe', config: {} })
})

const pageLine = 'receivers create my-stripe --webhook events --dispatch job:process-stripe-event'
const address = String.raw`/connect/v1/ingress/rcvt_[\w-]{43}`

async function secretsOf(name: string): Promise<unknown> {
  const { id } = await commands.api.store.receivers.get(name)
  return readReceiverSecrets(commands.api.vault, id)
}

describe('receivers', () => {
  test('the line of the product’s page prints the address', async () => {
    const { code, out, err } = await run(pageLine)
    expect(code, err).toBe(0)
    expect(out).toMatch(new RegExp(`^ingress_url: ${address}\\n$`))
    expect(err).toContain('created my-stripe-events: events go to job:process-stripe-event')
    expect(err).toContain('next: reactor connect receivers secret my-stripe-events')
    expect(await json(pageLine)).toMatchObject({
      name: 'my-stripe-events-2',
      ingress_url: expect.stringMatching(new RegExp(`^${address}$`)) as unknown,
    })
  })

  test('are listed, shown, changed, paused and deleted', async () => {
    expect((await run('receivers list')).out).toBe(
      'no receivers yet, or none that you may see\nnext: reactor connect receivers create INSTANCE --webhook events --dispatch job:NAME\n',
    )
    await run(`${pageLine} --dispatch topic:events --order-by /data/object/id --name in`)
    const list = (await run('receivers list --instance my-stripe')).out.split('\n')
    expect(list[0]).toMatch(/^NAME +INSTANCE +WEBHOOK +TARGETS +STATUS +SECRET +UPDATED$/)
    expect(list[1]).toMatch(
      /^in +my-stripe +events +job:process-stripe-event, topic:events +active, warnings +missing +\d{4}-/,
    )
    const first = (await run('receivers get in')).out
    expect(first).toMatch(/^target +topic:events, in order of \/data\/object\/id$/m)
    expect(first).toMatch(/^secret +missing: nothing is accepted$/m)
    const changed = await json('receivers update in --dispatch job:other --if-version 2')
    expect(changed).toMatchObject({ dispatch: [{ target: 'job:other' }], version: 3 })
    const stale = await run('receivers update in --dispatch job:other --if-version 2')
    expect(stale.err).toContain('[version_conflict]')
    expect(await run('receivers update in')).toMatchObject({ code: 2 })
    expect(await run('receivers update in --order-by /a')).toMatchObject({ code: 2 })
    expect((await run('receivers pause in')).out).toBe('in is paused\n')
    expect((await run('receivers resume in')).out).toBe('in is active\n')
    expect((await run('receivers delete in --yes')).out).toBe('deleted in and its deliveries\n')
    expect((await run('receivers get in')).err).toContain('[receiver_not_found]')
  })

  test('take their secret from standard input or a file without a word, from the command line with a warning', async () => {
    const secret = 'whsec_kit-secret'
    const piped = await run(`${pageLine} --signing-secret-stdin`, { stdin: `${secret}\n` })
    expect(piped.err).not.toContain('next:')
    expect(await secretsOf('my-stripe-events')).toMatchObject({ signing: secret })
    const file = join(commands.folder, 'secret.json')
    await writeFile(file, JSON.stringify({ signing_secret: `${secret}-2` }))
    const set = await run(`receivers secret my-stripe-events --input ${file} --grace 1h`)
    expect(set).toMatchObject({ code: 0, out: '' })
    expect(set.err).toMatch(
      /^the secret of my-stripe-events is set; the one before is valid until \d{4}-.*Z\nwarning: Events for job:process-stripe-event wait: .*\n$/,
    )
    const visible = `{"signing_secret":"${secret}-3"}`
    const given = await run(`receivers secret my-stripe-events --input ${visible} --grace 0`)
    expect(given.err).toContain('warning: secrets on a command line')
    expect(await secretsOf('my-stripe-events')).toMatchObject({ signing: `${secret}-3` })
    for (const line of [
      'receivers secret my-stripe-events',
      'receivers secret my-stripe-events --generate --signing-secret-stdin',
      `receivers secret my-stripe-events --input {"secret":"${secret}"}`,
    ]) {
      const { code, err } = await run(line, { stdin: secret })
      expect({ line, code }).toEqual({ line, code: 2 })
      expect(err).not.toContain(secret)
    }
    await expect(run('receivers secret my-stripe-events --grace tomorrow')).rejects.toThrow(
      'It must be 0, or a number and s, m, h or d',
    )
    const generated = await run('receivers secret my-stripe-events --generate')
    expect(generated.err).toContain('Stripe makes the secret')
  })

  test('are tested with an event that is signed as the vendor signs', async () => {
    await run(`${pageLine} --signing-secret-stdin`, { stdin: 'whsec_kit-secret\n' })
    const input = '{"id":"evt_1","type":"charge.paid"}'
    const line = `receivers test my-stripe-events --input ${input}`
    expect((await run(line)).out).toMatch(
      /^my-stripe-events has verified and stored the event reactor\.connect\.test:evt_1: delivery dlv_\w+\n$/,
    )
    expect((await run(line)).out).toContain('evt_1: it was stored before: nothing was added')
    expect(await json('receivers test my-stripe-events')).toMatchObject({
      receiver: 'my-stripe-events',
      event_id: expect.stringMatching(/^reactor\.connect\.test:test_/) as unknown,
      kind: 'test',
      is_repeated: false,
    })
    expect((await run('receivers test other')).err).toContain('[receiver_not_found]')
    expect(await run('receivers test my-stripe-events --input []')).toMatchObject({ code: 2 })
  })

  test('without an instance follow rules of their own, with a secret that is shown once', async () => {
    const { idHeader, ...rest } = standardWebhooks
    const file = join(commands.folder, 'rules.json')
    const rules = {
      signature: { ...rest, id_header: idHeader },
      event_id: '/id',
      event_type: null,
      replay_window_seconds: 60,
    }
    await writeFile(file, JSON.stringify(rules))
    const line = `receivers create --name own --rules ${file} --dispatch url:https://example.com/h`
    const { out, err } = await run(line)
    expect(err).toContain('shown only once:')
    expect(out).toMatch(
      new RegExp(
        `^ingress_url: ${address}\\nsigning_secret: whsec_\\S+\\ndispatch_secret: whsec_\\S+\\n$`,
      ),
    )
    expect(await json('receivers get own')).toMatchObject({ rules })
    const made = await run('receivers secret own --generate')
    expect(made.out).toMatch(/^signing_secret: whsec_\S+\n$/)
    const address2 = await run('receivers rotate-token own --grace 0')
    expect(address2.out).toMatch(new RegExp(`^ingress_url: ${address}\\n$`))
    expect(address2.err).toContain('the address before works no longer')
    const dispatch = await run('receivers rotate-dispatch-secret own --grace 7d --json')
    const shown = z.object({ dispatch_secret: z.string() }).parse(JSON.parse(dispatch.out))
    expect(dispatch.err).toBe('')
    expect(await secretsOf('own')).toMatchObject({ dispatch: shown.dispatch_secret })
    const bad = await run(`receivers create --name b --rules {} --dispatch job:a`)
    expect(bad).toMatchObject({ code: 2 })
    expect(bad.err).toContain('docs/webhooks.md')
  })
})
