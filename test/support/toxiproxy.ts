import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { z } from 'zod'
import { goProgram } from './go-program.ts'

/** The one version that the tests were written for. */
const version = 'v2.5.0'
const startTimeoutMs = 10_000

/** A fault of a connection: https://github.com/Shopify/toxiproxy#toxics */
export interface Toxic {
  readonly type: 'latency' | 'bandwidth' | 'timeout' | 'reset_peer' | 'slow_close' | 'limit_data'
  readonly attributes: Readonly<Record<string, number>>
}

/**
 * Listens on a port of its own and passes everything on. Faults hold for open and new connections, in both
 * directions.
 */
export interface FaultyProxy {
  readonly port: number
  add(toxic: Toxic): Promise<void>
  /** Removes all faults: connections that are open (or connect again) go on. */
  heal(): Promise<void>
  /** Closes all connections and refuses new ones, until `heal`. */
  refuse(): Promise<void>
}

export interface Toxiproxy extends AsyncDisposable {
  proxyTo(upstreamPort: number): Promise<FaultyProxy>
}

/** Toxiproxy, built with Go at its first use, and stored outside of git. It ends with the test. */
export async function startToxiproxy(): Promise<Toxiproxy> {
  const executable = await goProgram('github.com/Shopify/toxiproxy/v2/cmd/server', version)
  const port = await freePort()
  const child = spawn(executable, ['-host', '127.0.0.1', '-port', String(port)], {
    stdio: 'ignore',
  })
  await once(child, 'spawn')
  const url = `http://127.0.0.1:${port}`
  await untilItAnswers(url)
  let proxies = 0
  return {
    proxyTo: async (upstreamPort) => {
      proxies += 1
      return createProxy(url, { name: `proxy${proxies}`, upstream: `127.0.0.1:${upstreamPort}` })
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function untilItAnswers(url: string): Promise<void> {
  const deadline = Date.now() + startTimeoutMs
  for (;;) {
    try {
      await fetch(`${url}/version`)
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

const proxyAnswer = z.object({
  listen: z.string(),
  toxics: z.array(z.object({ name: z.string() })),
})

async function createProxy(
  url: string,
  { name, upstream }: { readonly name: string; readonly upstream: string },
): Promise<FaultyProxy> {
  const made = await ask(`${url}/proxies`, 'POST', { name, upstream, listen: '127.0.0.1:0' })
  const proxy = `${url}/proxies/${name}`
  const { listen } = proxyAnswer.parse(made)
  let toxics = 0
  return {
    port: Number(listen.split(':').at(-1)),
    add: async ({ type, attributes }) => {
      for (const stream of ['upstream', 'downstream']) {
        toxics += 1
        await ask(`${proxy}/toxics`, 'POST', { name: `t${toxics}`, type, stream, attributes })
      }
    },
    heal: async () => {
      const now = proxyAnswer.parse(await ask(proxy, 'GET'))
      for (const toxic of now.toxics) await ask(`${proxy}/toxics/${toxic.name}`, 'DELETE')
      await ask(proxy, 'POST', { enabled: true, listen })
    },
    refuse: async () => {
      await ask(proxy, 'POST', { enabled: false })
    },
  }
}

async function ask(url: string, method: string, body?: object): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`toxiproxy: ${method} ${url}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}
