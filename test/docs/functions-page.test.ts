import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FunctionClient } from '../../engine/read/transform/function-client.ts'
import { stringifyExact, parseExact, type RecordData } from '../../protocol/index.ts'
import { functionsServer, functionsKey } from '../fakes/functions-service.ts'
import { newFolder } from '../support/new-folder.ts'
import { neverAborted } from '../support/signal.ts'

const page = readFileSync('docs/functions.md', 'utf8')

/** The only block of the page that begins so. */
function block(language: string): string {
  const [found, ...others] = page.split(`\`\`\`${language}\n`).slice(1)
  if (found === undefined || others.length > 0) throw new Error(`no single block of ${language}`)
  return found.slice(0, found.indexOf('\n```'))
}

const compact = (json: string): string => stringifyExact(parseExact(json))
const request = block('json request')
const response = block('json response')

interface Exchange {
  readonly stream: { readonly name: string; readonly namespace: string }
  readonly records: readonly RecordData[]
  readonly results: readonly unknown[]
}
const { stream, records } = parseExact(request) as unknown as Exchange
const { results } = parseExact(response) as unknown as Exchange

test('the request and the response of docs/functions.md are those of the program', async () => {
  await using server = await functionsServer(() => ({ body: response }))
  const got = await clientOf(server.url).transform(records.map(stringifyExact), neverAborted())
  expect(server.calls.map(({ text }) => text)).toEqual([compact(request)])
  expect(got).toEqual(results)
})

test('the example of docs/functions.md responds as the page says', async () => {
  const file = join(await newFolder('functions'), 'clean-customers.mjs')
  await writeFile(file, block('js'))
  const program = spawn(process.execPath, [file], {
    env: { FUNCTIONS_KEY: functionsKey, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(program.stdout, 'data')) as [Buffer]
    const url = `http://127.0.0.1:${/\d+/.exec(line.toString())?.[0] ?? ''}`
    const headers = { authorization: `Bearer ${functionsKey}` }
    const address = `${url}/v1/functions/clean-customers`
    const answer = await fetch(address, { method: 'POST', headers, body: compact(request) })
    expect(await answer.text()).toBe(compact(response))
    const got = await clientOf(url).transform(records.map(stringifyExact), neverAborted())
    expect(got).toEqual(results)
    expect((await fetch(address, { method: 'POST' })).status).toBe(401)
  } finally {
    program.kill()
  }
})

function clientOf(url: string): FunctionClient {
  return new FunctionClient({
    service: { url, apiKey: functionsKey },
    name: 'clean-customers',
    stream,
    stop: neverAborted(),
    now: Date.now,
    onPause: () => undefined,
  })
}
