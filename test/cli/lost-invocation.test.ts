import { describe, expect, test } from 'vitest'
import { scriptedService, type ScriptedAnswer } from '../service/codegen/scripted-service.ts'
import { reactor } from './service-command-line.ts'

const line = ['connect', 'actions', 'invoke', 'my-slack', 'postMessage', '--input', '{"text":"a"}']

const cut: ScriptedAnswer = { status: 'cut' }

/** What the command says when the connection to the service is cut after it was sent, or something else responds. */
async function lostBy(flags: readonly string[], answer: ScriptedAnswer = cut): Promise<string> {
  await using service = await scriptedService([answer])
  const environment = { HOME: '/nowhere', REACTOR_CONNECT_URL: service.url }
  const { code, err } = await reactor([...line, ...flags], { environment })
  expect(code).toBe(1)
  expect(service.seen).toHaveLength(1)
  return err
}

/** What the command says when it is interrupted while the service works on the call. */
async function interrupted(...flags: readonly string[]): Promise<string> {
  await using service = await scriptedService([{ status: 'silent' }])
  const stop = new AbortController()
  const environment = { HOME: '/nowhere', REACTOR_CONNECT_URL: service.url }
  const ending = reactor([...line, ...flags], { environment, signal: stop.signal })
  await expect.poll(() => service.seen).toHaveLength(1)
  stop.abort()
  const { code, out, err } = await ending
  expect({ code, out }).toEqual({ code: 130, out: '' })
  return err
}

describe('an action that is interrupted', () => {
  test('may have been carried out: the audit log has how it ended', async () => {
    const told = await interrupted('--yes')
    expect(told).toContain('not known whether the vendor of my-slack carries out postMessage')
    expect(told).toContain('reactor connect audit --action actions:invoke --name my-slack')
    expect(told).toContain('only if it was not carried out')
  })

  test('is asked for again under its key', async () => {
    const told = await interrupted('--yes', '--idempotency-key', 'k1')
    expect(told).toContain('not known whether the vendor of my-slack carries out postMessage')
    expect(told).toContain('repeat the command with --idempotency-key k1')
  })

  test('did nothing if it was a dry-run', async () => {
    expect(await interrupted('--dry-run')).toBe('')
  })
})

describe('an action whose response is lost on the way from the service', () => {
  test('may have been carried out', async () => {
    const told = await lostBy(['--yes'])
    expect(told).toContain(
      'It is not known whether the vendor of my-slack carried out postMessage: The service at',
    )
    expect(told).toContain('[action_outcome_unknown]')
    expect(told).toContain('Look at the vendor of my-slack whether it was done.')
    expect(told).not.toContain('reactor connect serve')
  })

  test('is invoked again under its key', async () => {
    const told = await lostBy(['--yes', '--idempotency-key', 'k1'])
    expect(told).toContain('[service_unreachable]')
    expect(told).toContain('Repeat the command with the same --idempotency-key')
  })

  test('did nothing if it was a dry-run', async () => {
    const told = await lostBy(['--dry-run'])
    expect(told).toContain('[service_unreachable]')
    expect(told).toContain('reactor connect serve')
  })

  test('may have been carried out if a proxy before the service responds', async () => {
    const page = { status: 502, body: '<h1>Bad gateway</h1>' } as const
    const told = await lostBy(['--yes'], page)
    expect(told).toContain('[action_outcome_unknown]')
    expect(told).toContain('a proxy before it responded with status 502')
    const keyed = await lostBy(['--yes', '--idempotency-key', 'k1'], page)
    expect(keyed).toContain('a proxy before it responded with status 502, and the request may have')
    expect(keyed).toContain('Repeat the command with the same --idempotency-key')
  })
})
