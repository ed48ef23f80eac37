import { join } from 'node:path'
import { inject } from 'vitest'
import { buildInto } from '../../rolldown.config.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    program: string
  }
}

/** Builds `reactor`; gives its file. */
export async function buildProgram(): Promise<string> {
  // Each time the same: the names of its parts change with their contents.
  const folder = join(import.meta.dirname, '../../.build/test')
  await buildInto(folder)
  return join(folder, 'cli/main.js')
}

/**
 * The file of `reactor` as it is installed: tests start it many times, and the sources take twice as long.
 */
export function builtProgram(): string {
  return inject('program')
}
