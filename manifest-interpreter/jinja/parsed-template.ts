import { PythonError } from '../value/python-error.ts'
import type { Body } from './nodes.ts'
import { parseTemplate } from './parse-template.ts'

/** Undefined if it is not a valid template. */
export function parsedTemplate(template: string): Body | undefined {
  try {
    return parseTemplate(template)
  } catch (error) {
    if (error instanceof PythonError) return undefined
    throw error
  }
}
