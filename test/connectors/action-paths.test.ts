import { describe, expect, test } from 'vitest'
import type { Action } from '../../connectors/action.ts'
import { connectorOf } from '../../connectors/registry.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import { actionSubjects } from './action-subjects.ts'

const base = 'https://vendor.example'

/** Values that a hostile caller sends where an id or a name is expected. */
const hostile = [
  ...['../../evil', '..', '.', '/evil', '//evil.example/x', '\\evil', 'https://evil.example/'],
  ...['%2e%2e%2fevil', 'a%2fb', 'a/b/../../../c', 'a?x=1', 'a#b', 'a;b', 'a@evil.example'],
  ...['a\r\nX-Evil: 1', 'a\nb', 'a\tb', 'ü', '\u2025/', '\u202e', '\u{1f600}', ' ', ''],
]

describe.each(Object.entries(actionSubjects))('the requests of %s', (type, subject) => {
  test('go to the address of the configuration, whatever stands in a field', async () => {
    const { actions } = await connectorOf(type)
    const config = subject.configOf(base, 'secret')
    let planned = 0
    for (const action of (await actions?.load()) ?? []) {
      const sample = subject.samples[action.descriptor.name] ?? {}
      const usual = plan(action, sample, config)
      expect(usual, action.descriptor.name).toBeDefined()
      for (const field of Object.keys(sample).filter((name) => typeof sample[name] === 'string'))
        for (const text of hostile) {
          const about = `${action.descriptor.name} ${field} ${JSON.stringify(text)}`
          const url = plan(action, { ...sample, [field]: text }, config)?.url
          if (url === undefined) continue
          planned += 1
          // A URL that means what it says: nothing in it is resolved, and nothing ends its path.
          expect(new URL(url).href, about).toBe(url)
          expect(new URL(url).origin, about).toBe(base)
          expect(url.slice(base.length), about).not.toMatch(/[?#\s\\]|\/\.{0,2}(?:\/|$)/)
          if (!manySegments.has(field))
            expect(url.split('/').length, about).toBe(usual?.url.split('/').length)
        }
    }
    expect(planned).toBeGreaterThan(50)
  })

  test('have no header with a line of its own', async () => {
    const { actions } = await connectorOf(type)
    const config = subject.configOf(base, 'secret')
    for (const action of (await actions?.load()) ?? []) {
      const sample = subject.samples[action.descriptor.name] ?? {}
      for (const field of Object.keys(sample).filter((name) => typeof sample[name] === 'string')) {
        const headers =
          plan(action, { ...sample, [field]: 'a\r\nX-Evil: 1' }, config)?.headers ?? {}
        for (const [name, value] of Object.entries(headers))
          expect(`${name}: ${value}`, `${action.descriptor.name} ${field}`).not.toMatch(/[\r\n]/)
      }
    }
  })
})

/** Fields whose slashes are those of the path: of a file, and of a branch. */
const manySegments = new Set(['path', 'branch', 'ref'])

/** Undefined if the input is refused. */
function plan(action: Action, input: JsonObject, config: JsonObject) {
  try {
    return action.call(input).plan(config)
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectError)
    expect(error).toMatchObject({ code: 'action_input_invalid' })
    return undefined
  }
}
