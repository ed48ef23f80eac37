import { describe, expect, test } from 'vitest'
import {
  scriptedService,
  type ScriptedAnswer,
  type SeenRequest,
} from '../service/codegen/scripted-service.ts'
import { reactor } from './service-command-line.ts'

const line = ['connect', 'actions', 'invoke', 'my-slack', 'postMessage', '--input', '{"text":"a"}']

const cut: ScriptedAnswer = { status: 'cut' }

/**
 * Returns the output of the command if the connection to the service is cut after the request was sent, or if
 * something else responds.
 */
async function lostBy(flags: readonly string[], answer: ScriptedAnswer = cut): Promise<string> {
  await using service = await scriptedService([answer])
  const environment = { HOME: '/nowhere', REACTOR_CONNECT_URL: service.url }
  const { code, err } = await reactor([...line, ...flags], { environment })
  expect(code).toBe(1)
  expect(service.seen).toHaveLength(1)
  return err
}

/** Returns the output of the command if it is interrupted while the service works on the call. */
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

const madeKey = /[Rr]epeat the command with --idempotency-key [0-9a-f]{8}-[0-9a-f-]{27}/

function keyOf(request: SeenRequest | undefined): string {
  return String(request?.headers['idempotency-key'] ?? '')
}

describe('an action that is interrupted', () => {
  test('is asked for again under the key that the command made', async () => {
    const output = await interrupted('--yes')
    expect(output).toContain('not known whether the vendor of my-slack carries out postMessage')
    expect(output).toMatch(madeKey)
  })

  test('is asked for again under its key', async () => {
    const output = await interrupted('--yes', '--idempotency-key', 'k1')
    expect(output).toContain('not known whether the vendor of my-slack carries out postMessage')
    expect(output).toContain('repeat the command with --idempotency-key k1')
  })

  test('did nothing if it was a dry-run', async () => {
    expect(await interrupted('--dry-run')).toBe('')
  })
})

describe('an action whose response is lost on the way from the service', () => {
  test('is invoked again under the key that the command made and sent', async () => {
    await using service = await scriptedService([cut, cut])
    const environment = { HOME: '/nowhere', REACTOR_CONNECT_URL: service.url }
    const { code, err } = await reactor([...line, '--yes'], { environment })
    expect(code).toBe(1)
    expect(err).toContain('[service_unreachable]')
    expect(err).toMatch(madeKey)
    expect(err).toContain(`--idempotency-key ${keyOf(service.seen[0])} `)
    await reactor([...line, '--yes'], { environment })
    expect(keyOf(service.seen[1])).not.toBe(keyOf(service.seen[0]))
  })

  test('is invoked again under its key', async () => {
    const output = await lostBy(['--yes', '--idempotency-key', 'k1'])
    expect(output).toContain('[service_unreachable]')
    expect(output).toContain('Repeat the command with --idempotency-key k1')
  })

  test('did nothing if it was a dry-run, which has no key', async () => {
    await using service = await scriptedService([cut])
    const environment = { HOME: '/nowhere', REACTOR_CONNECT_URL: service.url }
    const { err } = await reactor([...line, '--dry-run'], { environment })
    expect(err).toContain('[service_unreachable]')
    expect(err).toContain('reactor connect serve')
    expect(keyOf(service.seen[0])).toBe('')
  })

  test('may have been carried out if a proxy before the service responds', async () => {
    const page = { status: 502, body: '<h1>Bad gateway</h1>' } as const
    const output = await lostBy(['--yes'], page)
    expect(output).toContain(
      'a proxy before it responded with status 502, and the request may have',
    )
    expect(output).toMatch(madeKey)
  })

  test('of the vendor is asked for again under the same key', async () => {
    const error = {
      code: 'action_unavailable',
      message: 'x',
      suggested_fix: 'x',
      details: { vendor: 'Slack', action: 'postMessage', instance: 'my-slack', reason: 'cut' },
    }
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ error })
    const output = await lostBy(['--yes'], { status: 502, headers, body })
    expect(output).toContain('[action_unavailable]')
    expect(output).toMatch(madeKey)
  })
})
