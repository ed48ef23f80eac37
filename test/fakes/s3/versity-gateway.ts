import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { StorageConfig } from '../../../storage/storage-config.ts'
import { freePort } from '../../../service/platform/postgres/free-port.ts'
import { goProgram } from '../../support/go-program.ts'
import { newFolder } from '../../support/new-folder.ts'

const version = 'v1.8.0'

export interface VersityGateway extends AsyncDisposable {
  readonly config: StorageConfig
}

/**
 * A real S3 server (Versity Gateway) on loopback, over a folder. Built with Go at its first use, for two
 * minutes.
 */
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

export function builtGateway(): Promise<string> {
  return goProgram('github.com/versity/versitygw/cmd/versitygw', version)
}
