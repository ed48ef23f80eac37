import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { runHere } from '../cli/run-here.ts'
import { builtProgram } from './program.ts'

const event = z.looseObject({
  streams: z
    .array(
      z.looseObject({
        name: z.string(),
        loaded: z.number(),
        warnings: z.array(z.string()).default([]),
      }),
    )
    .default([]),
})
export type EngineEvent = z.infer<typeof event>

/** The engine as a user runs it. */
export function startEngine(file: string): ChildProcess {
  return spawn(process.execPath, [builtProgram(), 'connect', 'run', file, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Resolves when the engine has loaded this many records in all (or has ended before). */
export async function loadedAtLeast(engine: ChildProcess, wanted: number): Promise<void> {
  if (engine.stdout === null) throw new Error('the engine has no output')
  for await (const line of createInterface({ input: engine.stdout })) {
    const { streams } = event.parse(JSON.parse(line))
    const loaded = streams.reduce((sum, stream) => sum + stream.loaded, 0)
    if (loaded >= wanted) return
  }
}

/** Kills the engine with -9 once it has loaded this many records, or ends before. */
export async function killEngine(
  file: string,
  { loaded, afterMs }: { readonly loaded: number; readonly afterMs: number },
): Promise<void> {
  const engine = startEngine(file)
  await loadedAtLeast(engine, loaded)
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  engine.kill('SIGKILL')
  if (engine.exitCode === null && engine.signalCode === null) await once(engine, 'exit')
}

/**
 * Kills the engine as soon as the condition holds, which is asked again and again. Throws if the run ends
 * before.
 */
export async function killEngineWhen(
  file: string,
  condition: () => Promise<boolean>,
): Promise<void> {
  const engine = startEngine(file)
  const exited = once(engine, 'exit')
  while (!(await condition())) {
    if (engine.exitCode !== null) throw new Error('the run ended before the condition held')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  engine.kill('SIGKILL')
  await exited
}

/** Runs to the end in this process, which must be a good one; gives the result that it wrote. */
export async function finishEngine(file: string): Promise<EngineEvent> {
  const { code, stdout, stderr } = await runHere(file, { args: ['--json'], env: process.env })
  const text = stdout.trim()
  if (code !== 0)
    throw new Error(
      `the resumed run ended with ${String(code)}:\n${`${text}${stderr}`.slice(-4_000)}`,
    )
  return event.parse(JSON.parse(text.split('\n').at(-1) ?? ''))
}
