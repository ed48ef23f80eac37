import { join } from 'node:path'
import { buildInto } from '../rolldown.config.ts'

const folder = join(import.meta.dirname, '../.build/bench')
/** `reactor`, as it is installed. */
export const builtProgram = join(folder, 'cli/main.js')

/** Builds it again, so that the current sources are measured. */
export async function buildProgram(): Promise<void> {
  await buildInto(folder)
}

/** A program of the benchmarks, built as `reactor` is; returns its file. */
export async function buildAlike(source: string): Promise<string> {
  await buildInto(folder, { program: source })
  return join(folder, 'program.js')
}

let wrapper: Promise<string> | undefined

/**
 * The wrapper that measures a program from within its process, made once: taking the types away there would
 * be 60 ms of CPU in each figure (2026-11-29).
 */
export function builtWrapper(): Promise<string> {
  wrapper ??= buildWrapper()
  return wrapper
}

async function buildWrapper(): Promise<string> {
  await buildInto(folder, { 'measured-program': 'bench/measured-program.ts' })
  return join(folder, 'measured-program.js')
}
