import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { StandardSignature } from '../../service/webhooks/dispatch/targets/standard-signature.ts'
import { UrlTarget } from '../../service/webhooks/dispatch/targets/url-target.ts'
import {
  claimedEvent,
  dispatchSecret,
  previousSecret,
} from '../service/webhooks/dispatch/claimed.ts'
import { newFolder } from '../support/new-folder.ts'
import { neverAborted } from '../support/signal.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/webhooks.md'), 'utf8')

function target(secret: string): UrlTarget {
  const stored = { secrets: { dispatch: secret }, version: 1 }
  const signature = new StandardSignature({
    vault: { get: () => Promise.resolve(stored) },
    now: Date.now,
  })
  return new UrlTarget({
    signature,
    wholeTarget: (_receiver, target) => Promise.resolve(target),
    allowedNetworks: ['127.0.0.1/32'],
    now: Date.now,
  })
}

test('the handler of the page takes what is signed with its secret, once, and nothing else', async () => {
  const program = /```js\n(.*?)```/s.exec(page)?.[1] ?? ''
  const file = join(await newFolder('handler'), 'handler.mjs')
  await writeFile(file, program)
  const port = await freePort()
  const url = `http://127.0.0.1:${String(port)}/`
  const environment = { WEBHOOK_SECRET: dispatchSecret, PORT: String(port) }
  const handler = spawn(process.execPath, [file], { env: { ...process.env, ...environment } })
  let printed = ''
  handler.stdout.on('data', (text: Buffer) => (printed += text.toString('utf8')))
  try {
    const claimed = claimedEvent(`url:${url}`, { body: Buffer.from('{"a": 1.0}') })
    const send = async (secret: string) => {
      await using sender = target(secret)
      return await sender.dispatch({ target: { kind: 'url', url }, claimed }, neverAborted())
    }
    await vi.waitFor(async () => {
      expect(await send(dispatchSecret)).toEqual({ outcome: 'done' })
    }, 10_000)
    expect(await send(dispatchSecret)).toEqual({ outcome: 'done' })
    expect(await send(previousSecret)).toMatchObject({
      reason: expect.stringContaining('401') as string,
    })
    await vi.waitFor(() => {
      expect(printed).toMatch(/^dlv_01J_[0-9a-f]{8} \{"a": 1\.0\}\n$/)
    }, 10_000)
  } finally {
    const ended = once(handler, 'exit')
    handler.kill()
    await ended
  }
})
