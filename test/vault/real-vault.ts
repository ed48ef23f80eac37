import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { freePort } from '../../service/platform/postgres/free-port.ts'

/** The version in the go.mod beside this file. */
const version = '1.21.4'
const cache = join(import.meta.dirname, `../../node_modules/.cache/vault-${version}`)
const announced = z.object({ root_token: z.string(), unseal_key: z.string() })

export interface TokenRequest {
  /** In HCL. Absent: all is allowed. */
  readonly policy?: string
  /** `2s`. Absent: for ever. */
  readonly ttl?: string
  readonly renewable?: boolean
}

/**
 * A real HashiCorp Vault on loopback, with the key-value engine mounted at `secret` (version 2) and `old`
 * (version 1).
 */
export interface RealVault extends AsyncDisposable {
  readonly url: string
  readonly rootToken: string
  newToken(request: TokenRequest): Promise<string>
  seal(): Promise<void>
  unseal(): Promise<void>
  /**
   * Acts as an operator with the root token: `DELETE`, `secret/data/x`. Throws if the response is not a
   * success.
   */
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>
}

/**
 * Starts Vault's own code (main.go), in memory. It is built with Go at its first use, for about 8 minutes,
 * and kept outside of git; `VAULT_BINARY` names one that was built elsewhere. Vault's licence (BUSL-1.1)
 * allows tests: never ship the binary.
 */
export async function startRealVault(): Promise<RealVault> {
  const executable = process.env.VAULT_BINARY ?? (await builtVault())
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(executable, [address], { stdio: ['ignore', 'pipe', 'inherit'] })
  const { value: line } = await createInterface(child.stdout)[Symbol.asyncIterator]().next()
  const { root_token: rootToken, unseal_key: key } = announced.parse(JSON.parse(String(line)))
  const url = `http://${address}`
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': rootToken },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  await ask('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await ask('POST', 'sys/mounts/old', { type: 'kv', options: { version: '1' } })
  await untilMounted(ask)
  let policies = 0
  return {
    url,
    rootToken,
    ask,
    newToken: async ({ policy, ttl, renewable = false }) => {
      policies += 1
      const name = `test-${policies}`
      if (policy !== undefined) await ask('POST', `sys/policies/acl/${name}`, { policy })
      const made = await ask('POST', 'auth/token/create', {
        policies: [policy === undefined ? 'root' : name],
        renewable,
        ...(ttl !== undefined && { ttl }),
      })
      return z.object({ auth: z.object({ client_token: z.string() }) }).parse(made).auth
        .client_token
    },
    seal: async () => {
      await ask('POST', 'sys/seal')
    },
    unseal: async () => {
      await ask('POST', 'sys/unseal', { key })
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** A new engine responds with 400 while it prepares itself. */
async function untilMounted(ask: RealVault['ask']): Promise<void> {
  const giveUpAt = performance.now() + 10_000
  for (;;) {
    try {
      await ask('POST', 'secret/data/ready', { data: {} })
      return
    } catch (error) {
      if (performance.now() > giveUpAt) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function builtVault(): Promise<string> {
  const executable = join(cache, 'vaultmini')
  if (existsSync(executable)) return executable
  const building = join(cache, `building-${process.pid}`)
  await mkdir(building, { recursive: true })
  for (const file of ['main.go', 'go.mod'])
    await copyFile(join(import.meta.dirname, file), join(building, file))
  try {
    await promisify(execFile)('go', ['build', '-ldflags', '-s -w', '-o', 'vaultmini', '.'], {
      cwd: building,
      env: { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false' },
    })
  } catch (error) {
    throw new Error(
      'Vault could not be built (`go build` in test/vault). The tests with a real Vault need Go 1.25.3 or newer: https://go.dev/dl.',
      { cause: error },
    )
  }
  await rename(join(building, 'vaultmini'), executable)
  return executable
}
