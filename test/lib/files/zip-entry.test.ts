import { expect, test } from 'vitest'
import { zipEntry } from '../../../lib/files/zip-entry.ts'
import { publishedZip } from '../../fixtures/published-zip.ts'

const limit = { maxBytes: 1_000 }

test('files of an archive of Python’s zipfile are read, stored and deflated', () => {
  const text = (name: string) => {
    const bytes = zipEntry(publishedZip, name, limit)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8')
  }
  expect(text('manifest.yaml')).toBe('version: 7.0.0\n')
  expect(text('components.py')).toMatch(/^class Odd:\n {4}"""ä"""\n(?: {4}# filler\n){20}$/)
  expect(text('other.py')).toBeUndefined()
})

test('what is no archive, is cut off or unpacks to too much is refused', () => {
  expect(() => zipEntry(Buffer.from('no zip'), 'components.py', limit)).toThrow(RangeError)
  expect(() => zipEntry(publishedZip.subarray(0, 150), 'components.py', limit)).toThrow(RangeError)
  expect(() => zipEntry(publishedZip, 'components.py', { maxBytes: 100 })).toThrow(RangeError)
})
