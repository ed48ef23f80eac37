import { describe, expect, it } from 'vitest'
import { keysRead } from '../../../manifest-interpreter/jinja/keys-read.ts'
import { parseTemplate } from '../../../manifest-interpreter/jinja/parse-template.ts'

const keysOf = (template: string) => keysRead(parseTemplate(template), 'response')

describe('the keys that a template reads of a variable', () => {
  it.each([
    ["{{ response['next'] }}", ['next']],
    ['{{ response.meta.next }}', ['meta']],
    ["{{ response.get('next') }}", ['next']],
    ["{{ not response['a'] and response.b | length > 2 }}", ['a', 'b']],
    ["{% if response.more %}{{ response['last'] }}{% endif %}", ['more', 'last']],
    ['{{ record.response }}', []],
  ])('are known in %s', (template, keys) => {
    expect([...(keysOf(template) ?? ['all'])]).toEqual(keys)
  })

  it.each([
    '{{ response }}',
    '{{ response | length }}',
    '{{ response[config.key] }}',
    '{{ response[0] }}',
    '{{ response.values() | list }}',
    '{{ response.get }}',
    "{{ response.get('a', response) }}",
    "{{ response.get(key='a') }}",
    "{{ [response]['a'] }}",
    '{% set other = response %}{{ other.a }}',
    '{% for key in response %}{{ key }}{% endfor %}',
    '{% for key in [1] %}{{ response[key] }}{% endfor %}',
  ])('may be all in %s', (template) => {
    expect(keysOf(template)).toBeUndefined()
  })
})
