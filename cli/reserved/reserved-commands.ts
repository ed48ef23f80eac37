import { z } from 'zod'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'

/**
 * Commands whose part of the service does not exist yet: each sends its request, and the service responds
 * that it is not available. The future response is not known here, so it is shown as it is.
 */
async function askReserved(
  { client, output }: CommandContext,
  path: string,
  body: object,
): Promise<number> {
  const { json } = await client.ask({ method: 'POST', path, body }, z.unknown())
  await showResult(output, json, () => `${JSON.stringify(json, null, 2)}\n`)
  return exitCodes.complete
}

export interface ConflictFlags {
  readonly connectionA: string
  readonly connectionB: string
  readonly rules: string
}

export async function createConflictPolicy(
  context: CommandContext,
  { connectionA, connectionB, rules }: ConflictFlags,
): Promise<number> {
  return askReserved(context, apiPath('policies', 'conflict'), {
    connection_a: connectionA,
    connection_b: connectionB,
    rules,
  })
}
