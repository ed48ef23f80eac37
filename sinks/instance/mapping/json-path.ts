import { JSONPath } from 'jsonpath-plus'
import type { RecordValue } from '../../../protocol/index.ts'

/** The first value at the path; undefined if there is none. */
export type FindValue = (value: RecordValue) => RecordValue | undefined

/**
 * Reads a JSONPath. Filters and scripts, which would be code, are refused: see `isScript`. Throws if the path
 * is none.
 */
export function jsonPath(path: string): FindValue {
  const parts = JSONPath.toPathArray(path)
  if (parts.some(isScript)) throw new TypeError('filters and scripts are not allowed in a path')
  return (value) => {
    if (typeof value !== 'object' || value === null) return undefined
    const found: unknown = JSONPath({
      path,
      json: value as object,
      eval: false,
      wrap: true,
      resultType: 'value',
    })
    if (!Array.isArray(found)) return undefined
    const [first] = found as RecordValue[]
    return first
  }
}

function isScript(part: string): boolean {
  return /^[?(]|\(|\)/.test(part)
}
