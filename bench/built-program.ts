import { join } from 'node:path'
import { buildInto } from '../rolldown.config.ts'

const folder = join(import.meta.dirname, '../.build/bench')
/** `reactor`, as it is installed. */
export const builtProgram = join(folder, 'cli/main.js')

/** Makes it again: what is measured is what the sources are now. */
export async function buildProgram(): Promise<void> {
  await buildInto(folder)
}

/** A program of the benchmarks, built as `reactor` is; returns its file. */
export async function buildAlike(source: string): Promise<string> {
  await buildInto(folder, { program: source })
  return join(folder, 'program.js')
}
