import { describe, expect, test } from 'vitest'
import { jsonDecoder } from '../../../../manifest-interpreter/components/decoders/json-decoder.ts'
import { buildJsonLinesDecoder } from '../../../../manifest-interpreter/components/decoders/build-decoder.ts'
import { unreadableReport } from '../../../../manifest-interpreter/components/decoders/unreadable-response.ts'
import { xmlDecoder } from '../../../../manifest-interpreter/components/decoders/xml-decoder.ts'
import type { SideMessage } from '../../../../manifest-interpreter/contracts.ts'
import { HttpResponse } from '../../../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../../../manifest-interpreter/http/response-headers.ts'
import { answeredBuilder } from '../answered-builder.ts'
import { all, response } from '../body.ts'

function reporting() {
  const messages: SideMessage[] = []
  const environment = { emit: (message: SideMessage) => void messages.push(message) }
  return { messages, report: unreadableReport({ environment }, 'orders') }
}

function notModified(headers: Map<string, string>): HttpResponse {
  const answer = new HttpResponse({
    status: 304,
    headers: new ResponseHeaders([]),
    url: 'https://api.test/items',
    body: Buffer.from(''),
  })
  answer.request = { method: 'GET', url: answer.url, headers, body: null }
  return answer
}

const found = (messages: readonly SideMessage[]) =>
  messages.map((message) => (message.kind === 'unreadable' ? message.found : message.kind))

describe('a body that JsonDecoder cannot read is reported', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['HTML', '\n<!DOCTYPE html><p>key=hush', 'no JSON (text/html, begins with <!DOCTYPE html)'],
    [
      'a cut body',
      '{"orders":[{"id":17',
      'no JSON (text/html, begins like JSON, and is cut or broken)',
    ],
    ['an empty body', '', 'no JSON (text/html, empty)'],
    ['blanks', ' \n', 'no JSON (text/html, empty)'],
    ['plain text', 'no such order: 4711', 'no JSON (text/html, begins as plain text)'],
    [
      'broken UTF-8',
      Buffer.from('{"a":"\xe9"}', 'latin1'),
      'no JSON (text/html, begins like JSON, and is not in UTF-8)',
    ],
  ])('%s', async (_name, body, text) => {
    const { messages, report } = reporting()
    const decoder = jsonDecoder(report)
    const answer = response(body, [['Content-Type', 'text/html']])
    await all(decoder.decodeAt(answer, ['orders'], (bodies) => bodies))
    expect(found(messages)).toEqual([text])
    expect(messages[0]).toMatchObject({ stream: 'orders', request: 'GET https://api.test/items' })
  })

  test('but not an answer that has no body, is ignored, or is an error', async () => {
    const { messages, report } = reporting()
    const answers = [204, 404].map(
      (status) =>
        new HttpResponse({
          status,
          headers: new ResponseHeaders([]),
          url: 'https://api.test/items',
          body: Buffer.from(status === 404 ? 'no' : ''),
        }),
    )
    const ignored = response('<html>')
    ignored.isIgnored = true
    const unchanged = notModified(new Map([['If-None-Match', '"1"']]))
    for (const answer of [...answers, ignored, unchanged, response('{}')])
      expect(await all(jsonDecoder(report).decode(answer))).toEqual([{}])
    expect(messages).toEqual([])
  })
})

test('an answer of 304 is reported if the request did not ask for what is new', async () => {
  const { messages, report } = reporting()
  expect(await all(jsonDecoder(report).decode(notModified(new Map())))).toEqual([{}])
  expect(found(messages)).toEqual(['no JSON (no content type, empty)'])
})

test('an answer that cannot be read fails where it is to fail', async () => {
  const messages: SideMessage[] = []
  const emit = (message: SideMessage) => void messages.push(message)
  const report = unreadableReport({ environment: { emit, unreadableAnswers: 'fail' } }, 'orders')
  const decoder = jsonDecoder(report)
  await expect(all(decoder.decode(response('<html>')))).rejects.toMatchObject({
    message:
      'The response to GET https://api.test/items was no JSON (no content type, begins with <html).',
    failureType: 'transient_error',
    isUnreadableAnswer: true,
  })
  expect(messages.length).toBe(1)
})

test('a body that is no well-formed XML is reported', async () => {
  const { messages, report } = reporting()
  expect(await all(xmlDecoder(report).decode(response('<orders><id>17')))).toEqual([{}])
  expect(found(messages)).toEqual(['no XML (no content type, begins with <orders)'])
})

test('a body of which no line is JSON is reported, one with a broken line is not', async () => {
  const { builder, emitted } = answeredBuilder()
  const definition = { type: 'JsonlDecoder' }
  const decoder = buildJsonLinesDecoder(definition, builder, { streamName: 'orders' })
  expect(await all(decoder.decode(response('{"id":1}\n<html>\n')))).toEqual([{ id: 1 }])
  expect(emitted).toEqual([])
  expect(await all(decoder.decode(response('<html>\n<body>\n')))).toEqual([])
  expect(found(emitted)).toEqual(['no JSON lines (no content type, begins with <html)'])
})
