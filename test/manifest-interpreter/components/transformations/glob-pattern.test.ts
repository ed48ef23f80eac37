import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../../../manifest-interpreter/components/transformations/glob-pattern.ts'

// Values of Python's fnmatch.fnmatchcase.
const examples: readonly [
  pattern: string,
  matching: readonly string[],
  other: readonly string[],
][] = [
  ['*', ['', 'a', 'a\nb'], []],
  ['a*c', ['ac', 'abc', 'acbc'], ['a', 'acb']],
  ['?', ['a', '😀', '\n'], ['', 'ab']],
  ['[a-c]', ['a', 'c'], ['d', '-', '']],
  ['[!a-c]', ['d', '-'], ['a', '']],
  ['[a-]', ['a', '-'], ['b']],
  ['[]a]', [']', 'a'], ['b']],
  ['[!]a]', ['b'], [']', 'a']],
  ['[c-a]', [], ['a', 'b', 'c', '-']],
  ['[!c-a]', ['a', 'b'], ['']],
  ['[a-c-e]', ['b', '-', 'e'], ['d']],
  ['[--a]', ['-', '/', 'a'], ['b', '+']],
  ['[^a]', ['^', 'a'], ['b']],
  ['[a', ['[a'], ['a']],
  ['a.b', ['a.b'], ['axb']],
  [String.raw`\*`, [String.raw`\x`], ['*']],
  ['items[0]', ['items0'], ['items[0]']],
]

describe('a pattern', () => {
  it.each(examples)('%s matches what it matches in Python', (pattern, matching, others) => {
    const matches = compilePattern(pattern)
    expect(matching.filter((text) => !matches(text))).toEqual([])
    expect(others.filter((text) => matches(text))).toEqual([])
  })

  it('takes no long time, whatever it is', () => {
    const matches = compilePattern('*a'.repeat(200))
    expect(matches('a'.repeat(150) + 'b')).toBe(false)
  })
})
