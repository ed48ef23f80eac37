import { spawnSync } from 'node:child_process'

/** Returns the output of a command on both streams; undefined if the command cannot be run or fails. */
export function commandOutput(command: string, args: readonly string[]): string | undefined {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 })
  return result.status === 0 ? result.stdout + result.stderr : undefined
}
