import { describe, expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { ConnectError } from '../../../protocol/index.ts'
import { ScriptedVendor, type VendorScript } from '../../fakes/scripted-vendor.ts'
import { actionSubjects } from '../action-subjects.ts'
import { NativeConnector, type SendTiming } from './native-connector.ts'

const limited: VendorScript = () => ({ status: 429, headers: { 'retry-after': '1' }, body: {} })
const failed: VendorScript = () => ({ status: 503, body: {} })
const silence: VendorScript = () => undefined

interface Stop {
  readonly error: ConnectError
  readonly requests: number
}

/**
 * The vendor responds as the scripts say, and the service stops in the wait after the last one; before the
 * first request if there is none.
 */
async function stopInWait(
  type: string,
  action: string,
  scripts: readonly VendorScript[],
): Promise<Stop> {
  const stopping = new AbortController()
  if (scripts.length === 0) stopping.abort()
  let waits = 0
  const timing = { stopWaiting: stopping.signal }
  return await stoppedCall({ type, action, scripts, timing }, (source) => {
    source.onWait = () => {
      waits += 1
      if (waits === scripts.length) stopping.abort()
    }
  })
}

interface StoppedCall {
  readonly type: string
  readonly action: string
  readonly scripts: readonly VendorScript[]
  readonly timing: SendTiming
}

async function stoppedCall(
  { type, action, scripts, timing }: StoppedCall,
  prepare: (source: NativeConnector) => void = () => undefined,
): Promise<Stop> {
  const subject = actionSubjects[type]
  const input = subject?.samples[action]
  if (subject === undefined || input === undefined) throw new TypeError(`${type} has no ${action}`)
  let requests = 0
  await using vendor = await ScriptedVendor.start((request, response) => {
    const script = scripts[requests] ?? silence
    requests += 1
    return script(request, response)
  })
  const config = subject.configOf(vendor.url, 'planted4711secret')
  const source = new NativeConnector(await connectorOf(type), config)
  prepare(source)
  const error = await source.refusal(action, input, { timeoutMs: 20_000, ...timing })
  return { error, requests }
}

const unrepeatable = [
  ['slack', 'postMessage'],
  ['github', 'createIssue'],
  ['github', 'mergePullRequest'],
] as const

describe('the service stops', () => {
  test('the time to try again counts from the response of the vendor, not from the stop', async () => {
    const long: VendorScript = () => ({ status: 429, headers: { 'retry-after': '8' }, body: {} })
    for (const [type, action] of unrepeatable) {
      // In the clock of the test the wait has passed when the service stops: there is nothing left to wait
      // for.
      const { error } = await stopInWait(type, action, [long])
      expect(error.code).toBe('action_rate_limited')
      expect(error.details).not.toHaveProperty('retry_at')
    }
  })

  test.each([...unrepeatable, ['stripe', 'createCustomer'], ['linear', 'createIssue']] as const)(
    'while %s waits after a limit: it is known that %s was not carried out',
    async (type, action) => {
      for (const scripts of [[limited], [limited, limited]]) {
        const { error, requests } = await stopInWait(type, action, scripts)
        expect(error.code, error.message).toBe('action_rate_limited')
        expect(error.retryable).toBe(true)
        expect(error.message).toContain('was not carried out')
        expect(requests).toBe(scripts.length)
      }
    },
  )

  test.each(unrepeatable)(
    'before %s is sent anything: %s is known not to be sent',
    async (type, action) => {
      const { error, requests } = await stopInWait(type, action, [])
      expect(error).toMatchObject({
        code: 'action_unavailable',
        retryable: true,
        details: { nothing_sent: true, reason: expect.stringContaining('stopped') as unknown },
      })
      expect(requests).toBe(0)
    },
  )

  test('in the wait after a limit that follows a failure: it may have been carried out', async () => {
    const { error } = await stopInWait('stripe', 'createCustomer', [failed, limited])
    expect(error.code, error.message).toBe('action_unavailable')
    expect(error.details).not.toHaveProperty('nothing_sent')
  })

  test.each(unrepeatable)(
    'while %s has the try after a limit: nobody knows whether %s was carried out',
    async (type, action) => {
      const stopping = new AbortController()
      const stop: VendorScript = () => {
        stopping.abort()
        return undefined
      }
      const { error, requests } = await stoppedCall({
        type,
        action,
        scripts: [limited, stop],
        timing: { signal: stopping.signal },
      })
      expect(error.code, error.message).toBe('action_outcome_unknown')
      expect(requests).toBe(2)
    },
  )

  test.each(unrepeatable)(
    'while %s is at the vendor: %s goes on, and the next try is not made',
    async (type, action) => {
      const stopping = new AbortController()
      const stop: VendorScript = () => {
        stopping.abort()
        return { status: 429, headers: { 'retry-after': '1' }, body: {} }
      }
      const { error, requests } = await stoppedCall({
        type,
        action,
        scripts: [limited, stop],
        timing: { stopWaiting: stopping.signal },
      })
      expect(error.code, error.message).toBe('action_rate_limited')
      expect(requests).toBe(2)
    },
  )
})
