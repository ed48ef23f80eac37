import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatPointer, parseLocalReference, parsePointer } from '../../../lib/text/json-pointer.ts'

describe('JSON pointers', () => {
  // The examples of RFC 6901, section 5.
  it.each([
    ['', []],
    ['/foo', ['foo']],
    ['/foo/0', ['foo', '0']],
    ['/', ['']],
    ['/a~1b', ['a/b']],
    ['/c%d', ['c%d']],
    ['/ ', [' ']],
    ['/m~0n', ['m~n']],
  ])('writes and reads %j as the standard has it', (pointer, path) => {
    expect(formatPointer(path)).toBe(pointer)
    expect(parsePointer(pointer)).toEqual(path)
  })

  it('reads each path that it wrote', () => {
    const names = fc.array(fc.string({ unit: fc.constantFrom('~', '/', '0', '1', 'a', '%') }))
    fc.assert(
      fc.property(names, (path) => {
        expect(parsePointer(formatPointer(path))).toEqual(path)
      }),
    )
  })

  // Section 6 of the same: the pointer as the fragment of an address.
  it.each([
    ['#', []],
    ['#/foo/0', ['foo', '0']],
    ['#/c%25d', ['c%d']],
    ['#/g%7Ch', ['g|h']],
    ['#/%20', [' ']],
    ['#/a~1b', ['a/b']],
  ])('reads the reference %s', (reference, path) => {
    expect(parseLocalReference(reference)).toEqual(path)
  })

  it.each(['', 'other.json#/a', '/a', '#a', '#/%', '#/%ff'])('reads nothing of %j', (reference) => {
    expect(parseLocalReference(reference)).toBeUndefined()
  })
})
