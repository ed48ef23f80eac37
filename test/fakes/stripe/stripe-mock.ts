import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../../../service/platform/postgres/free-port.ts'
import { goProgram } from '../../support/go-program.ts'

/** The version of the document in `test/connectors/stripe/openapi`. */
const version = 'v0.203.0'

export interface StripeMock extends AsyncDisposable {
  readonly url: string
}

/**
 * Stripe's own stripe-mock on loopback: it checks requests against Stripe's document. Built with Go at its
 * first use, for a minute.
 */
export async function startStripeMock(): Promise<StripeMock> {
  const executable = await goProgram('github.com/stripe/stripe-mock', version)
  const address = `127.0.0.1:${String(await freePort())}`
  const child = spawn(executable, ['-http-addr', address], { stdio: 'ignore' })
  const url = `http://${address}`
  while (!(await isReady(url)))
    if (child.exitCode !== null) throw new Error('stripe-mock ended at its start')
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function isReady(url: string): Promise<boolean> {
  const headers = { Authorization: 'Bearer sk_test_ready' }
  const response = await fetch(`${url}/v1/customers`, { headers }).catch(() => undefined)
  await response?.body?.cancel()
  return response?.ok === true
}
