import { describe, expect, it } from 'vitest'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestError } from '../../../manifest-interpreter/manifest/manifest-error.ts'
import { remove } from '../../../manifest-interpreter/value/dict.ts'
import type { Value } from '../../../manifest-interpreter/value/value.ts'
import { manifest, stream } from './manifests.ts'

function problems(changes: Record<string, Value>): readonly { path: string; message: string }[] {
  try {
    loadManifest(manifest(changes))
  } catch (error) {
    if (error instanceof ManifestError) return error.problems
    throw error
  }
  return []
}

describe('a manifest', () => {
  it('is read from YAML, with the types that it left out', () => {
    const { definition, check, spec } = loadManifest(`
version: 6.0.0
definitions:
  requester: {url_base: https://api.test}
check: {stream_names: [a]}
streams:
  - name: a
    retriever:
      requester: {$ref: "#/definitions/requester", path: /a}
      record_selector: {extractor: {field_path: []}}
`)
    expect(check).toMatchObject({ type: 'CheckStream' })
    expect(spec).toBeUndefined()
    expect(definition).toMatchObject({
      type: 'DeclarativeSource',
      streams: [
        {
          type: 'DeclarativeStream',
          retriever: {
            type: 'SimpleRetriever',
            requester: { type: 'HttpRequester', url_base: 'https://api.test', path: '/a' },
          },
        },
      ],
    })
  })

  it('may hold fields that no one knows, in its components', () => {
    const odd = { ...stream('items'), unknown_field: [1] }
    expect(problems({ streams: [odd] })).toStrictEqual([])
  })

  it.each(['', '- 1', 'text'])('%j is none', (text) => {
    expect(() => loadManifest(text)).toThrow('It must be an object')
  })

  it('that is no YAML is refused with line and column', () => {
    expect(() => loadManifest('a: [1')).toThrow(/not valid YAML: .* \(line 1, column \d+\)/)
  })
})

describe('what is wrong', () => {
  it('is told with its path, the value and what to do', () => {
    const broken = stream('items', {
      requester: { type: 'HttpRequester', http_method: 'PUT', use_cache: 'yes' },
      paginator: { type: 'DefaultPaginator', pagination_strategy: { type: 'CursorPagination' } },
    })
    expect(problems({ streams: [broken] })).toStrictEqual([
      {
        path: 'streams[0].retriever.requester.http_method',
        message: 'This is "PUT". Use one of "GET", "POST".',
      },
      {
        path: 'streams[0].retriever.requester.use_cache',
        message: 'This is a text. Use true or false.',
      },
      {
        path: 'streams[0].retriever.paginator.pagination_strategy',
        message: 'This lacks "cursor_value". Add it.',
      },
    ])
  })

  it('a component that cannot stand there is named, with those that can', () => {
    const [problem] = problems({ streams: [stream('items', { paginator: { type: 'NoAuth' } })] })
    expect(problem).toStrictEqual({
      path: 'streams[0].retriever.paginator',
      message:
        'This is an object of type "NoAuth". Use an object of type "DefaultPaginator" or "NoPagination".',
    })
  })

  it('a field at the top that is not known is refused', () => {
    expect(problems({ strems: [] })).toMatchObject([{ path: 'strems' }])
  })

  it('streams must be there, listed or generated', () => {
    const rest = manifest()
    remove(rest, 'streams')
    expect(() => loadManifest(rest)).toThrow('It has none of "streams", "dynamic_streams"')
  })

  it('is said of a date, which is no text', () => {
    expect(() =>
      loadManifest('version: 2020-01-01\ncheck: {stream_names: [a]}\nstreams: []'),
    ).toThrow('version: This is a date (put it in quotes to make it a text). Use a text.')
  })

  it.each([
    ['a list with an item twice', { http_codes: [1, 1] }, 'has an item twice'],
    ['a float is no integer', { http_codes: [1.5] }, 'Use an integer'],
  ])('%s', (_name, filter, message) => {
    const requester = {
      type: 'HttpRequester',
      error_handler: {
        type: 'DefaultErrorHandler',
        response_filters: [{ type: 'HttpResponseFilter', ...filter }],
      },
    }
    expect(problems({ streams: [stream('items', { requester })] })[0]?.message).toContain(message)
  })

  it('a message lists the first problems and counts the others', () => {
    const broken = Array.from({ length: 8 }, () => ({ type: 'DeclarativeStream' }))
    expect(() => loadManifest(manifest({ streams: broken }))).toThrow(/\(and 3 more\)/)
  })
})
