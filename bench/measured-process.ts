import { spawn } from 'node:child_process'
import { z } from 'zod'
import { builtWrapper } from './built-program.ts'

/** The time and memory that a process took. */
export const measured = z.object({
  seconds: z.number(),
  cpuSeconds: z.number(),
  peakRssMb: z.number(),
})
export type Measured = z.infer<typeof measured>

/** As the first line of cli/main.ts says. */
export const nodeFlags = ['--max-semi-space-size=8']

/**
 * Runs a program of Node as a whole process. Its output goes nowhere, but the error of one that fails has the
 * end of what it wrote to stderr.
 */
export async function measureProgram(
  program: string,
  argv: readonly string[],
  { flags = [] }: { readonly flags?: readonly string[] } = {},
): Promise<Measured> {
  const wrapper = await builtWrapper()
  const started = performance.now()
  const child = spawn(process.execPath, [...flags, wrapper, program, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: loopbackAllowed(),
  })
  const errors: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  const figures: Buffer[] = []
  child.stdio[3]?.on('data', (chunk: Buffer) => figures.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) {
    const written = Buffer.concat(errors).toString('utf8').slice(-4_000)
    throw new Error(`${program} exited with ${String(code)}:\n${written}`)
  }
  const usage: unknown = JSON.parse(Buffer.concat(figures).toString('utf8'))
  const seconds = (performance.now() - started) / 1000
  return measured.parse({ ...Object(usage), seconds })
}

export function loopbackAllowed(): NodeJS.ProcessEnv {
  return { ...process.env, REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.0/8' }
}
