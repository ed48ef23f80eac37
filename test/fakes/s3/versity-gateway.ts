import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { StorageConfig } from '../../../engine/log/stored/storage-config.ts'
import { freePort } from '../../../service/platform/postgres/free-port.ts'
import { newFolder } from '../../support/new-folder.ts'

const version = 'v1.8.0'
const cache = join(import.meta.dirname, `../../../node_modules/.cache/versitygw-${version}`)

export interface VersityGateway extends AsyncDisposable {
  readonly config: StorageConfig
}

/** A real S3 server (Versity Gateway) on loopback, over a folder. Built with Go at its first use, for two minutes. */
export async function startVersityGateway(): Promise<VersityGateway> {
  const executable = await builtGateway()
  const folder = await newFolder('versity')
  const address = `127.0.0.1:${String(await freePort())}`
  const config = {
    url: `http://${address}`,
    bucket: 'reactor-connect',
    region: 'us-east-1',
    accessKeyId: 'tests',
    secretAccessKey: 'a secret access key of the tests',
  }
  const child = spawn(executable, ['--port', address, 'posix', folder], {
    stdio: 'ignore',
    env: {
      ...process.env,
      ROOT_ACCESS_KEY: config.accessKeyId,
      ROOT_SECRET_KEY: config.secretAccessKey,
    },
  })
  while (!(await isReady(config.url)))
    if (child.exitCode !== null) throw new Error('the gateway ended at its start')
  return {
    config,
    [Symbol.asyncDispose]: async () => {
      child.kill()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => undefined)
  await response?.body?.cancel()
  return response !== undefined
}

async function builtGateway(): Promise<string> {
  const executable = join(cache, 'versitygw')
  if (existsSync(executable)) return executable
  await mkdir(cache, { recursive: true })
  const source = `github.com/versity/versitygw/cmd/versitygw@${version}`
  await promisify(execFile)('go', ['install', source], {
    env: { ...process.env, GOBIN: cache, GOTOOLCHAIN: 'local' },
  })
  return executable
}
